package console

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/incident"
)

// Pages whose numbers take their time come at once and say so, and the numbers come by themselves; deadlines that press stand first.
func TestLooksWhileCounting(t *testing.T) {
	t.Parallel()
	let := make(chan struct{})
	w := newWorld(t, slowly(let))
	w.console.patience = time.Millisecond
	w.members(20)
	w.incident("sega-2011", longTitle)
	w.activated("sega-2011")
	for name, due := range map[string]time.Duration{"GDPR Art. 33: supervisory authority": -90 * time.Minute, "NIS2 Art. 23: early warning to the CSIRT": 5 * time.Hour} {
		at := time.Now().Add(due)
		_, err := w.desk.ChangeClock(t.Context(), w.person("responder"), incident.ClockChange{Slug: "sega-2011", Name: &name, DueAt: &at})
		must(t, err)
	}
	b := browse(t, w)
	b.signIn("responder")
	b.look("campaign-counting", "/campaigns/1")
	b.look("overview-counting", "/")
	close(let)
	b.Says("document.querySelector('[data-live=members]').textContent + ' ' + document.querySelector('[data-campaign]').hasAttribute('aria-busy')", "10 false")
	b.Says("document.querySelector('[data-live=age]').textContent.startsWith('Counted')", "true")
	b.seen("overview-counted")
}

// What takes its time says so where it was begun, and cannot be begun twice by a double click.
func TestSaysThatItRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.members(20)
	w.incident("sega-2011", "A breach")
	id := w.drafted("sega-2011", leak(10))
	b := browse(t, w)
	b.signIn("responder")
	b.open(fmt.Sprintf("/campaigns/%d", id))
	const hold = "(window.times = 0, document.addEventListener('submit', (e) => { if (!e.defaultPrevented) times++; e.preventDefault(); }), document.addEventListener('click', (e) => { if (e.target.closest('a')) e.preventDefault(); }), 'held')"
	b.Says(hold, "held") // nothing leaves the page: what it shows meanwhile is to be seen
	b.Says("(document.querySelector('form[data-busy] button').click(), document.querySelector('form[data-busy] button').click(), times)", "1")
	b.Says("document.querySelector('form[data-busy] [role=status]').textContent.startsWith('Finding the accounts.')", "true")
	b.Says("document.querySelector('form[data-busy] button').getAttribute('aria-disabled')", "true")
	b.Says("(document.querySelector('a[data-busy]').click(), 'clicked')", "clicked")
	b.Says("document.querySelector('p:has(> a[data-busy]) [role=status]').textContent.startsWith('Counting whom it reaches.')", "true")
	b.seen("campaign-busy")
}
