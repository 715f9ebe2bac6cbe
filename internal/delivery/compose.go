package delivery

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"io/fs"
	"net"
	netmail "net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/token"
	mailtemplates "github.com/seed-1c168855/rekey/web/mail"
)

// Letterhead is what all mails have in common.
type Letterhead struct {
	From      string // name-addr (RFC 5322 section 3.4)
	ReplyTo   string // name-addr; empty: none
	PublicURL string // links are built from it alone; no trailing slash
	Service   string // what members know the service as
	Contact   string // how members reach a person: an address or a URL; empty: none
	Templates fs.FS  // the operator's own, see web/mail; nil: none

	CampaignLife time.Duration // of links that a campaign or Rekey itself sends; default 24 h
	AskedLife    time.Duration // of links that somebody just asked for; default 1 h
}

// Composer writes mails. It is safe for concurrent use.
type Composer struct {
	letterhead    Letterhead
	from, replyTo *netmail.Address
	sender        string // envelope form of from
	idDomain      string
	templates     *templates
	repeats       repeats
	coder         *token.Coder

	now      func() time.Time
	random   func() string
	boundary string // empty: a random one for each mail
}

// content is what templates see. Times are in UTC.
type content struct {
	Service, Home, CodePage, ForgotPage, Contact string
	NoticePage                                   string   // where the incident's public notice can be read; empty: nowhere yet
	Campaign                                     int64    // 0: a single mail
	Title                                        string   // of the incident
	Classes                                      []string // of data exposed
	Unexposed                                    []string // classes that were not
	OccurredAt                                   *time.Time
	Accounts                                     []line
	Hours, Minutes                               int       // how long the links live: whole hours, or else minutes
	Ends                                         time.Time // of the links, rounded down to a minute
	At                                           time.Time // when it happened, in mails about one act
	Test                                         bool      // a sample for the operator: the link is dead
}

// line is an account in a mail. Link and Code are empty where there is no password to reset.
type line struct{ Subject, Link, Code string }

// NewComposer checks addresses and templates.
func NewComposer(l Letterhead, coder *token.Coder) (*Composer, error) {
	c := &Composer{letterhead: l, coder: coder, now: time.Now, random: rand26}
	from, err := netmail.ParseAddress(l.From)
	if err != nil {
		return nil, problem.Wrap(problem.Invalid, "the mail sender must be an address such as Example <security@example.org>", err)
	}
	envelope, err := parseAddress(from.Address)
	if err != nil || envelope.UTF8 {
		return nil, problem.New(problem.Invalid, "the mail sender must be an address whose local part is ASCII")
	}
	c.from, c.sender = &netmail.Address{Name: clean(from.Name), Address: envelope.Header}, envelope.Address
	if l.ReplyTo != "" {
		if c.replyTo, err = netmail.ParseAddress(l.ReplyTo); err != nil {
			return nil, problem.Wrap(problem.Invalid, "the reply address must be an address such as Example <help@example.org>", err)
		}
		c.replyTo.Name = clean(c.replyTo.Name)
	}
	u, err := url.Parse(l.PublicURL)
	if err != nil || u.Hostname() == "" {
		return nil, problem.New(problem.Invalid, "the public URL must have a host")
	}
	_, c.idDomain, _ = cutLast(envelope.Address, '@')
	if net.ParseIP(u.Hostname()) == nil {
		c.idDomain = u.Hostname()
	}
	if c.letterhead.Service == "" {
		c.letterhead.Service = u.Hostname()
	}
	if c.letterhead.CampaignLife == 0 {
		c.letterhead.CampaignLife = 24 * time.Hour
	}
	if c.letterhead.AskedLife == 0 {
		c.letterhead.AskedLife = time.Hour
	}
	c.templates, err = newTemplates(l.Templates, mailtemplates.Files)
	return c, err
}

func rand26() string {
	var b [16]byte
	rand.Read(b[:])
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// lifeOf is how long the links of a kind live.
func (c *Composer) lifeOf(kind queue.Kind) time.Duration {
	if kind == queue.Asked || kind == queue.Reissue {
		return c.letterhead.AskedLife
	}
	return c.letterhead.CampaignLife
}

// member writes a campaign mail; its kind follows from what is true of the recipient.
func (c *Composer) member(ring *token.Ring, k queue.Campaign, to queue.Member) (*Message, queue.Kind, error) {
	page := c.page()
	page.Campaign, page.Title, page.Classes, page.Unexposed, page.OccurredAt = k.ID, clean(k.Title), k.Classes, k.Unexposed, k.OccurredAt
	if k.Published {
		page.NoticePage = c.letterhead.PublicURL + "/incidents/" + k.Slug
	}
	kind := kindOf(to)
	if err := c.fill(page, ring, kind, k.ID, []queue.Recipient{to.Recipient}); err != nil {
		return nil, "", err
	}
	m, err := c.message(kind, to.Locale, to.Email, page)
	return m, kind, err
}

// kindOf is what a campaign has to say to a member: a password that is dead now is to be reset, else there is nothing to do.
func kindOf(m queue.Member) queue.Kind {
	switch {
	case !m.Dead || !m.HasPassword:
		return queue.Notice
	case m.Reminder:
		return queue.Reminder
	}
	return queue.Reset
}

// single writes a mail of the outbox to accounts that share one stored address.
func (c *Composer) single(ring *token.Ring, s queue.Single, to []queue.Recipient) (*Message, error) {
	page := c.page()
	page.At = s.CreatedAt
	if err := c.fill(page, ring, s.Kind, 0, to); err != nil {
		return nil, err
	}
	locale := to[0].Locale
	if locale == "" {
		locale = s.Locale
	}
	return c.message(s.Kind, locale, to[0].Email, page)
}

func (c *Composer) page() *content {
	l := c.letterhead
	return &content{Service: clean(l.Service), Home: l.PublicURL, CodePage: l.PublicURL + "/code", ForgotPage: l.PublicURL + "/forgot", Contact: clean(l.Contact)}
}

// fill names the accounts and mints a link and a code for each that has a password, where the kind has links. Their life begins now.
func (c *Composer) fill(page *content, ring *token.Ring, kind queue.Kind, campaign int64, to []queue.Recipient) error {
	now, life := c.now(), c.lifeOf(kind)
	page.setLife(now, life)
	for _, r := range to {
		account := line{Subject: clean(r.Subject)}
		if hasLinks(kind) && r.HasPassword {
			minted, _, err := ring.Mint(r.Account, campaign, r.Version, r.Epoch, now, life)
			if err != nil {
				return fmt.Errorf("minting a link for account %d: %w", r.Account, err)
			}
			account.Link = c.letterhead.PublicURL + "/reset#t=" + minted
			account.Code = c.coder.Code(r.Account, r.Version, r.Epoch, life, now)
		}
		page.Accounts = append(page.Accounts, account)
	}
	return nil
}

func (p *content) setLife(now time.Time, life time.Duration) {
	p.Ends = now.Add(life).Truncate(time.Minute)
	if p.Hours = int(life / time.Hour); life%time.Hour != 0 {
		p.Hours, p.Minutes = 0, int(life/time.Minute)
	}
}

// hasLinks tells the kinds that wait while the service is locked down.
func hasLinks(kind queue.Kind) bool { return kind != queue.Changed && kind != queue.Notice }

// message makes MIME of it: text and HTML, nothing remote, nothing that counts who opened it.
func (c *Composer) message(kind queue.Kind, locale, address string, page *content) (*Message, error) {
	to, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	id, now := c.random()+"@"+c.idDomain, c.now().UTC()
	m := &Message{ID: "<" + id + ">", From: c.sender, To: to.Address, UTF8: to.UTF8}
	if page.Campaign != 0 {
		m.Data, err = c.campaign(kind, locale, page, to, id, now)
	} else {
		m.Data, err = c.alone(kind, locale, page, to, id, now)
	}
	if err != nil {
		return nil, fmt.Errorf("writing mail %s: %w", kind, err)
	}
	return m, nil
}

// alone renders and encodes one mail.
func (c *Composer) alone(kind queue.Kind, locale string, page *content, to envelope, id string, now time.Time) ([]byte, error) {
	r, err := c.templates.render(kind, locale, page)
	if err != nil {
		return nil, err
	}
	return c.encode(r, to.Header, id, now, c.boundary)
}

// encode gives a mail its headers and encodings. An empty boundary becomes a random one.
func (c *Composer) encode(r rendered, to, id string, now time.Time, boundary string) ([]byte, error) {
	m := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithBoundary(boundary))
	m.FromMailAddress(c.from)
	m.ToMailAddress(&netmail.Address{Address: to})
	if c.replyTo != nil {
		m.ReplyToMailAddress(c.replyTo)
	}
	m.SetDateWithValue(now)
	m.SetMessageIDWithValue(id)
	m.Subject(r.Subject)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 section 5
	m.SetGenHeader("X-Auto-Response-Suppress", "All")  // what Exchange reads instead
	m.SetBodyString(mail.TypeTextPlain, r.Text)
	m.AddAlternativeString(mail.TypeTextHTML, r.HTML)
	var data bytes.Buffer
	data.Grow(8 << 10)
	_, err := m.WriteTo(&data)
	return data.Bytes(), err
}
