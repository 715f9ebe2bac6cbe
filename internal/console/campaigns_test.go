package console

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// upload sends the form of a new campaign as browsers do: the fields, then the file. Without a name no file was chosen.
func (v *visitorClient) upload(slug, name, list string, pairs ...string) reply {
	v.w.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(pairs); i += 2 {
		must(v.w.t, form.WriteField(pairs[i], pairs[i+1]))
	}
	file, err := form.CreateFormFile("list", name)
	must(v.w.t, err)
	_, err = file.Write([]byte(list))
	must(v.w.t, err)
	must(v.w.t, form.Close())
	return v.send(http.MethodPost, "/incidents/"+slug+"/new-campaign", nil, func(q *http.Request) {
		q.Header.Set("Content-Type", form.FormDataContentType())
		q.Body, q.ContentLength = http.NoBody, int64(body.Len())
		q.Body = readCloser{&body}
	})
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

func TestUploadOfAList(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := worldOn(t, s)
		w.members(20)
		w.incident("sega-2011", "A breach")
		v := w.as("responder")
		refused := func(want string, got reply) {
			t.Helper()
			w.wants(got, http.StatusUnprocessableEntity, "Nothing was done", want, `value="2011-06-17T12:00"`) // what was typed is still there
		}
		cutoff := []string{"cutoff", "2011-06-17T12:00"}
		with := func(pairs ...string) []string { return append(pairs, cutoff...) }
		refused("Choose the file with the list", v.upload("sega-2011", "", "", with("scope", "list")...))
		refused("another scope is chosen", v.upload("sega-2011", "l.csv", leak(5), with("scope", "everyone")...))
		refused("Choose whom the campaign covers", v.upload("sega-2011", "", "", with("scope", "all")...))
		refused("The filter is filled in", v.upload("sega-2011", "", "", with("scope", "everyone", "domain", "example.org")...))
		refused("Fill in one part of the filter", v.upload("sega-2011", "", "", with("scope", "filter")...))
		for _, garbage := range []string{"", "name,age\namy,3\n", "\x00\xff\xfe\x01", strings.Repeat("x", 1<<20)} {
			if got := v.upload("sega-2011", "l.csv", garbage, with("scope", "list")...); got.status != http.StatusUnprocessableEntity && got.status != http.StatusBadRequest || !strings.Contains(got.body, `value="2011-06-17T12:00"`) || !strings.Contains(got.body, "Choose the file again") {
				t.Errorf("a list of %.20q: %d %s", garbage, got.status, got.body)
			}
		}
		if got := v.post("/incidents/sega-2011/new-campaign", "scope", "everyone"); got.status != http.StatusBadRequest {
			t.Errorf("a form that is no upload: %d", got.status)
		}
		w.wants(v.get("/campaigns"), 200, "No campaign yet") // nothing of that drafted one
		if got := v.upload("sega-2011", "leak.csv", leak(10), "scope", "list"); got.to != "/campaigns/1" {
			t.Fatalf("the upload: %d to %q %s", got.status, got.to, got.body)
		}
		if got := v.upload("sega-2011", "", "", "scope", "filter", "domain", "example.org", "created_before", "2031-06-17T12:00"); got.to != "/campaigns/2" {
			t.Fatalf("the filter: %d to %q %s", got.status, got.to, got.body)
		}
		w.wants(v.get("/campaigns/2"), 200, "domain=example.org", "created-before=2031-06-17T12:00:00Z")
		if got := w.as("approver").upload("sega-2011", "leak.csv", leak(10), "scope", "list"); got.status != http.StatusForbidden {
			t.Errorf("an approver drafts: %d", got.status)
		}
	})
}

// From the found accounts to the activation by the second person, and to the cancellation that one person alone does not get.
func TestCourseOfACampaign(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := worldOn(t, s)
		w.members(20)
		w.incident("sega-2011", "A breach")
		v := w.as("responder")
		v.upload("sega-2011", "leak.csv", leak(10), "scope", "list")
		w.wants(v.get("/campaigns/1/unmatched"), 200, "have not been looked for yet")
		if got := v.post("/campaigns/1/prepare"); got.to != "/campaigns/1" {
			t.Fatalf("prepare: %d %s", got.status, got.body)
		}
		w.wants(v.get("/campaigns/1/unmatched"), 200, "stranger@example.net", "m1@EXAMPLE.org", "not an address")
		if got := v.get("/campaigns/1/unmatched?outcome=duplicate"); strings.Contains(got.body, "stranger") || !strings.Contains(got.body, "m1@EXAMPLE.org") {
			t.Errorf("the repeated lines: %s", got.body)
		}
		w.wants(v.get("/campaigns/1/unmatched?outcome=lost"), 400)
		w.wants(v.get("/campaigns/1/lines?outcome=unmatched"), 200, `"line","value","outcome"`, "stranger@example.net")

		page := v.get("/campaigns/1/activate")
		w.wants(page, 200, "10 passwords die at once", "operators&#39; own member accounts are among them, and have to be reset first: responder", "Ask a second person", "m…@example.org")
		form := []string{"prepared", between(page.body, `name="prepared" value="`, `"`), "reason", "it is for sale"}
		w.wants(v.post("/campaigns/1/activate", append(form, "expect", "ten")...), 422, "Type the number of passwords", "it is for sale")
		w.wants(v.post("/campaigns/1/activate", append(form, "expect", "100")...), 409, "nothing was done", "it is for sale", `value="100"`)
		w.wants(v.post("/campaigns/1/activate", "prepared", form[1], "expect", "10"), 400, "Nothing was done")
		w.wants(v.get("/approvals"), 200, "Nothing has been asked for yet")
		if got := v.post("/campaigns/1/activate", append(form, "expect", "1 0")...); got.to != "/approvals/1" {
			t.Fatalf("asking: %d to %q %s", got.status, got.to, got.body)
		}
		w.decided()
		w.wants(v.get("/campaigns/1"), 200, "Passwords that died")

		w.wants(v.post("/campaigns/1/cancel", "reason", " "), 422, "Say why")
		if got := v.post("/campaigns/1/cancel", "reason", "a mistake"); got.to != "/approvals/2" {
			t.Errorf("cancel: %d to %q", got.status, got.to)
		}
		w.wants(v.post("/approvals/2/approve"), 403)
		w.wants(v.get("/campaigns/1"), 200, `<span class="state active">`)
		w.courseOf(v)
	})
}

// decided: who asked and who has no role may not approve, the second person may, once.
func (w *world) decided() {
	w.t.Helper()
	w.wants(w.as("responder").get("/approvals/1"), 200, "Somebody else has to decide", "10 passwords die at once", "it is for sale")
	w.wants(w.as("responder").post("/approvals/1/approve"), 403)
	w.wants(w.as("auditor").get("/approvals/1"), 200, "Your role does not cover this act")
	w.wants(w.as("auditor").post("/approvals/1/approve"), 403)
	stale := w.signedIn("second", false)
	w.wants(stale.get("/approvals/1"), 200, `href="/confirm?next=%2fapprovals%2f1"`)
	if got := stale.post("/approvals/1/approve"); got.to != "/confirm?next=%2Fapprovals%2F1" && got.to != "/confirm?next=%2F" {
		w.t.Errorf("approving with a stale factor: %d to %q", got.status, got.to)
	}
	w.wants(w.as("second").get("/"), 200, "Waiting for a second person", "10 accounts")
	second := w.as("second")
	if got := second.post("/approvals/1/approve", "note", "seen"); got.to != "/approvals/1" {
		w.t.Fatalf("approving: %d %s", got.status, got.body)
	}
	w.wants(second.get("/approvals/1"), 200, "Approved, and done.", "approved", "seen")
	if got := second.post("/approvals/1/approve"); got.status != http.StatusConflict {
		w.t.Errorf("approving twice: %d", got.status)
	}
}

// courseOf is what one person does with a campaign in force.
func (w *world) courseOf(v *visitorClient) {
	w.t.Helper()
	for _, step := range [][2]string{{"pause", "No further mail goes out"}, {"resume", "Mail goes out again"}} {
		if got := v.post("/campaigns/1/" + step[0]); got.to != "/campaigns/1" {
			w.t.Fatalf("%s: %d %s", step[0], got.status, got.body)
		}
		w.wants(v.get("/campaigns/1"), 200, step[1])
	}
	w.wants(v.get("/campaigns/1/remind"), 200, "0 members get a second mail", `value="72"`)
	w.wants(v.get("/campaigns/1/remind?hours=x"), 422, "Type whole hours", `value="x"`)
	w.wants(v.post("/campaigns/1/remind", "hours", "1000000"), 422, "Type whole hours")
	w.wants(v.post("/campaigns/1/remind", "hours", "72"), 409, "nobody is to be reminded")
	w.going(1)
	w.wants(v.get("/campaigns/1/remind?hours=0"), 200, "members get a second mail")
	w.wants(v.get("/campaigns/1/close"), 200, "can't be undone")
	w.wants(v.post("/campaigns/1/discard"), 409, "discard")
	if got := v.post("/campaigns/1/close"); got.to != "/campaigns/1" {
		w.t.Errorf("close: %d %s", got.status, got.body)
	}
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// A request dies with what it rests on: accounts looked for anew are others than both people were shown.
func TestRequestDiesWithItsBasis(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := worldOn(t, s)
		w.members(20)
		w.incident("sega-2011", "A breach")
		id := w.drafted("sega-2011", leak(10))
		request := w.asked(id)
		_, err := w.desk.PrepareCampaign(t.Context(), w.person("responder"), id)
		must(t, err)
		v := w.as("second")
		w.wants(v.post(fmt.Sprintf("/approvals/%d/approve", request)), 409, "Nothing was done")
		w.wants(v.get(fmt.Sprintf("/approvals/%d", request)), 200, `<span class="state void">`)
		w.wants(v.get(fmt.Sprintf("/campaigns/%d", id)), 200, `<span class="state prepared">`)
	})
}

// The mails are shown as members get them, framed where they can do nothing; a test mail goes to one address and is on record.
func TestMailsOfACampaign(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		sent := make(chan desk.TestMail, 1)
		w := worldOn(t, s, withMail(sent))
		w.members(3)
		w.incident("sega-2011", `<script>alert(1)</script>`)
		id := w.drafted("sega-2011", "")
		v := w.as("responder")
		path := fmt.Sprintf("/campaigns/%d/mail", id)
		page := v.get(path + "?locale=de&kind=reminder")
		w.wants(page, 200, "Passwort", `sandbox title=`, `<option value="de" selected>German`)
		framed := v.get(path + "/html?locale=de")
		w.wants(framed, 200, "Passwort")
		for _, policy := range []string{page.header.Get("Content-Security-Policy"), framed.header.Get("Content-Security-Policy")} {
			if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src 'unsafe") {
				t.Errorf("policy %s", policy)
			}
		}
		if policy := framed.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "sandbox;") || strings.Contains(page.body+framed.body, "<script>alert") {
			t.Errorf("a mail can act: %s", policy)
		}
		w.wants(v.get(path+"?kind=changed"), 400)
		if got := v.post(path, "kind", "notice", "locale", "ja", "to", " eve@example.net "); got.to != path+"?kind=notice&locale=ja" {
			t.Fatalf("test mail: %d to %q %s", got.status, got.to, got.body)
		}
		if got := <-sent; got != (desk.TestMail{Kind: "notice", Locale: "ja", To: "eve@example.net"}) {
			t.Errorf("%+v", got)
		}
		if got := w.entries(audit.CampaignPreview); len(got) != 1 || got[0].Detail["test_mail"] != true {
			t.Errorf("entries %+v", got)
		}
	})
}

// What became known later is added, corrected and retracted; a form that says nothing changes nothing.
func TestUpdatesOfANotice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := worldOn(t, s)
		v := w.as("responder")
		w.wants(v.post("/new-incident", "slug", "Not A Slug", "title", "Kept", "notice", "also kept"), 400, "Kept", "also kept")
		w.wants(v.post("/new-incident", "slug", "sega-2011", "title", "Kept", "found", "2011-06-17T12:00", "occurred", "2011-06-18T12:00"), 400, "cannot be found before it happened", `value="2011-06-18T12:00"`)
		if got := v.post("/new-incident", "slug", "sega-2011", "title", "A breach"); got.to != "/incidents/sega-2011" {
			t.Fatalf("%d %s", got.status, got.body)
		}
		w.wants(v.post("/new-incident", "slug", "sega-2011", "title", "Another"), 409, "There is an incident of this name already")
		w.wants(v.post("/incidents/sega-2011/updates", "text", " ", "at", "2011-06-19T00:00"), 422, "Write what became known", `value="2011-06-19T00:00"`)
		v.post("/incidents/sega-2011/updates", "text", "They were in for a week.")
		w.wants(v.get("/incidents/sega-2011"), 200, "They were in for a week.")
		w.wants(v.post("/incidents/sega-2011/updates/1", "text", ""), 422, "Write what became known")
		v.post("/incidents/sega-2011/updates/1", "text", "They were in for a month.")
		w.wants(v.get("/incidents/sega-2011"), 200, "They were in for a month.", "corrected")
		v.post("/incidents/sega-2011/updates/1/retract")
		w.wants(v.get("/incidents/sega-2011"), 200, "retracted")
		w.wants(v.get("/incidents/sega-2011/updates/1"), 404)
		w.wants(v.get("/incidents/sega-2011/updates/7"), 404)
		w.wants(w.as("auditor").post("/incidents/sega-2011/updates", "text", "I was here"), 403)
	})
}

// One press of one person locks everything down, from any page; two people lift it.
func TestLockdownFromAnywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.as("responder")
	w.wants(v.get("/campaigns"), 200, `action="/lockdown/on"`)
	if strings.Contains(w.as("auditor").get("/campaigns").body, `action="/lockdown/on"`) {
		t.Error("an auditor is offered a lockdown")
	}
	if got := w.signedIn("responder", false).post("/lockdown/on"); got.to != "/lockdown" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	w.wants(v.get("/incidents"), 200, "Locked down", unsaid)
	w.wants(v.post("/lockdown/on"), 409, "locked down already")
	w.wants(v.post("/lockdown/off", "reason", ""), 422, "Say why")
	if got := v.post("/lockdown/off", "reason", "they are out"); got.to != "/approvals/1" {
		t.Fatalf("%d %s", got.status, got.body)
	}
	w.wants(v.get("/"), 200, "Locked down")
	w.as("approver").post("/approvals/1/approve")
	if strings.Contains(v.get("/").body, "<strong>Locked down</strong>") {
		t.Error("the lockdown was not lifted")
	}
}

// Plain words stand for acts wherever they are shown.
func TestWords(t *testing.T) {
	t.Parallel()
	v := &view{}
	if v.Words(operator.LockdownOn) != "Stop every login and reset at once" || v.Words("no.such") != "no.such" {
		t.Error(v.Words(operator.LockdownOn), v.Words("no.such"))
	}
	for object, want := range map[string]string{"campaign:3": "/campaigns/3", "incident:sega": "/incidents/sega", "lockdown": "/lockdown", "keys": ""} {
		if got := v.Place(object); got != want {
			t.Errorf("%s leads to %q", object, got)
		}
	}
	if got := grouped("1264990 of 1300454 at 2026-11-22, key a12345b, 9999"); got != "1\u202f264\u202f990 of 1\u202f300\u202f454 at 2026-11-22, key a12345b, 9999" {
		t.Error(got)
	}
	if v.Share(1, 3) != "33.3\u202f%" || v.Share(1, 0) != "" {
		t.Error(v.Share(1, 3))
	}
}
