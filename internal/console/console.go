// Package console is what operators see: sign-in, incidents, campaigns, approvals, support, audit, people and keys, as pages on the admin address.
// It promises that every route names the act it takes, that GET changes nothing but reads, and that whatever it does goes through internal/desk. Only cmd calls it.
package console

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/server"
)

// Options is what the console needs. Desk, Guard and AdminURL are required.
type Options struct {
	Desk      *desk.Desk
	Guard     Guard
	PublicURL string // where members read the notices
	AdminURL  string // where operators reach it; the only origin whose forms are taken
	Name      string // the service's name as members know it
}

// Guard knows who is signed in. It is the one place that reads the session.
type Guard interface {
	// Who is the signed-in operator with the roles they have now; false for nobody.
	Who(ctx context.Context) (operator.Principal, bool, error)
	// Say keeps a sentence in the session for the next page, and Said takes it out.
	Say(ctx context.Context, text string)
	Said(ctx context.Context) string
}

// Console answers the operators' routes. Make one with New.
type Console struct {
	o         Options
	site      site
	https     bool
	ownForms  gin.HandlerFunc
	assets    assets
	templates map[string]*template.Template
}

// site is what the pages say about whose they are.
type site struct {
	Name string
	URL  string
}

// New reads the templates and fails with what is wrong in the options.
func New(o Options) (*Console, error) {
	if o.Desk == nil || o.Guard == nil {
		return nil, errors.New("console: parts are missing")
	}
	u, err := url.Parse(o.AdminURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("console: the admin URL is not an absolute http or https URL")
	}
	c := &Console{o: o, site: site{Name: o.Name, URL: strings.TrimSuffix(o.AdminURL, "/")}, https: u.Scheme == "https"}
	if c.ownForms, err = server.OwnFormsOnly(u); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if c.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	c.templates, err = loadTemplates()
	return c, err
}
