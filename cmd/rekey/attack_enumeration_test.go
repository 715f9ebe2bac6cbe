package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
)

// kinds are the members that nobody may be able to tell from each other, or from nobody.
var kinds = []member{{email: "known@example.net"}, {email: "disabled@example.net"}, {email: "outside@example.net", safe: true}, {email: "sso@example.net", sso: true},
	{email: "deleted@example.net"}, {email: "busy@example.net"}, {email: "used@example.net"}}

const unknownAddress = "unknown@example.net"

// waitInWords is a wait in words.
var waitInWords = regexp.MustCompile(`in \d+ (seconds?|minutes?)`)

// ofEachKind makes of the members what they are called.
func (a *target) ofEachKind() {
	a.t.Helper()
	a.exec("UPDATE accounts SET disabled_at = created_at WHERE subject = 'disabled'")
	a.link("deleted@example.net") // or its mail would still be under way
	a.r.ok("accounts", "delete", "deleted", "--yes")
	for range ratelimit.ForgotMail.Burst + 1 {
		a.wants("asking for busy", a.forgot("busy@example.net"), 200)
		a.wants("asking for nobody", a.forgot("nobody@example.net"), 200) // busy too, and unknown
	}
}

// Attack 6: enumeration by content. Known, unknown, disabled, not in the breach, without a password, deleted and delayed by limits are
// answered alike: body, status and all headers.
func TestAttack06Forgot(t *testing.T) {
	t.Parallel()
	attacked(t, kinds, func(a *target) {
		a.ofEachKind()
		want := a.forgot(unknownAddress)
		a.wants("unknown", want, 200)
		if want.Header.Get("RateLimit") == "" || want.Header.Get("Set-Cookie") != "" {
			t.Errorf("the headers: %v", want.Header)
		}
		for _, m := range kinds {
			a.alike(m.email, want, a.forgot(m.email))
		}
		a.alike("nobody, delayed", want, a.forgot("nobody@example.net"))
		a.alike("no address", want, a.forgot("nobody"))
		// Over the limit of the client's own address everybody is refused alike, too.
		for range ratelimit.ForgotAddress.Burst {
			a.forgot("somebody@example.net", from("192.0.2.1"))
		}
		refused := a.forgot(unknownAddress, from("192.0.2.1"))
		a.wants("over the limit", refused, 429)
		for _, m := range kinds {
			got := a.forgot(m.email, from("192.0.2.1"))
			a.alikeButTime(m.email+" over the limit", a.without(unknownAddress, refused), a.without(m.email, got))
		}
	})
}

// without is an answer without the input that holds what was typed, and nothing else may hold it: what somebody is told of their own typing tells of nobody.
func (a *target) without(typed string, r reply) reply {
	a.t.Helper()
	input := `value="` + typed + `"`
	if strings.Count(r.Body, typed) != 1 || !strings.Contains(r.Body, input) || r.Header.Get("Content-Length") != strconv.Itoa(len(r.Body)) {
		a.t.Errorf("%s is not in its input alone: %v %s", typed, r.Header, r.Body)
	}
	r.Header = r.Header.Clone()
	r.Header.Del("Content-Length")
	r.Body = strings.ReplaceAll(r.Body, input, "")
	return r
}

// alikeButTime is alike where the requests come from one client address: what tells the client of itself and of the clock is left out.
func (a *target) alikeButTime(what string, want, got reply) {
	a.t.Helper()
	for _, r := range []*reply{&want, &got} {
		r.Header = r.Header.Clone()
		for _, own := range []string{"RateLimit", "Retry-After"} {
			if r.Header.Get(own) == "" {
				a.t.Errorf("%s: no %s", what, own)
			}
			r.Header.Del(own)
		}
		r.Body = waitInWords.ReplaceAllString(r.Body, "soon")
	}
	a.alike(what, want, got)
}

// Attack 6, the button for a fresh link: whoever holds an old link learns nothing of what became of the account.
func TestAttack06Reissue(t *testing.T) {
	t.Parallel()
	attacked(t, kinds, func(a *target) {
		links := a.linksOfEachKind()
		want := a.post("/reissue", []string{"token", links["known"]})
		a.wants("known", want, 200)
		for kind, token := range links {
			a.alike(kind, want, a.post("/reissue", []string{"token", token}))
			for range ratelimit.ReissueToken.Burst {
				a.post("/reissue", []string{"token", token})
			}
			a.alike(kind+", delayed", want, a.post("/reissue", []string{"token", token}))
		}
	})
}

// linksOfEachKind are well-signed tokens, and two that are not, by what became of their accounts.
func (a *target) linksOfEachKind() map[string]string {
	a.t.Helper()
	links := map[string]string{"garbage": "garbage", "not signed by us": strings.Repeat("A", 30) + ".e30." + strings.Repeat("A", 86)}
	for _, kind := range []string{"known", "disabled", "deleted", "busy", "used"} {
		links[kind], _ = a.link(kind + "@example.net")
	}
	a.ofEachKind()
	a.wants("using a link", a.redeem(links["used"]), 303)
	links["expired"] = a.mint(a.id("known"), 1, 1, 48*time.Hour, 24*time.Hour)
	links["live, and never killed"] = a.mint(a.id("outside"), 1, 0, 0, time.Hour)
	links["single sign-on"] = a.mint(a.id("sso"), 1, 1, 0, time.Hour)
	links["never there"] = a.mint(1<<40, 1, 1, 0, time.Hour)
	return links
}

// Attack 6, the typed code: a wrong one is answered alike for every address, and so is one too many.
func TestAttack06Code(t *testing.T) {
	t.Parallel()
	attacked(t, kinds, func(a *target) {
		a.ofEachKind()
		addresses := []string{"nobody"}
		for _, m := range kinds {
			addresses = append(addresses, m.email)
		}
		want := a.guess(unknownAddress)
		a.wants("a wrong code", want, 410)
		for _, address := range addresses {
			a.alike("a wrong code for "+address, want, a.guess(address))
		}
		place := from("192.0.2.1")
		for range ratelimit.CodePair.Burst {
			for _, address := range append(addresses, unknownAddress) {
				a.wants("guessing at "+address, a.guess(address, place), 410)
			}
		}
		want = a.guess(unknownAddress, place)
		a.wants("one guess too many", want, 429)
		for _, address := range addresses {
			a.alikeButTime("one guess too many at "+address, want, a.guess(address, place))
		}
	})
}

// guess tries a code that fits nobody's. What was typed stands in the page again, and is left out with what it makes of the length.
func (a *target) guess(address string, change ...func(*http.Request)) reply {
	a.t.Helper()
	got := a.post("/reset", []string{"email", address, "code", "0123-4567-89AB", "password", freshPassword, "confirm", freshPassword}, change...)
	got.Body = strings.ReplaceAll(got.Body, `value="`+address+`"`, "")
	got.Header.Del("Content-Length")
	return got
}

// Attack 7: enumeration by time. make timing measures it; here the work is counted, which no load of the machine can blur: every class is
// answered after the same statements, in the same order.
func TestAttack07Work(t *testing.T) {
	t.Parallel()
	attacked(t, kinds, func(a *target) {
		links := a.linksOfEachKind()
		asked := a.work(func() reply { return a.forgot(unknownAddress) })
		if !slices.ContainsFunc(asked, func(s string) bool { return strings.HasPrefix(s, "INSERT INTO outbox") }) {
			t.Errorf("/forgot inserts nothing, so this test proves nothing: %q", asked)
		}
		guessed := a.work(func() reply { return a.guess(unknownAddress) })
		for _, m := range kinds {
			a.sameWork("/forgot for "+m.email, asked, a.work(func() reply { return a.forgot(m.email) }))
			a.sameWork("a code for "+m.email, guessed, a.work(func() reply { return a.guess(m.email) }))
		}
		reissued := a.work(func() reply { return a.post("/reissue", []string{"token", links["known"]}) })
		looked := a.work(func() reply { return a.post("/reset/check", []string{"token", links["used"]}) })
		for kind, token := range links {
			if kind == "garbage" || kind == "not signed by us" {
				continue // its sender knows that
			}
			a.sameWork("/reissue of "+kind, reissued, a.work(func() reply { return a.post("/reissue", []string{"token", token}) }))
			if kind != "expired" { // which its own date tells
				a.sameWork("/reset/check of "+kind, looked, a.work(func() reply { return a.post("/reset/check", []string{"token", token}) }))
			}
		}
	}, "--log-level=debug", "--log-sql")
}

func (a *target) sameWork(what string, want, got []string) {
	a.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		a.t.Errorf("%s can be told by its work:\n%s", what, diff)
	}
}

// work gives the statements that a request alone made: those of delivery and upkeep beside it are other ones.
func (a *target) work(request func() reply) (statements []string) {
	a.t.Helper()
	a.drained()
	before := len(a.log.String())
	request()
	again, late := time.NewTicker(time.Millisecond), time.After(10*time.Second)
	defer again.Stop()
	for { // until the line that the request ends with is there
		statements = statements[:0]
		for line := range strings.Lines(a.log.String()[before:]) {
			var entry struct{ Msg, Path, Statement string }
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				a.t.Fatal(err)
			}
			if entry.Msg == "request" {
				return statements
			}
			if entry.Msg == "sql" && ofRequests(entry.Statement) {
				statements = append(statements, entry.Statement)
			}
		}
		select {
		case <-again.C:
		case <-late:
			a.t.Fatal("the request is not in the log")
		}
	}
}

// ofRequests says whether members' requests make such a statement.
func ofRequests(statement string) bool {
	if strings.Contains(statement, "rate_limits") || strings.HasPrefix(statement, "INSERT INTO outbox") {
		return true
	}
	return strings.Contains(statement, "a.credential_version") && !strings.Contains(statement, "suppressions")
}
