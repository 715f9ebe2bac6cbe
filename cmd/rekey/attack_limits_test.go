package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
)

// untilRefused repeats a request until it is answered 429, and says after how many. More than twice the limit's burst is a failure.
func (a *target) untilRefused(what string, l ratelimit.Limit, request func(i int) reply) int {
	a.t.Helper()
	for i := range 2 * l.Burst {
		if got := request(i); got.Status == http.StatusTooManyRequests {
			if i < l.Burst || got.Header.Get("Retry-After") == "" {
				a.t.Errorf("%s: refused after %d of %d, Retry-After %q", what, i, l.Burst, got.Header.Get("Retry-After"))
			}
			return i
		}
	}
	a.t.Errorf("%s: never refused", what)
	return 0
}

// Attack 11: brute force on tokens. One address is slowed down and others are not, and no answer tells malformed from unknown, or spent
// from expired from deleted.
func TestAttack11BruteForce(t *testing.T) {
	t.Parallel()
	attacked(t, kinds, func(a *target) {
		links := a.linksOfEachKind()
		good := links["known"]
		a.noOracle(links, good)

		const attacker = "192.0.2.66"
		a.untilRefused("wrong tokens", ratelimit.ResetAddress, func(i int) reply {
			path := []string{"/reset", "/reset/check"}[i%2]
			return a.post(path, []string{"token", fmt.Sprintf("%s%08d", good[:len(good)-8], i), "password", freshPassword, "confirm", freshPassword}, from(attacker))
		})
		for _, path := range []string{"/reset", "/reset/check"} { // refused whatever comes then, the right one too
			a.wants(path, a.post(path, []string{"token", good, "password", freshPassword, "confirm", freshPassword}, from(attacker)), 429)
		}
		a.alive("elsewhere, after all that", good, true)

		// Codes from everywhere: then codes wait, and the link still works.
		a.untilRefused("codes from many places", ratelimit.CodeAddress, func(int) reply { return a.guess("known@example.net") })
		_, code := a.link("known@example.net")
		a.wants("the right code", a.post("/reset", []string{"email", "known@example.net", "code", code, "password", freshPassword, "confirm", freshPassword}), 429)
		a.wants("the link", a.redeem(good), 303)
	})
}

// noOracle holds the answers to dead tokens against each other. The token stands in the page again, and is left out.
func (a *target) noOracle(links map[string]string, good string) {
	a.t.Helper()
	answer := func(token string) reply {
		got := a.redeem(token)
		got.Body = strings.ReplaceAll(got.Body, token, "")
		got.Header.Del("Content-Length")
		return got
	}
	foreign := map[string]string{
		"garbage": "garbage", "empty parts": "..", "of another key": a.foreignToken(), "changed signature": good[:len(good)-6] + "AAAAAA", "no signature": good[:strings.LastIndexByte(good, '.')+1],
		"changed claims": strings.Replace(good, ".", ".A", 1), "none": "eyJhbGciOiJub25lIiwidHlwIjoicmVzZXQrand0In0.e30.", "long": strings.Repeat("A", 8000),
	}
	want := answer("malformed")
	a.wants("malformed", want, 400)
	for what, token := range foreign {
		a.alike(what, want, answer(token))
		if got := a.looks(token); got != 400 {
			a.t.Errorf("looking at %s: %d", what, got)
		}
	}
	want = answer(links["used"])
	a.wants("used", want, 410)
	for _, kind := range []string{"deleted", "expired", "single sign-on", "never there"} {
		a.alike(kind, want, answer(links[kind]))
		a.alive(kind, links[kind], false)
	}
}

// foreignToken is one of another installation, which has other keys.
func (a *target) foreignToken() string {
	a.t.Helper()
	other := newTarget(a.t, []member{{email: "known@example.net"}}, "")
	token, _ := other.link("known@example.net")
	return token
}

// Attack 19: mail bombing. A thousand requests for one member make three mails, and lock out nobody; a thousand members written to from
// one place are some hundred.
func TestAttack19MailBombing(t *testing.T) {
	t.Parallel()
	members := []member{{email: "victim@example.net"}}
	for i := range 1000 {
		members = append(members, member{email: fmt.Sprintf("m%03d@example.com", i), safe: true})
	}
	attacked(t, members, func(a *target) {
		link, _ := a.link("victim@example.net")
		a.drained()
		before := a.box.Total()
		want := a.forgot("victim@example.net")
		for range 999 {
			if got := a.forgot("victim@example.net"); got.Status != 200 || got.Body != want.Body {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
		}
		for range 50 {
			a.wants("a fresh link", a.post("/reissue", []string{"token", link}), 200)
		}
		a.drained()
		if got := a.box.Total() - before; got < 1 || got > int64(ratelimit.ForgotMail.Burst) {
			t.Errorf("%d mails to one address", got)
		}
		if lost := a.count(`SELECT count(*) FROM outbox WHERE state NOT IN ('pending', 'sent') AND coalesce(last_error, '') <> 'answered by another mail'`); lost > 0 {
			t.Errorf("%d requests were dropped: caps delay", lost)
		}
		if later := a.count(`SELECT count(*) FROM outbox WHERE state = 'pending'`); later == 0 {
			t.Error("no mail comes later, when the links of the first ones have ended")
		}
		a.alive("the victim's link", link, true)
		a.wants("the victim", a.redeem(link), 303)
		a.mailTo("victim@example.net", before+1) // their password was changed

		before = a.box.Total()
		let := a.untilRefused("many members from one place", ratelimit.ForgotAddress, func(i int) reply {
			return a.forgot(members[1+i].email, from("198.51.100.1"))
		})
		a.wants("another place", a.forgot(members[1000].email, from("198.51.100.2")), 200)
		a.drained()
		if got := a.box.Total() - before; got > int64(let)+1+int64(ratelimit.ForgotMail.Burst) {
			t.Errorf("%d mails after %d were let through", got, let)
		}
	})
}

// Attack 29: addresses made up in X-Forwarded-For and its like dodge no limit, whether a proxy is trusted or not.
func TestAttack29ForwardedFor(t *testing.T) {
	t.Parallel()
	random := func() string {
		n := rand.Uint32()
		return netip.AddrFrom4([4]byte{byte(n>>24)%200 + 11, byte(n >> 16), byte(n >> 8), byte(n)}).String()
	}
	likes := func(r *http.Request) { // headers of other proxies, which are nobody's here
		for _, name := range []string{"X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "Forwarded"} {
			r.Header.Set(name, random())
		}
	}
	forgot := ratelimit.ForgotAddress
	attacked(t, []member{{email: "known@example.net"}}, func(a *target) { // behind a proxy that appends what it sees
		for what, header := range map[string]func(i int) string{
			"made up before the proxy's": func(int) string { return random() + ", " + random() + ", 198.51.100.7" },
			"a proxy named before it":    func(int) string { return random() + ", 127.0.0.1, 198.51.100.8" },
			"an IPv6 network":            func(int) string { return fmt.Sprintf("2001:db8:5:6:%x:%x::1", rand.N(0xffff), rand.N(0xffff)) },
			"IPv4 in IPv6":               func(i int) string { return []string{"198.51.100.9", "::ffff:198.51.100.9"}[i%2] },
			"nothing readable":           func(i int) string { return fmt.Sprintf("garbage-%d", i) },
		} {
			a.untilRefused(what, forgot, func(i int) reply { return a.forgot("nobody@example.net", from(header(i)), likes) })
		}
		a.untilRefused("in lines of their own", forgot, func(int) reply {
			return a.forgot("nobody@example.net", func(r *http.Request) { r.Header["X-Forwarded-For"] = []string{random(), random(), "198.51.100.10"} }, likes)
		})
		a.wants("somebody else", a.forgot("nobody@example.net"), 200)
	})
	attacked(t, []member{{email: "known@example.net"}}, func(a *target) { // no proxy of ours in front: nothing is believed
		began := time.Now()
		a.untilRefused("/forgot", forgot, func(int) reply { return a.forgot("nobody@example.net", from(random()), likes) })
		a.untilRefused("/reissue", ratelimit.ReissueAddress, func(int) reply { return a.post("/reissue", []string{"token", "x"}, from(random()), likes) })
		if time.Since(began) < forgot.Every {
			a.wants("again", a.forgot("nobody@example.net", from(random())), 429)
		}
	}, "--trusted-proxies=203.0.113.0/24")
}
