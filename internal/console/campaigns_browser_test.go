package console

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/delivery"
	"github.com/seed-1c168855/rekey/internal/delivery/queue"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// members takes accounts in: m0 to m(n-1), the first without an address, every third reading German, and the responder's own.
func (w *world) members(n int) {
	w.t.Helper()
	var rows strings.Builder
	rows.WriteString("subject,email,password_hash,password_set_at,locale\n")
	row := func(subject, email, locale string) {
		fmt.Fprintf(&rows, "%s,%s,md5$$5f4dcc3b5aa765d61d8327deb882cf99,2010-03-04T05:06:07Z,%s\n", subject, email, locale)
	}
	row("m0", "", "en-GB")
	for i := 1; i < n; i++ {
		row(fmt.Sprintf("m%d", i), fmt.Sprintf("m%d@example.org", i), []string{"de", "en-GB", "ja"}[i%3])
	}
	row("own", "Responder@example.org", "en-GB")
	_, err := account.Import(w.t.Context(), w.store, strings.NewReader(rows.String()), account.ImportOptions{Actor: tester})
	must(w.t, err)
}

// person is somebody of the staff whose second factor was just shown.
func (w *world) person(name string) operator.Principal {
	return w.staff[name].Person(time.Now().Add(time.Minute))
}

// withMail shows the real mails, and keeps those that would be sent.
func withMail(sent chan desk.TestMail) func(fitting) {
	return func(f fitting) {
		composer, err := delivery.NewComposer(delivery.Letterhead{From: "Example <security@example.org>", PublicURL: "https://reset.example.org", Service: "Example"}, nil)
		f.desk.WriteTestMail = func(k campaign.Campaign, i incident.Incident, m desk.TestMail) (desk.Mail, error) {
			if err != nil {
				return desk.Mail{}, err
			}
			look, err := composer.Look(queue.Campaign{ID: k.ID, Slug: i.Slug, Title: i.Title, Classes: i.Classes}, queue.Kind(m.Kind), m.Locale)
			return desk.Mail(look), err
		}
		f.desk.SendTestMail = func(_ context.Context, _ campaign.Campaign, _ incident.Incident, m desk.TestMail) error {
			sent <- m
			return nil
		}
	}
}

// incident writes one down as a responder does.
func (w *world) incident(slug, title string) {
	w.t.Helper()
	found, occurred := time.Now().Add(-30*time.Hour), time.Now().Add(-72*time.Hour)
	notice := "Somebody was in our systems."
	_, err := w.desk.SetIncident(w.t.Context(), w.person("responder"), incident.Change{
		Slug: slug, Title: &title, OccurredAt: &occurred, FoundAt: &found, Classes: []string{"names", "password hashes"}, Unexposed: []string{"payment data"}, Notice: &notice,
	})
	must(w.t, err)
}

// drafted is a prepared campaign under an incident.
func (w *world) drafted(slug, list string) int64 {
	w.t.Helper()
	q := campaign.CreateRequest{Incident: slug, Scope: campaign.Everyone}
	if list != "" {
		q.Scope, q.List = campaign.Listed, strings.NewReader(list)
	}
	k, err := w.desk.CreateCampaign(w.t.Context(), w.person("responder"), q)
	must(w.t, err)
	_, err = w.desk.PrepareCampaign(w.t.Context(), w.person("responder"), k.ID)
	must(w.t, err)
	return k.ID
}

// asked is a request to activate a campaign.
func (w *world) asked(id int64) int64 {
	w.t.Helper()
	plan, err := w.desk.PlanActivation(w.t.Context(), w.person("responder"), id)
	must(w.t, err)
	out, err := w.desk.Activate(w.t.Context(), w.person("responder"), id, campaign.ActivateRequest{Expect: &plan.Accounts}, "the dump is for sale")
	must(w.t, err)
	return out.Pending.ID
}

// A list of every kind of line: most name members, some nobody, some twice, some no address.
func leak(n int) string {
	var list strings.Builder
	list.WriteString("email\n")
	for i := range n {
		fmt.Fprintf(&list, "m%d@example.org\n", i)
	}
	list.WriteString("stranger@example.net\nm1@EXAMPLE.org\nnot an address\nResponder@example.org\n")
	return list.String()
}

const longTitle = "Unauthorised access to the account database of the Example community pages and of three services that were merged into them in 2009"

// The pages of an incident and its campaigns: empty, in every state, huge; in light and dark, on a phone and a desk.
func TestLooksOfAnIncident(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withMail(make(chan desk.TestMail, 1)))
	b := browse(t, w)
	b.signIn("responder")
	for name, path := range map[string]string{
		"overview-empty": "/", "incidents-empty": "/incidents", "campaigns-empty": "/campaigns", "approvals-empty": "/approvals", "lockdown": "/lockdown", "incident-new": "/new-incident",
	} {
		b.look(name, path)
	}
	w.members(40)
	w.incident("sega-2011", longTitle)
	_, err := w.desk.UpdateIncident(t.Context(), w.person("responder"), incident.UpdateChange{Slug: "sega-2011", Text: "The attacker was in from 14 June.\n\nNo payment data was taken."})
	must(t, err)
	first := w.drafted("sega-2011", leak(30))
	second := w.drafted("sega-2011", "")
	request := w.asked(first)
	k := func(id int64, rest string) string { return fmt.Sprintf("/campaigns/%d%s", id, rest) }
	for name, path := range map[string]string{
		"incident": "/incidents/sega-2011", "incident-edit": "/incidents/sega-2011/edit", "incident-update": "/incidents/sega-2011/updates/1", "campaign-new": "/incidents/sega-2011/new-campaign",
		"campaign-prepared": k(first, ""), "campaign-lines": k(first, "/unmatched"), "campaign-mail": k(first, "/mail?locale=ar"), "campaign-activate": k(first, "/activate"),
		"campaign-discard": k(second, "/discard"), "approval-mine": fmt.Sprintf("/approvals/%d", request), "overview": "/",
	} {
		b.look(name, path)
	}
	b.signIn("second")
	b.look("approval", fmt.Sprintf("/approvals/%d", request))
	b.Says("document.querySelectorAll('#now tbody tr').length + document.querySelector('#now [role=status]').textContent", "5Counted.")
	b.seen("approval-now")
	b.look("approval-now-alone", fmt.Sprintf("/approvals/%d/now", request))
	b.look("approvals-filtered", "/approvals?state=void")
	_, err = w.desk.Approve(t.Context(), w.person("second"), request, "checked with the list")
	must(t, err)
	b.look("approval-decided", fmt.Sprintf("/approvals/%d", request))
	w.going(first)
	b.signIn("responder")
	b.look("campaign-active", k(first, ""))
	b.Says("document.querySelectorAll('#live canvas').length + ' ' + document.querySelector('[data-live=sent]').textContent", "1 20")
	b.seen("campaign-live")
	for name, path := range map[string]string{
		"campaign-remind": k(first, "/remind?hours=0"), "campaign-remind-refused": k(first, "/remind?hours=-1"), "campaign-close": k(first, "/close"), "campaign-cancel": k(first, "/cancel"), "overview-active": "/",
	} {
		b.look(name, path)
	}
	w.huge()
	_, err = w.desk.LockdownOn(t.Context(), w.person("responder"), "the attacker is still in")
	must(t, err)
	b.look("campaigns-huge", "/campaigns")
	b.look("lockdown-on", "/lockdown")
	b.look("nothing", "/campaigns/4711")
}

// In a browser: a file that is no list is refused on the page with all that was typed; another one is dropped onto it, and drafts the campaign. Then the lockdown, by keys alone.
func TestUploadByDrop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.members(5)
	w.incident("sega-2011", "A breach")
	garbage := filepath.Join(t.TempDir(), "holiday.jpg")
	must(t, os.WriteFile(garbage, []byte("\xff\xd8\xff\xe0 no list\n"), 0o600))
	b := browse(t, w)
	b.signIn("responder")
	b.open("/incidents/sega-2011/new-campaign")
	b.Type("domain", "example.org")
	b.attach("list", garbage)
	b.Says("document.getElementById('chosen').textContent.includes('holiday.jpg')", "true")
	b.Click("#draft > button")
	b.Says("document.querySelector('.notice.bad h2')?.textContent", "Nothing was done")
	b.Says("document.forms.draft.domain.value", "example.org")
	b.seen("upload-refused")
	b.Do(chromedp.Clear(chromedp.ID("domain")))
	b.Says(`(() => { const d = new DataTransfer(); d.items.add(new File(['email\nm1@example.org\n'], 'leak.csv')); document.getElementById('drop').dispatchEvent(new DragEvent('drop', {dataTransfer: d, bubbles: true, cancelable: true})); return document.getElementById('chosen').textContent.includes('leak.csv'); })()`, "true")
	b.Click("#draft > button")
	b.Says(place, "/campaigns/1")
	b.Do(chromedp.Focus(chromedp.CSS(".stop summary")), chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("they are in"), chromedp.KeyEvent(kb.Tab))
	b.seen("lockdown-menu")
	b.Do(chromedp.KeyEvent(kb.Enter))
	b.Says(place, "/lockdown")
	b.Says("document.querySelector('.alarm strong').textContent", "Locked down")
}

// going has half of the members written to; some of them opened the page.
func (w *world) going(id int64) {
	w.t.Helper()
	ctx := w.t.Context()
	now, err := w.store.Now(ctx)
	must(w.t, err)
	claimed, err := w.store.ClaimMembers(ctx, queue.Lease{Owner: "test", For: time.Minute}, queue.Pick{Campaign: id, Upto: 1 << 40, Limit: 20})
	must(w.t, err)
	var marks []queue.Mark
	var opened []int64
	for i, m := range claimed {
		marks = append(marks, queue.Mark{ID: m.Account, State: queue.Sent, At: now.Add(-time.Duration(i%6) * time.Hour), Kind: queue.Reset, Tried: true, MessageID: fmt.Sprintf("<%d@example.org>", i)})
		if i%3 == 0 {
			opened = append(opened, m.Account)
		}
	}
	_, err = w.store.MarkMembers(ctx, "test", id, marks)
	must(w.t, err)
	must(w.t, w.store.MarkOpened(ctx, id, opened, now.Add(-10*time.Minute)))
}

// huge is far more campaigns than anybody should have.
func (w *world) huge() {
	w.t.Helper()
	for range 200 {
		_, err := w.desk.CreateCampaign(w.t.Context(), w.person("responder"), campaign.CreateRequest{Incident: "an-incident-whose-name-is-as-long-as-a-name-of-one-may-ever-be", Scope: campaign.Everyone})
		must(w.t, err)
	}
}

// attach puts a file into the form, as its dialog does.
func (b *tab) attach(id, path string) {
	b.T.Helper()
	b.Do(chromedp.SetUploadFiles(chromedp.ID(id), []string{path}))
}
