// Package portal is what members see: the pages on which they set a new password, by link or by typed code, ask for a new message and read the public notice.
// It promises that GET and HEAD change nothing, that no page sets a cookie or holds a password, and that a token is in form bodies alone. Only cmd calls it.
package portal

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/server"
)

// Resets is the member's use cases, see reset.Service. The answers to Request and Reissue never depend on whether an account exists.
type Resets interface {
	// Check changes nothing. nil: the token is live; problem.Invalid: not well signed; problem.Gone: used, superseded or expired.
	Check(ctx context.Context, token string, client netip.Addr) error
	// Redeem sets the password. It fails with Invalid, Gone, Unprocessable (its Code says which rule), Limited or Unavailable.
	Redeem(ctx context.Context, s reset.Submission) error
	// Request has a message written to the accounts of an address, if there are any. locale is the page's BCP 47 tag.
	Request(ctx context.Context, email string, client netip.Addr, locale string) error
	// Reissue has a fresh link sent to the address on file of the token's account.
	Reissue(ctx context.Context, token string, client netip.Addr) error
	// Locked tells whether a lockdown is on.
	Locked(ctx context.Context) (bool, error)
}

// Options is what the portal needs. Resets, Notice, PublicURL, Minimum and Maximum are required.
type Options struct {
	Resets    Resets
	Notice    func(ctx context.Context, slug string) (incident.Incident, error) // problem.NotFound unless published
	PublicURL string                                                            // where members reach the portal; its origin is the only one whose forms are taken
	Minimum   int                                                               // least password length in code points, as the policy has it
	Maximum   int                                                               // greatest one
	Name      string                                                            // the service's name as members know it; the public URL's host if empty
	Contact   string                                                            // an address, URL or sentence for those who need help; may be empty
	ReturnURL string                                                            // where to log in, http(s); may be empty
	Colour    string                                                            // #rrggbb for buttons and links, made darker or lighter until it can be read; may be empty
	Locales   fs.FS                                                             // the operator's own texts, TAG.json as in web/locales, beside and over ours; may be nil
	Logo      []byte                                                            // SVG or PNG, shown beside the name; a plain icon if empty
	Deadline  time.Duration                                                     // for one call of Resets or Notice; 20 s if 0
	Sender    string                                                            // name-addr (RFC 5322 §3.4) that mails come from; the notice does not name it if empty
	Subjects  func(locale string) ([]string, error)                             // subject lines of the mails about a breach, as members of a locale get them; may be nil
	Proofs    *Proofs                                                           // the proof of work asked for under pressure; nil: never
	Since     time.Time                                                         // since when program, texts and settings are what they are: no notice is older to caches; now if zero
}

const (
	defaultDeadline = 20 * time.Second
	// lookDeadline bounds the look at the lockdown before a page is shown: a page that comes is worth more than one that knows.
	lookDeadline = time.Second
	// maxForm is the most bytes a form may have. The longest honest one, two passwords of 256 four-byte code points escaped, has 7 KiB.
	maxForm = 16 << 10
)

// Portal answers the routes for members. Make one with New.
type Portal struct {
	resets    Resets
	notice    func(ctx context.Context, slug string) (incident.Incident, error)
	deadline  time.Duration
	minimum   int
	maximum   int
	https     bool
	proofs    *Proofs
	door      door
	ownForms  gin.HandlerFunc
	ownReads  gin.HandlerFunc
	site      site
	assets    server.Assets
	pages     map[string]*template.Template
	plain     sync.Map // plainPage → its body
	languages *languages
	classes   *incident.Vocabulary
	mails     mails
	since     time.Time
}

// site is what the pages say about whose they are.
type site struct {
	Name      string
	Public    string // the public URL
	Address   string // host, with the port if it has one, as typed by hand
	ReturnURL string
	Logo      string // name of the asset
	Contact   *contact
}

// New reads templates, texts and theme, and fails with what is wrong in the options.
func New(o Options) (*Portal, error) {
	if o.Resets == nil || o.Notice == nil || o.Minimum < 1 || o.Maximum < o.Minimum {
		return nil, errors.New("portal: use cases or password lengths are missing")
	}
	public, err := httpURL(o.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("portal: public URL: %w", err)
	}
	p := &Portal{resets: o.Resets, notice: o.Notice, proofs: o.Proofs, door: newDoor(), deadline: o.Deadline, minimum: o.Minimum, maximum: o.Maximum, https: public.Scheme == "https", since: o.Since}
	if p.deadline == 0 {
		p.deadline = defaultDeadline
	}
	if p.ownForms, err = server.RefuseCrossSite(public); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	if p.ownReads, err = server.RefuseCrossSiteReads(public); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	if p.site, err = siteOf(o, public); err != nil {
		return nil, err
	}
	if p.assets, err = loadAssets(o.Colour, p.site.Logo, o.Logo); err != nil {
		return nil, err
	}
	if p.languages, err = loadLanguages(o.Locales); err != nil {
		return nil, err
	}
	if p.pages, err = loadPages(); err != nil {
		return nil, err
	}
	return p, p.prepareNotices(o)
}

func siteOf(o Options, public *url.URL) (site, error) {
	s := site{Name: o.Name, Public: strings.TrimSuffix(o.PublicURL, "/"), Address: public.Host, ReturnURL: o.ReturnURL, Contact: contactOf(o.Contact)}
	if s.Name == "" {
		s.Name = public.Hostname()
	}
	if o.ReturnURL != "" {
		if _, err := httpURL(o.ReturnURL); err != nil {
			return site{}, fmt.Errorf("portal: return URL: %w", err)
		}
	}
	logo, err := logoName(o.Logo)
	if err != nil {
		return site{}, err
	}
	s.Logo = logo
	return s, nil
}

// httpURL reads an absolute http(s) URL.
func httpURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("not an absolute http or https URL")
	}
	return u, nil
}
