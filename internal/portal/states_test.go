package portal_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/browsertest"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/token"
)

// state is a page in one of its states.
type state struct {
	name, path string
	fields     []string // posted, if any
	err        error
	alike      bool // looks like another one, but for the words
	dense      bool // has most on it
}

// states is all there is to see.
func states() []state {
	link := []string{"token", aToken, "password", "x", "confirm", "y"}
	code := []string{"email", "ann@example.com", "code", "4F7K-9QXR-2MTX", "password", "x", "confirm", "y"}
	ask := []string{"email", "ann@example.com"}
	wait, busy := problem.Retry(problem.Limited, "", 40*time.Second), problem.New(problem.Unavailable, "")
	all := []state{
		{name: "home", path: "/", dense: true}, {name: "link", path: "/reset#t=" + aToken, dense: true}, {name: "link-expired", path: "/reset#t=" + oldToken, err: token.ErrExpired},
		{name: "link-used", path: "/reset#t=" + oldToken, err: reset.ErrUsed, alike: true}, {name: "link-damaged", path: "/reset#t=eyJ.cut", err: token.ErrNotOurs},
		{name: "code", path: "/code"}, {name: "forgot", path: "/forgot"}, {name: "sent", path: "/forgot", fields: ask},
		{name: "fresh-sent", path: "/reissue", fields: []string{"token", oldToken}}, {name: "done", path: "/done", dense: true}, {name: "incident", path: "/incidents/spring-2011", dense: true},
		{name: "confirm-differs", path: "/reset", fields: link, err: reset.ErrConfirm}, {name: "code-wrong", path: "/reset", fields: code, err: reset.ErrNoFit, dense: true},
		{name: "code-weak", path: "/reset", fields: code, err: refused("common", "")}, {name: "sent-used", path: "/reset", fields: link, err: reset.ErrUsed},
		{name: "sent-damaged", path: "/reset", fields: link, err: token.ErrNotOurs}, {name: "limited", path: "/reset", fields: link, err: wait},
		{name: "limited-forgot", path: "/forgot", fields: ask, err: wait}, {name: "limited-fresh", path: "/reissue", fields: []string{"token", oldToken}, err: wait},
		{name: "busy", path: "/reset", fields: link, err: busy}, {name: "busy-forgot", path: "/forgot", fields: ask, err: busy, alike: true},
		{name: "closed", path: "/reset", fields: link, err: reset.ErrLocked}, {name: "unreadable", path: "/forgot", fields: []string{"email", "a", "email", "b"}},
		{name: "cross-site", path: "/forgot", fields: ask}, {name: "not-found", path: "/nowhere", alike: true}, {name: "not-again", path: "/reissue"},
		{name: "too-large", path: "/forgot", fields: []string{"email", strings.Repeat("x", 20_000)}, alike: true}, {name: "error", path: "/reset", fields: link, err: fmt.Errorf("a defect")},
	}
	for _, reason := range []string{"too_short", "same_password", "breached", "common", "repeated", "sequence", "context", "too_long", "control", "not_text"} {
		all = append(all, state{name: "weak-" + reason, path: "/reset", fields: link, err: refused(reason, ""), alike: reason != "too_short"})
	}
	return all
}

func everyState(state) bool     { return true }
func unlikeStates(s state) bool { return !s.alike }
func denseStates(s state) bool  { return s.dense }

// visit brings the tab to a state. Forms are sent from a page of the portal itself, as members would.
func (b *tab) visit(s state) {
	b.T.Helper()
	b.site.prepare(s)
	if s.fields == nil {
		if strings.Contains(s.path, "#") { // else a change of the fragment alone would not load the page
			b.open("/robots.txt")
		}
		b.open(s.path)
		if strings.Contains(s.path, "#") {
			b.Says("'checked' in document.documentElement.dataset", "true")
		}
		return
	}
	if s.name == "cross-site" {
		b.Open("about:blank")
	} else if browsertest.Eval[string](b.Tab, "location.origin") != b.site.url {
		b.open("/done")
	}
	script := fmt.Sprintf(`(() => { window.left = true; const f = document.createElement('form'); f.method = 'post'; f.action = %q; const v = [%s];
		for (let i = 0; i < v.length; i += 2) { const e = document.createElement('input'); e.name = v[i]; e.value = v[i+1]; f.append(e); }
		document.body.append(f); f.submit(); return ''; })()`, b.site.url+s.path, quoted(s.fields))
	browsertest.Eval[string](b.Tab, script)
	b.Says("window.left ? 'not left' : "+path+" + document.readyState", s.path+"complete")
}

// prepare has the use cases answer as the state needs.
func (s *site) prepare(st state) {
	for _, call := range []string{"redeem", "check " + oldToken, "check eyJ.cut", "request ann@example.com", "reissue " + oldToken} {
		s.cases.fail(call, st.err)
	}
	s.cases.mu.Lock()
	defer s.cases.mu.Unlock()
	s.cases.locked = st.name == "closed"
}

func quoted(values []string) string {
	q := make([]string, len(values))
	for i, v := range values {
		q[i] = fmt.Sprintf("%q", v)
	}
	return strings.Join(q, ",")
}
