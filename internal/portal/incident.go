package portal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/server"
	"github.com/seed-1c168855/rekey/web"
)

// mails is what a member can know our mails by.
type mails struct {
	Name, Address, Domain string              // of the sender; empty: not told
	subjects              map[string][]string // by the page's language
}

// prepareNotices reads what all notices have in common.
func (p *Portal) prepareNotices(o Options) error {
	if p.since.IsZero() {
		p.since = time.Now()
	}
	ours, err := fs.Sub(web.Files, "locales")
	if err != nil {
		return fmt.Errorf("listing the languages: %w", err)
	}
	if p.classes, err = incident.LoadVocabulary(ours, o.Locales); err != nil {
		return err
	}
	if o.Sender != "" {
		from, err := netmail.ParseAddress(o.Sender)
		if err != nil {
			return fmt.Errorf("portal: sender of mails: %w", err)
		}
		p.mails.Name, p.mails.Address = from.Name, from.Address
		p.mails.Domain = from.Address[strings.LastIndexByte(from.Address, '@')+1:]
	}
	p.mails.subjects = map[string][]string{}
	for _, t := range p.languages.texts {
		if o.Subjects == nil {
			break
		}
		if p.mails.subjects[t.Lang], err = o.Subjects(t.Lang); err != nil {
			return fmt.Errorf("portal: subjects of mails: %w", err)
		}
	}
	return nil
}

// incident shows a published notice; it stays readable in a lockdown.
func (p *Portal) incident(c *gin.Context) {
	v, i, found := p.published(c)
	if !found {
		return
	}
	if body, done := p.render(c, "incident", v); done {
		p.serveShared(c, htmlType, body, i)
	}
}

// published reads the notice that is asked for. Where there is none it has answered.
func (p *Portal) published(c *gin.Context) (*view, incident.Incident, bool) {
	ctx, cancel := p.work(c)
	defer cancel()
	i, err := p.notice(ctx, c.Param("slug"))
	if err != nil {
		server.Fail(c, err)
		return nil, i, false
	}
	v := p.view(c)
	v.Notice = p.noticeOf(v, i)
	return v, i, true
}

const (
	// noticeLife is how long a copy may be shown unasked: short, since a notice that is taken back must go, and long enough to take the rush after
	// a mailing off the database where a shared cache stands in front.
	noticeLife = "public, max-age=60"
	// settled is how old a state must be before its date in whole seconds names it alone (RFC 9110 §8.8.2.2).
	settled = 2 * time.Second
)

// serveShared sends what is the same for all who read a language, to be kept and asked for again by ETag or date (RFC 9110 §13).
func (p *Portal) serveShared(c *gin.Context, mediaType string, body []byte, i incident.Incident) {
	sum := sha256.Sum256(body)
	h := c.Writer.Header()
	h.Set("Content-Type", mediaType)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	h.Set("Cache-Control", noticeLife)
	for _, own := range []string{"RateLimit", "RateLimit-Policy"} { // about this reader alone
		h.Del(own)
	}
	modified := p.since
	for _, t := range []*time.Time{&i.ChangedAt, i.PublishedAt} {
		if t != nil && t.After(modified) {
			modified = *t
		}
	}
	if time.Since(modified) < settled {
		modified = time.Time{} // no date is better than one that the next change shares
	}
	leaveDoor(c)
	http.ServeContent(c.Writer, c.Request, "", modified, bytes.NewReader(body))
}
