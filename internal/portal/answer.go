package portal

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

const (
	// busyWait is what Retry-After says when the error does not know: long enough to thin out a rush, short enough to stay for.
	busyWait = 10 * time.Second
	// closedWait is the same for a lockdown, which is lifted by people.
	closedWait = 10 * time.Minute
)

// statusPages names the texts of the page for each status.
var statusPages = map[int]struct {
	title string
	texts []string
	ways  bool // whether the page offers the ways to start over
}{
	http.StatusBadRequest:            {"unreadable.title", []string{"unreadable.text"}, true},
	http.StatusForbidden:             {"cross_site.title", []string{"cross_site.text"}, true},
	http.StatusNotFound:              {"not_found.title", []string{"not_found.text"}, true},
	http.StatusMethodNotAllowed:      {"not_again.title", []string{"not_again.text"}, true}, // an answer to a form, asked for again by a browser that starts anew
	http.StatusRequestEntityTooLarge: {"too_large.title", []string{"too_large.text"}, true},
	http.StatusTooManyRequests:       {"limited.title", []string{"limited.text"}, true},
	http.StatusServiceUnavailable:    {"busy.title", []string{"busy.text"}, true},
	http.StatusInternalServerError:   {"error.title", []string{"error.text"}, false},
}

// Problem shows a problem as a page. It is the portal's server.Renderer, fit also for the engine's own 404 and 405.
func (p *Portal) Problem(c *gin.Context, d problem.Details) {
	v := p.view(c)
	if d.Status == http.StatusServiceUnavailable && p.locked(c) {
		p.showClosed(c, v)
		return
	}
	page, known := statusPages[d.Status]
	if !known {
		page = statusPages[http.StatusInternalServerError]
	}
	v.Ways = page.ways
	switch d.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		v.Paragraphs = []string{v.say(page.texts[0]), v.wait(c)}
		v.Heading = v.say(page.title)
		p.show(c, d.Status, "message", v)
		return
	case http.StatusInternalServerError:
		v.RequestID = d.RequestID
	}
	p.message(c, d.Status, v, page.title, page.texts...)
}

// message shows a page that is a heading and paragraphs.
func (p *Portal) message(c *gin.Context, status int, v *view, title string, texts ...string) {
	v.Heading = v.say(title)
	for _, id := range texts {
		v.Paragraphs = append(v.Paragraphs, v.say(id))
	}
	p.show(c, status, "message", v)
}

// noBody renders problems for scripts, which read the status.
func noBody(c *gin.Context, d problem.Details) { c.Status(d.Status) }

// closed shows the closed page while a lockdown is on, so that nobody types a password for nothing. If that is not known the page is shown: its POST will tell.
func (p *Portal) closed(c *gin.Context) bool {
	if !p.locked(c) {
		return false
	}
	p.showClosed(c, p.view(c))
	return true
}

func (p *Portal) locked(c *gin.Context) bool {
	ctx, cancel := context.WithTimeout(c.Request.Context(), lookDeadline)
	defer cancel()
	locked, err := p.resets.Locked(ctx)
	return err == nil && locked
}

func (p *Portal) showClosed(c *gin.Context, v *view) {
	c.Header("Retry-After", strconv.Itoa(int(closedWait.Seconds())))
	p.message(c, http.StatusServiceUnavailable, v, "closed.title", "closed.text", "closed.next")
}

// withWait gives every refusal that ends by itself a time to come back: Retry-After is a promise of the interface. Work that ran out of time is one of them.
func withWait(err error) error {
	kind := problem.KindOf(err)
	if kind == problem.Internal && errors.Is(err, context.DeadlineExceeded) {
		kind = problem.Unavailable
	}
	if (kind != problem.Limited && kind != problem.Unavailable) || problem.RetryAfter(err) > 0 {
		return err
	}
	return &problem.Error{Kind: kind, Text: "Please try again in a moment.", RetryAfter: busyWait, Err: err}
}

var _ server.Renderer = (*Portal)(nil).Problem
