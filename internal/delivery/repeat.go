package delivery

import (
	"strconv"
	"strings"
	"sync"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// repeats keeps mails of campaigns rendered but for the account in them: a million mails differ in subject, token and code alone.
// What goes into the gaps needs no escaping anywhere, or the mail is rendered whole.
type repeats struct {
	mu   sync.Mutex
	kept map[string]rendered
}

// Gaps, in letters that no template and no escaping changes.
const (
	gapSubject = "GapForTheAccountSubject"
	gapToken   = "GapForTheSignedToken"
	gapCode    = "GapForTheTypedCode"
)

// maxKept bounds the memory: a language, kind and campaign make a new one each minute, since the end of the links is in it.
const maxKept = 64

func (c *Composer) repeat(kind queue.Kind, locale string, page *content) (rendered, error) {
	account := page.Accounts[0]
	link := c.letterhead.PublicURL + "/reset#t="
	token, _ := strings.CutPrefix(account.Link, link)
	if !plain(account.Subject) || !plain(account.Code) || strings.ContainsFunc(token, func(r rune) bool { return r != '.' && !isPlain(r) }) {
		return c.templates.render(kind, locale, page)
	}
	key := strings.Join([]string{string(kind), locale, page.Title, page.NoticePage, strings.Join(page.Classes, "\x00"), strconv.FormatInt(page.Ends.Unix(), 10), strconv.FormatBool(token == "")}, "\x00")
	if page.OccurredAt != nil {
		key += page.OccurredAt.String()
	}
	c.repeats.mu.Lock()
	r, ok := c.repeats.kept[key]
	c.repeats.mu.Unlock()
	if !ok {
		gaps := *page
		gaps.Accounts = []line{{Subject: gapSubject}}
		if token != "" {
			gaps.Accounts = []line{{Subject: gapSubject, Link: link + gapToken, Code: gapCode}}
		}
		var err error
		if r, err = c.templates.render(kind, locale, &gaps); err != nil {
			return rendered{}, err
		}
		c.repeats.keep(key, r)
	}
	fill := strings.NewReplacer(gapSubject, account.Subject, gapToken, token, gapCode, account.Code)
	return rendered{Subject: fill.Replace(r.Subject), Text: fill.Replace(r.Text), HTML: fill.Replace(r.HTML)}, nil
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
