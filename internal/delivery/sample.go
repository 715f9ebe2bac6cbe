package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// sampleLink stands where a link would: it has the form of one and no signature, so it opens the page and does nothing.
const (
	sampleToken = "this-is-a-sample-and-not-a-link"
	sampleCode  = "0000-0000-0000"
)

// Sample writes the mail of a kind that a campaign would send (Reset, Reminder, Notice), marked as a test, with a link and a code that open nothing.
func (c *Composer) Sample(k queue.Campaign, kind queue.Kind, to, locale string) (*Message, error) {
	m, err := c.message(kind, locale, to, c.samplePage(k))
	if errors.Is(err, errAddress) {
		return nil, problem.New(problem.Invalid, "this is not an address that mail can go to")
	}
	return m, err
}

// Look is a mail as whoever gets it sees it.
type Look struct {
	From, Subject string
	Text, HTML    string
	Languages     []string // that there are mails in, folder names; the one that others fall back to first
}

// Look writes what Sample does, to be read.
func (c *Composer) Look(k queue.Campaign, kind queue.Kind, locale string) (Look, error) {
	r, err := c.templates.render(kind, locale, c.samplePage(k))
	if err != nil {
		return Look{}, fmt.Errorf("writing mail %s: %w", kind, err)
	}
	return Look{From: c.letterhead.From, Subject: r.Subject, Text: r.Text, HTML: r.HTML, Languages: slices.Clone(c.templates.folders)}, nil
}

func (c *Composer) samplePage(k queue.Campaign) *content {
	page := c.page()
	page.Test, page.Title, page.Classes, page.Unexposed, page.OccurredAt = true, clean(k.Title), k.Classes, k.Unexposed, k.OccurredAt
	if k.Published {
		page.NoticePage = c.letterhead.PublicURL + "/incidents/" + k.Slug
	}
	page.setLife(c.now(), c.letterhead.CampaignLife)
	page.Accounts = []line{{Subject: "sample", Link: c.letterhead.PublicURL + "/reset#t=" + sampleToken, Code: sampleCode}}
	return page
}

// SendOne hands one mail over on a connection of its own.
func SendOne(ctx context.Context, dialer Dialer, m *Message) error {
	conn, err := dialer.Dial(ctx)
	if err != nil {
		return problem.Wrap(problem.Unavailable, "the mail server cannot be reached", err)
	}
	defer conn.Close()
	if err := conn.Deliver(m, ctx.Err); err != nil {
		return problem.Wrap(problem.Unavailable, "the mail server did not take the mail", err)
	}
	return nil
}

// samples fill every branch of the templates once, to check them.
var samples = func() map[queue.Kind]*content {
	when := time.Date(2026, 3, 2, 14, 5, 0, 0, time.UTC)
	page := &content{
		Service: "Example", Home: "https://example.org", CodePage: "https://example.org/code", ForgotPage: "https://example.org/forgot",
		Contact: "help@example.org", NoticePage: "https://example.org/incidents/breach", Title: "Breach", Classes: []string{"names", "dates of birth"}, Unexposed: []string{"payment data", "shoe sizes"}, OccurredAt: &when,
		Accounts: []line{{"one", "https://example.org/reset#t=" + sampleToken, sampleCode}, {"two", "", ""}}, Hours: 24, Ends: when, At: when,
	}
	all := map[queue.Kind]*content{}
	for _, kind := range []queue.Kind{queue.Reset, queue.Reminder, queue.Notice, queue.Asked, queue.Reissue, queue.Changed, queue.Disabled} {
		all[kind] = page
	}
	return all
}()
