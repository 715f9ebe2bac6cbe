package console

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/support"
	"github.com/seed-1c168855/rekey/internal/token"
)

var codeLives = append([]time.Duration{24 * time.Hour}, support.CodeLives...)

// help gives a world's desk what single members and evidence need.
func (w *world) help(master secret.Master, limits ratelimit.Source, o *desk.Options) {
	w.t.Helper()
	page, err := ReportPage("Example", "https://reset.example.org")
	must(w.t, err)
	w.coder, w.keys = token.NewCoder(master), audit.NewKeys(w.store, master)
	_, err = w.keys.Ensure(w.t.Context(), "reset.example.org/audit", tester)
	must(w.t, err)
	o.Records = &desk.Records{File: w.store, Reports: w.store, Mails: w.store, Seals: w.store, Verifiers: w.keys.Verifiers, Page: page}
	o.Support = &support.Service{
		Store: w.store, Coder: w.coder, Limits: limits, Fold: account.EmailKey, Lives: codeLives, Locked: w.store.Locked,
		LimitKeys: ratelimit.NewKeyer(func(parts ...string) []byte { return master.MAC(secret.LimitKey, parts...) }),
	}
}

// seal seals the log and signs a checkpoint of it.
func (w *world) seal() audit.Checkpoint {
	w.t.Helper()
	_, err := w.store.SealPending(w.t.Context(), 10_000, audit.Seal)
	must(w.t, err)
	c, _, err := audit.NewKeeper(w.store, w.keys).Make(w.t.Context())
	must(w.t, err)
	return c
}

// breach makes members u-1 to u-3, of whom the last two share an address, kills all their passwords by campaign 1 of incident june, and hires both, who responds and approves.
func (w *world) breach() {
	w.t.Helper()
	for n, address := range []string{"amy@example.com", "tails@example.com", "tails@example.com"} {
		hash := fmt.Sprintf("5f4dcc3b5aa765d61d8327deb882cf%02x", n)
		_, err := account.NewDirectory(w.store).Put(w.t.Context(), account.PutRequest{Subject: "u-" + strconv.Itoa(n+1), Email: &address, PasswordHash: &hash}, tester)
		must(w.t, err)
	}
	campaigns := campaign.On(w.store, account.EmailKey, nil)
	k, err := campaigns.Create(w.t.Context(), campaign.CreateRequest{Incident: "june", Scope: campaign.Everyone}, tester)
	must(w.t, err)
	_, err = campaigns.Prepare(w.t.Context(), k.ID, tester)
	must(w.t, err)
	_, err = campaigns.Activate(w.t.Context(), k.ID, campaign.ActivateRequest{}, tester)
	must(w.t, err)
	o, _, err := w.people.Create(w.t.Context(), operator.CreateRequest{Name: "both", Email: "both@example.org", Roles: operator.Roles{operator.Responder, operator.Approver}}, tester)
	must(w.t, err)
	w.staff["both"] = o
}

// wants fails unless the answer has the status and all the texts.
func (w *world) wants(got reply, status int, texts ...string) {
	w.t.Helper()
	if got.status != status {
		w.t.Errorf("status %d, want %d: %.600s", got.status, status, got.body)
	}
	for _, text := range texts {
		if !strings.Contains(got.body, text) && !strings.Contains(html.UnescapeString(got.body), text) {
			w.t.Errorf("the page does not say %q: %s", text, got.body)
		}
	}
}

// logLacks fails if the whole audit log has any of the texts.
func (w *world) logLacks(texts ...string) {
	w.t.Helper()
	all, _, err := w.store.AuditSearch(w.t.Context(), audit.Query{Limit: audit.MaxPage})
	must(w.t, err)
	for _, e := range all {
		for _, text := range texts {
			if record := string(e.Record()); strings.Contains(record, text) {
				w.t.Errorf("the audit log has %q: %s", text, record)
			}
		}
	}
}

func TestSupportDesk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.breach()
	v := w.as("responder")
	w.wants(v.get("/members"), 200, "Subject or mail address")
	w.wants(v.post("/members", "member", "nobody@example.com"), 200, "No member has this subject or mail address")
	w.wants(v.post("/members", "member", "tails@example.com"), 200, "2 members share this address", "u-2", "u-3")
	if got := v.post("/members", "member", "AMY@example.com"); got.status != 303 || got.to != "/members/1" {
		t.Errorf("one found: %d to %s", got.status, got.to)
	}
	w.wants(v.get("/members/1"), 200, "The password does not work.", `Campaign <a href="/campaigns/1">1</a> of incident <a href="/incidents/june">june</a> killed it`, "amy@example.com",
		"came into force and killed the password. Sessions from before it ended.")
	w.wants(v.get("/members/999"), 404)

	if got := v.post("/members/1/link"); got.to != "/members/1" {
		t.Fatalf("link: %+v", got)
	}
	w.wants(v.get("/members/1"), 200, "A fresh link is on its way", "Fresh link", "waits to be sent", "operator:responder")
	for range 3 {
		v.post("/members/1/link")
	}
	w.wants(v.get("/members/1"), 200, "the address has had its mails for now")
	if n, err := w.store.AuditUnsealed(t.Context()); err != nil || n == 0 || len(w.entries(audit.SupportLink)) != 4 {
		t.Errorf("links are not recorded")
	}
	v.post("/members/1/dead-address", "dead", "yes")
	w.wants(v.get("/members/1"), 200, "No mail goes to this address", "marked dead by operator:responder")
	w.wants(v.post("/members/1/link"), 409, "The address is marked as dead")
	v.post("/members/1/dead-address", "dead", "no")
	w.wants(v.get("/members/1"), 200, "Mail goes to this address again")

	looks := w.entries(audit.SupportFind)
	if last := looks[0]; last.Object != "account:u-1" || last.Actor.Name != "responder" {
		t.Errorf("the last look: %+v", last)
	}
	w.logLacks("example.com", "5f4dcc3b")
	for _, name := range []string{"auditor", "approver", "admin"} {
		for _, path := range []string{"/members", "/members/1", "/members/1/code"} {
			w.wants(w.as(name).get(path), 403)
		}
	}
}

var typedCode = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b`)

// codeOn is the code that a page shows, which must be one that the member's reset takes; "" for none.
func (w *world) codeOn(got reply, id int64) string {
	w.t.Helper()
	code := typedCode.FindString(got.body)
	if code == "" {
		return ""
	}
	c, _, err := w.store.Credential(w.t.Context(), id)
	must(w.t, err)
	if !w.coder.Matches(code, c.ID, c.Version, c.Epoch, codeLives, time.Now()) {
		w.t.Errorf("the code shown is none of the member's")
	}
	if got.header.Get("Cache-Control") != "no-store" || strings.Contains(w.log.String(), code) {
		w.t.Error("the code is kept")
	}
	w.logLacks(code, strings.ReplaceAll(code, "-", ""), strings.ReplaceAll(code, "-", " "))
	return code
}

func TestSpokenCodeByOnePerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.breach()
	v := w.as("both")
	w.wants(v.get("/members/1/code"), 200, "How did they prove who they are?", "Show the code")
	w.wants(v.post("/members/1/code", "note", "x"), 422, "Say how the member proved who they are")
	w.wants(v.post("/members/1/code", "proof", "callback", "note", "amy@example.com"), 422, "no address, no telephone")
	got := v.post("/members/1/code", "proof", "callback", "note", "ticket 4711")
	w.wants(got, 200, "Read this to the member", "https://reset.example.org/code", "amy@example.com")
	if w.codeOn(got, 1) == "" {
		t.Fatalf("no code: %s", got.body)
	}
	e := w.entries(audit.SupportCode)[0]
	if e.Object != "account:u-1" || e.Actor.Name != "both" || e.Outcome != audit.Done || e.Detail["proof"] != "callback" || e.Detail["note"] != "ticket 4711" {
		t.Errorf("recorded %+v", e)
	}
	if got := w.signedIn("both", false).post("/members/1/code", "proof", "callback"); !strings.HasPrefix(got.to, "/confirm") {
		t.Errorf("with a stale factor: %d to %s", got.status, got.to)
	}
	for range 2 {
		v.post("/members/1/code", "proof", "callback")
	}
	w.wants(v.post("/members/1/code", "proof", "callback"), 429)
	must(t, setLockdown(w))
	w.wants(v.post("/members/2/code", "proof", "callback"), 409, "Everything is locked down")
}

func setLockdown(w *world) error {
	_, err := campaign.On(w.store, account.EmailKey, nil).LockdownOn(w.t.Context(), "test", tester)
	return err
}

func TestSpokenCodeByTwoPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(f fitting) { f.desk.SecondForCodes = true })
	w.breach()
	v := w.as("responder")
	w.wants(v.get("/members/1/code"), 200, "Ask a second person")
	ask := func(member string) string {
		t.Helper()
		got := v.post("/members/"+member+"/code", "proof", "letter", "note", "n", "reason", "they called")
		if got.status != 303 || !strings.HasPrefix(got.to, "/approvals/") {
			t.Fatalf("asked: %d %s %s", got.status, got.to, got.body)
		}
		return got.to
	}
	request := ask("1")
	w.wants(v.post(request+"/code"), 409, "was shown already, or its time is over")
	w.wants(w.as("second").get(request), 200, "u-1", "Word from a letter", "Approve and do it")
	if got := w.as("second").post(request + "/approve"); got.to != request || w.codeOn(got, 1) != "" {
		t.Fatalf("approved: %+v", got)
	}
	if page := w.as("second").get(request); w.codeOn(page, 1) != "" || strings.Contains(page.body, "Show the code") {
		t.Error("the second person is offered the code")
	}
	w.wants(w.as("second").post(request+"/code"), 403)
	w.wants(v.get(request), 200, "Show the code")
	if w.codeOn(v.post(request+"/code"), 1) == "" {
		t.Error("no code for who asked")
	}
	again := v.post(request + "/code")
	w.wants(again, 409, "was shown already")
	if w.codeOn(again, 1) != "" {
		t.Error("the code is shown twice")
	}
	e := w.entries(audit.SupportCode)
	for e[0].Outcome != audit.Done {
		e = e[1:]
	}
	if e[0].Actor.Name != "responder" || e[0].Detail["approved_by"] != "second" || e[0].Detail["proof"] != "letter" {
		t.Errorf("recorded %+v", e[0])
	}

	request = ask("2") // whose password changes between the yes and the look
	w.as("second").post(request + "/approve")
	hash := "5f4dcc3b5aa765d61d8327deb882cfff"
	_, err := account.NewDirectory(w.store).SetPasswordHash(t.Context(), account.PasswordRequest{Subject: "u-2", Hash: hash, AllowRevive: true}, tester)
	must(t, err)
	w.wants(v.post(request+"/code"), 409, "has changed since")
}

// Where one person may act alone, they say why, and everybody hears of it.
func TestSpokenCodeSingleHanded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(f fitting) { f.desk.SecondForCodes, f.desk.SingleHanded = true, true })
	w.breach()
	v := w.as("both")
	w.wants(v.get("/members/1/code"), 200, "Why you act without a second person")
	w.wants(v.post("/members/1/code", "proof", "callback"), 422, "Say why you act without a second person")
	if w.codeOn(v.post("/members/1/code", "proof", "callback", "reason", "night, alone"), 1) == "" {
		t.Error("no code")
	}
	if alarm := <-w.alarms; !strings.Contains(alarm, "support.code") || !strings.Contains(alarm, "night, alone") {
		t.Errorf("alarm %q", alarm)
	}
	if e := w.entries(audit.SupportCode)[0]; e.Detail["single_handed"] != true {
		t.Errorf("recorded %+v", e)
	}
}
