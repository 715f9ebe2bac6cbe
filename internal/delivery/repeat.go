package delivery

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// repeats keeps mails of campaigns rendered but for the account in them: a million mails differ in subject, token and code alone.
// What goes into the gaps needs no escaping anywhere, or the mail is rendered whole.
type repeats struct {
	mu    sync.Mutex
	kept  map[string]rendered
	forms map[string]*form // nil: there is none
}

// Gaps, in letters that no template and no escaping changes.
const (
	gapSubject = "GapForTheAccountSubject"
	gapToken   = "GapForTheSignedToken"
	gapCode    = "GapForTheTypedCode"
)

// maxKept bounds the memory: a language, kind and campaign make a new one each minute, since the end of the links is in it.
const maxKept = 64

// campaign writes a mail of a campaign, from a form if its values allow that.
func (c *Composer) campaign(kind queue.Kind, locale string, page *content, to envelope, id string, now time.Time) ([]byte, error) {
	r, key, token, err := c.gapped(kind, locale, page)
	if err != nil {
		return nil, err
	}
	if key == "" {
		return c.alone(kind, locale, page, to, id, now)
	}
	account := page.Accounts[0]
	if to.Header == to.Address && !to.UTF8 && len(to.Address) <= longestTo {
		v := formValues{account.Subject, token, account.Code, to.Address, now.Format(time.RFC1123Z), id}
		if f, err := c.formFor(key, r, v); f != nil || err != nil {
			if err != nil {
				return nil, err
			}
			return f.write(&v), nil
		}
	}
	return c.encode(r.fill(account.Subject, token, account.Code), to.Header, id, now, c.boundary)
}

// gapped renders a mail with gaps, and names what it says by a key; empty: it must be rendered whole. token is what goes into its gap.
func (c *Composer) gapped(kind queue.Kind, locale string, page *content) (r rendered, key, token string, err error) {
	account := page.Accounts[0]
	link := c.letterhead.PublicURL + "/reset#t="
	token, _ = strings.CutPrefix(account.Link, link)
	if !plain(account.Subject) || !plain(account.Code) || strings.ContainsFunc(token, func(r rune) bool { return r != '.' && !isPlain(r) }) {
		return rendered{}, "", "", nil
	}
	key = strings.Join([]string{string(kind), locale, page.Title, page.NoticePage, strings.Join(page.Classes, "\x01"), strings.Join(page.Unexposed, "\x01"), strconv.FormatInt(page.Ends.Unix(), 10), strconv.FormatBool(token == "")}, "\x00")
	if page.OccurredAt != nil {
		key += page.OccurredAt.String()
	}
	c.repeats.mu.Lock()
	r, ok := c.repeats.kept[key]
	c.repeats.mu.Unlock()
	if ok {
		return r, key, token, nil
	}
	gaps := *page
	gaps.Accounts = []line{{Subject: gapSubject}}
	if token != "" {
		gaps.Accounts = []line{{Subject: gapSubject, Link: link + gapToken, Code: gapCode}}
	}
	if r, err = c.templates.render(kind, locale, &gaps); err != nil {
		return rendered{}, "", "", err
	}
	c.repeats.keep(key, r)
	return r, key, token, nil
}

func (r rendered) fill(subject, token, code string) rendered {
	fill := strings.NewReplacer(gapSubject, subject, gapToken, token, gapCode, code)
	return rendered{Subject: fill.Replace(r.Subject), Text: fill.Replace(r.Text), HTML: fill.Replace(r.HTML)}
}

func (p *repeats) keep(key string, r rendered) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil || len(p.kept) >= maxKept {
		p.kept = map[string]rendered{}
	}
	p.kept[key] = r
}

func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !isPlain(r) })
}

func isPlain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}
