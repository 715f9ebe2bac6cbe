// Package console is what operators see: sign-in, incidents, campaigns, approvals, support, audit, people and keys, as pages on the admin address.
// It promises that every route names the act it takes, that GET changes nothing but reads, and that whatever it does goes through internal/desk. Only cmd calls it.
package console

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/operator/signin"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/server"
)

// Options is what the console needs. Desk, Door, Operators and AdminURL are required.
type Options struct {
	Desk      *desk.Desk
	Door      *signin.Door
	Operators operator.Store  // sessions, and what operators do with their own
	Provider  Provider        // of OpenID Connect; zero: none
	Ending    <-chan struct{} // closed when the process is to end, so that pages that watch let go; nil: never
	PublicURL string          // where members read the notices
	AdminURL  string          // where operators reach it; the only origin whose forms are taken
	Name      string          // the service's name as members know it
	Idle      time.Duration   // how long a session lives unused; DefaultIdle if 0
	Life      time.Duration   // how long a session lives; DefaultLife if 0
}

// Console answers the operators' routes. Make one with New.
type Console struct {
	o         Options
	guard     *guard
	provider  *provider // nil: none
	site      site
	https     bool
	ownForms  gin.HandlerFunc
	strangers *ratelimit.Memory // how often they are on record
	assets    server.Assets
	templates map[string]func() (*template.Template, error)
	beat      time.Duration // of streams
	patience  time.Duration // of pages with counts
}

// site is what the pages say about whose they are.
type site struct {
	Name string
	URL  string
}

// New reads the layout and fails with what is wrong in the options.
func New(o Options) (*Console, error) {
	if o.Desk == nil || o.Door == nil || o.Operators == nil {
		return nil, errors.New("console: parts are missing")
	}
	o.Idle, o.Life = cmp.Or(o.Idle, DefaultIdle), cmp.Or(o.Life, DefaultLife)
	u, err := url.Parse(o.AdminURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("console: the admin URL is not an absolute http or https URL")
	}
	c := &Console{o: o, site: site{Name: o.Name, URL: strings.TrimSuffix(o.AdminURL, "/")}, https: u.Scheme == "https", beat: beat, patience: patience}
	c.guard = newGuard(o, c.https)
	if o.Provider.Issuer != "" {
		c.provider = newProvider(o.Provider, c.site.URL+returnPath)
	}
	refuse, err := server.OwnFormsOnly(u)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c.ownForms, c.strangers = c.ownFormsOnly(refuse), ratelimit.NewMemory(strangers, nil)
	if c.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	c.templates, err = loadTemplates()
	return c, err
}
