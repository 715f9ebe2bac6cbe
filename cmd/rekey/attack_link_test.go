package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/testdb"
)

// Attack 2: Referer leak. In a real browser the whole journey asks nobody but the public URL's host, no request to anywhere has a Referer
// or a token in its URL, and the site that the last page leads to learns nothing of where its visitor came from.
func TestAttack02RefererLeak(t *testing.T) {
	t.Parallel()
	outside := make(chan *http.Request, 10)
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outside <- r
		fmt.Fprint(w, "<!doctype html><link rel=icon href=data:,><h1>Elsewhere</h1>")
	}))
	t.Cleanup(login.Close)
	address := fmt.Sprintf("127.0.0.1:%d", testdb.FreePort(t))
	a := newTarget(t, []member{{email: "known@example.net"}}, "", "--listen="+address, "--public-url=http://"+address, "--return-url="+login.URL+"/login")
	token, _ := a.link("known@example.net")
	b := openBrowser(t, "attack")
	b.Open("http://" + address + "/reset#t=" + token)
	b.Says(heading, "Set a new password")
	b.typeInto("password", freshPassword)
	b.typeInto("confirm", freshPassword)
	b.click("#submit")
	b.Says("location.pathname", "/done")
	b.click(`a[href^="` + login.URL + `"]`)
	b.Says(heading, "Elsewhere")
	if got := <-outside; got.Referer() != "" || got.Header.Get("Origin") != "" {
		t.Errorf("the site outside is told %v", got.Header)
	}
	requests := b.Requests()
	if len(requests) < 6 {
		t.Errorf("only %d requests were seen, so this test proves nothing", len(requests))
	}
	for _, r := range requests {
		own := strings.HasPrefix(r.URL, "http://"+address+"/") || strings.HasPrefix(r.URL, login.URL+"/") || strings.HasPrefix(r.URL, "data:,")
		if !own || strings.Contains(r.URL, token) {
			t.Errorf("asked for %s", r.URL)
		}
		for name, value := range r.Headers {
			if strings.EqualFold(name, "Referer") && value != "" {
				t.Errorf("asked for %s with Referer %v", r.URL, value)
			}
		}
	}
}

// Attack 5: mail scanners and link previews. Opening a link by any method, from any client, as often as they like, uses nothing up; a
// scanner that runs scripts looks at it and still does not; one that presses buttons has no password to send.
func TestAttack05Prefetch(t *testing.T) {
	t.Parallel()
	scanners := []string{"BarracudaCentral/1.0", "Mozilla/5.0 (compatible; Microsoft Defender for Office 365 SafeLinks)", "Slackbot-LinkExpanding 1.0", "facebookexternalhit/1.1",
		"GoogleImageProxy", "Mimecast-URL-Protect", "curl/8.5.0"}
	attacked(t, []member{{email: "known@example.net"}}, func(a *target) {
		token, code := a.link("known@example.net")
		id := a.id("known")
		for i := range 50 {
			agent := with("User-Agent", scanners[i%len(scanners)])
			for method, status := range map[string]int{"GET": 200, "HEAD": 200, "OPTIONS": 405} {
				a.wants(method, a.send(method, "/reset", "", agent), status) // the fragment is never sent
				a.wants(method+" with the token where it does not belong", a.send(method, "/reset?t="+token+"&token="+token, "", agent), status)
			}
			a.wants("a look", a.post("/reset/check", []string{"token", token}, agent), 204)
		}
		a.wants("a form without a password", a.post("/reset", []string{"token", token}), 422)
		a.wants("a form filled in by a machine", a.post("/reset", []string{"token", token, "password", "test", "confirm", "test"}), 422)
		for _, method := range []string{"PUT", "PATCH", "DELETE", "TRACE"} {
			a.wants(method, a.send(method, "/reset", encoded("token", token, "password", freshPassword, "confirm", freshPassword)), 405)
		}
		same(t, "version after all that", 1, a.count(fmt.Sprintf("SELECT credential_version FROM accounts WHERE id = %d", id)))
		a.wants("the member", a.redeem(token), 303)
		a.wants("the code beside it", a.post("/reset", []string{"email", "known@example.net", "code", code, "password", freshPassword, "confirm", freshPassword}), 410)
	})
}

// Attack 14: old links. Whatever makes a newer state of an account ends every link and code from before it.
func TestAttack14OldLinks(t *testing.T) {
	t.Parallel()
	members := []member{{email: "used@example.net"}, {email: "again@example.net"}, {email: "moved@example.net"}, {email: "deleted@example.net"}, {email: "older@example.net"}}
	attacked(t, members, func(a *target) {
		key := a.r.object("client", "create", "sync", "--scope", "import")["key"].(string)
		links, codes := map[string]string{}, map[string]string{}
		for _, m := range members {
			links[m.subject()], codes[m.subject()] = a.link(m.email)
		}
		ended := func(what, subject string) {
			t.Helper()
			a.alive(what, links[subject], false)
			a.wants(what+", the link", a.redeem(links[subject]), 410)
			a.wants(what+", the code", a.post("/reset", []string{"email", subject + "@example.net", "code", codes[subject], "password", freshPassword, "confirm", freshPassword}), 410)
		}
		last := a.box.Total()
		a.wants("asking again", a.post("/reissue", []string{"token", links["again"]}), 200)
		_, fresh := a.mailTo("again@example.net", last)
		a.alive("a newer mail voids nothing", links["again"], true)
		a.wants("the newer link", a.redeem(fresh.Token()), 303)
		ended("after the newer link was used", "again")
		if fresh.Token() == links["again"] || a.looks(fresh.Token()) != 410 {
			t.Error("the newer link is the old one, or lives")
		}

		a.wants("using it", a.redeem(links["used"]), 303)
		ended("after success", "used")

		status, body := a.ask("PUT", a.public+"/v1/accounts/moved", key, "application/json", `{"email":"elsewhere@example.net"}`)
		same(t, "change of address: "+body, 200, status)
		ended("after a change of address", "moved")

		status, body = a.ask("DELETE", a.public+"/v1/accounts/deleted", key, "", "")
		same(t, "deletion: "+body, 200, status)
		ended("after deletion", "deleted")

		last = a.box.Total()
		a.alive("before a newer activation", links["older"], true)
		a.r.ok("campaign", "create", "--incident", "breach", "--scope", "everyone")
		a.r.ok("campaign", "prepare", "2")
		a.r.ok("campaign", "activate", "2", "--expect", "2", "--tolerance", "0", "--yes") // used and again, who had just set new ones
		ended("after a newer activation", "older")
		_, newest := a.mailTo("older@example.net", last)
		a.wants("the link of the newer one", a.redeem(newest.Token()), 303)
	})
}

// Attack 16: session fixation. There is no session to fix: no answer sets a cookie, none is read, and a reset signs nobody in.
func TestAttack16NoSession(t *testing.T) {
	t.Parallel()
	planted := with("Cookie", "session=evil; __Host-session=evil; PHPSESSID=evil; rekey=evil; token=evil; lang=evil")
	attacked(t, kinds, func(a *target) {
		key := a.r.object("client", "create", "web", "--scope", "login")["key"].(string)
		without, _ := a.journey()
		with, _ := a.journey(planted)
		for name, want := range without {
			got := with[name]
			for _, r := range []*reply{&want, &got} { // each journey has tokens of its own
				r.Body = anyToken.ReplaceAllString(r.Body, "TOKEN")
				r.Header.Del("Content-Length")
			}
			a.alike(name+" with planted cookies", want, got)
			if want.Header.Get("Set-Cookie") != "" || want.Header.Get("Clear-Site-Data") != "" {
				t.Errorf("%s: %v", name, want.Header)
			}
		}
		a.wants("a key in a cookie", a.send("POST", "/v1/gate", `{"subject":"known"}`, func(r *http.Request) {
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Cookie", "Authorization="+key+"; token="+key)
		}), 401)
		if got := a.send("POST", "/v1/gate", `{"subject":"known"}`, func(r *http.Request) {
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+key)
		}, planted); got.Status != 200 || got.Header.Get("Set-Cookie") != "" {
			t.Errorf("the gate: %+v", got)
		}
	})
}

var anyToken = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`)

// journey is an answer of every kind that members meet, and the token it went with, which is used in the end.
func (a *target) journey(change ...func(*http.Request)) (answers map[string]reply, token string) {
	a.t.Helper()
	id := a.id("known")
	version := int64(a.count(fmt.Sprintf("SELECT credential_version FROM accounts WHERE id = %d", id)))
	token = a.mint(id, version, 1, 0, time.Hour)
	expired := a.mint(id, version, 1, 48*time.Hour, time.Hour)
	password := []string{freshPassword, "seven quiet lanterns drifting", "marble otter paints the fence"}[version%3]
	answers = map[string]reply{}
	for _, path := range []string{"/", "/reset", "/code", "/forgot", "/done", "/incidents/breach", "/incidents/none", "/nothing", "/.well-known/change-password", "/robots.txt"} {
		answers["GET "+path] = a.send("GET", path, "", change...)
	}
	post := func(name, path string, status int, fields ...string) {
		a.t.Helper()
		answers[name] = a.post(path, fields, change...)
		a.wants(name, answers[name], status)
	}
	post("live", "/reset/check", 204, "token", token)
	post("not ours", "/reset", 400, "token", "garbage", "password", password, "confirm", password)
	post("expired", "/reset", 410, "token", expired, "password", password, "confirm", password)
	post("wrong code", "/reset", 410, "email", "known@example.net", "code", "x", "password", password, "confirm", password)
	post("too short", "/reset", 422, "token", token, "password", "short", "confirm", "short")
	post("not the same", "/reset", 422, "token", token, "password", password, "confirm", "another")
	post("unreadable", "/reset", 400, "token", token, "token", token)
	post("too large", "/reset", 413, "token", token, "password", strings.Repeat("x", 17<<10))
	post("asked", "/forgot", 200, "email", "known@example.net")
	post("reissued", "/reissue", 200, "token", expired)
	post("set", "/reset", 303, "token", token, "password", password, "confirm", password)
	post("used", "/reset", 410, "token", token, "password", password, "confirm", password)
	post("dead", "/reset/check", 410, "token", token)
	return answers, token
}
