package portal_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/portal"
	"github.com/seed-1c168855/rekey/internal/pow"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/secret"
)

// pressed is a site that asks for proofs while its load is 1 or more, with little work so that tests are quick.
type pressed struct {
	*site
	issuer *pow.Issuer
	clock  atomic.Int64 // what the limits' clock is ahead
	load   atomic.Int64
	look   atomic.Pointer[func()] // runs whenever the load is looked at
	mu     sync.Mutex
	counts map[string]int
}

const testBits = 12

func press(t testing.TB, mode pow.Mode) *pressed { t.Helper(); return pressWith(t, mode, testBits) }

func pressWith(t testing.TB, mode pow.Mode, least int) *pressed {
	t.Helper()
	p := &pressed{issuer: pow.NewIssuer(secret.NewMaster()), counts: map[string]int{}}
	limits := ratelimit.NewMemory(1000, func() time.Time { return time.Now().Add(time.Duration(p.clock.Load())) })
	pressure := pow.NewPressure(mode, least, func(time.Time) float64 {
		if look := p.look.Load(); look != nil {
			(*look)()
		}
		return float64(p.load.Load())
	})
	p.site = open(t, func(o *portal.Options) {
		o.Proofs = &portal.Proofs{Issuer: p.issuer, Pressure: pressure, Limits: limits, Counted: func(outcome string) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.counts[outcome]++
		}}
	})
	return p
}

// counted gives what was counted since.
func (p *pressed) counted() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := p.counts
	p.counts = map[string]int{}
	return counts
}

// ask is GET /proof.
func (p *pressed) ask() (bits int, challenge string) {
	p.t.Helper()
	var body struct {
		Bits      int
		Challenge string
	}
	a := p.get("/proof")
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.status != 200 || a.header.Get("Cache-Control") != "no-store" {
		p.t.Fatalf("%d %v: %s", a.status, a.header, a.body)
	}
	return body.Bits, body.Challenge
}

func (p *pressed) prove(challenge string) string {
	p.t.Helper()
	proof, err := pow.Solve(p.t.Context(), challenge)
	if err != nil {
		p.t.Fatal(err)
	}
	return proof
}

func (p *pressed) fresh() string {
	p.t.Helper()
	_, challenge := p.ask()
	return p.prove(challenge)
}

var costly = map[string][]string{
	"/reset":   {"token", aToken, "password", aPassword, "confirm", aPassword},
	"/forgot":  {"email", "ann@example.com"},
	"/reissue": {"token", oldToken},
}

// Without pressure nothing is asked for, and what is sent along is not looked at.
func TestNoProofWithoutPressure(t *testing.T) {
	t.Parallel()
	for _, s := range []*site{open(t), press(t, pow.Auto).site, press(t, pow.Never).site} {
		if a := s.get("/proof"); a.status != 200 || strings.TrimSpace(a.body) != `{"bits":0}` || a.header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%d %s", a.status, a.body)
		}
		for range ratelimit.UnprovenAddress.Burst + 1 {
			s.wants(s.post("/reissue", "token", oldToken, "proof", "nonsense"), 200)
		}
	}
}

// Under pressure a good proof lets each of the forms on, whatever becomes of those that have none; and the pressure's end lets all on.
func TestProofLetsOn(t *testing.T) {
	t.Parallel()
	p := press(t, pow.Auto)
	if bits, challenge := p.ask(); bits != 0 || challenge != "" {
		t.Fatalf("%d bits of %q without pressure", bits, challenge)
	}
	p.load.Store(4)
	if bits, _ := p.ask(); bits != testBits+2 {
		t.Errorf("%d bits under four times the load", bits)
	}
	for range ratelimit.UnprovenAddress.Burst {
		p.wants(p.post("/forgot", "email", "ann@example.com"), 200)
	}
	p.cases.take()
	for path, fields := range costly {
		a := p.post(path, fields...)
		p.wants(a, 429, "Nothing is lost", "in 10 seconds")
		if a.header.Get("Retry-After") != "10" {
			t.Errorf("%s: Retry-After %q", path, a.header.Get("Retry-After"))
		}
		p.lacks(a, aPassword)
		if calls := p.cases.take(); calls != nil {
			t.Errorf("%s without proof reached %v", path, calls)
		}
		if a := p.post(path, append([]string{"proof", p.fresh()}, fields...)...); a.status != 200 && a.status != 303 {
			t.Errorf("%s with proof: %d", path, a.status)
		}
		if calls := p.cases.take(); len(calls) != 1 {
			t.Errorf("%s with proof reached %v", path, calls)
		}
	}
	if diff := cmp.Diff(map[string]int{"ok": 3, "missing": 3 + ratelimit.UnprovenAddress.Burst}, p.counted()); diff != "" {
		t.Error(diff)
	}
}

// What the member needs to go on is in the page that says so: the token, address and code, the address. No password.
func TestUnprovenPagesCarryOn(t *testing.T) {
	t.Parallel()
	p := press(t, pow.Always)
	for range ratelimit.UnprovenAddress.Burst {
		p.post("/forgot", "email", "ann@example.com")
	}
	for name, row := range map[string]struct {
		path   string
		fields []string
		has    []string
	}{
		"link":    {"/reset", costly["/reset"], []string{`action="/reset"`, `name="token" value="` + aToken + `"`}},
		"code":    {"/reset", []string{"email", "ann@example.com", "code", "4F7K-9QXR-2MTX", "password", aPassword, "confirm", aPassword}, []string{`value="ann@example.com"`, `value="4F7K-9QXR-2MTX"`}},
		"forgot":  {"/forgot", costly["/forgot"], []string{`action="/forgot"`, `value="ann@example.com"`}},
		"reissue": {"/reissue", costly["/reissue"], []string{`action="/reissue"`, `name="token" value="` + oldToken + `"`}},
	} {
		a := p.post(row.path, row.fields...)
		p.wants(a, 429, append(row.has, `role="alert"`, "JavaScript is off", "send the form again")...)
		if strings.Contains(a.body, aPassword) {
			t.Errorf("%s: the password is in the page", name)
		}
	}
}

// A proof is good once, for one installation, one purpose, a while, and only with the work done. Without a good one a form is as any without:
// let on while the bucket has room, then 429.
func TestBadProofs(t *testing.T) {
	t.Parallel()
	p := press(t, pow.Always)
	now := time.Now()
	spent := p.fresh()
	p.wants(p.post("/reissue", "token", oldToken, "proof", spent), 200)
	for name, proof := range map[string]string{
		"sent before":             spent,
		"another installation's":  p.prove(pow.NewIssuer(secret.NewMaster()).Challenge(pow.Forms, testBits, now)),
		"another purpose":         p.prove(p.issuer.Challenge(pow.Forms+1, testBits, now)),
		"too old":                 p.prove(p.issuer.Challenge(pow.Forms, testBits, now.Add(-pow.Life))),
		"less work than is asked": p.prove(p.issuer.Challenge(pow.Forms, testBits-1, now)),
		"no work":                 p.issuer.Challenge(pow.Forms, 20, now) + ".0",
		"nonsense":                "nonsense",
	} {
		p.counted()
		p.post("/reissue", "token", oldToken, "proof", proof)
		if diff := cmp.Diff(map[string]int{"wrong": 1}, p.counted()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for range ratelimit.UnprovenAddress.Burst {
		p.post("/reissue", "token", oldToken, "proof", spent)
	}
	p.wants(p.post("/reissue", "token", oldToken, "proof", spent), 429)
	p.wants(p.send("/reissue", "token="+oldToken+"&proof=a&proof=b"), 400)
	p.wants(p.send("/reissue?proof=a", "token="+oldToken), 400)
}

// Of many forms with one proof at the same time one goes as proven.
func TestProofRace(t *testing.T) {
	t.Parallel()
	p := press(t, pow.Always)
	proof := p.fresh()
	const n = 40
	start, answers := make(chan struct{}), make(chan int, n)
	for range n {
		go func() {
			<-start
			resp, err := http.PostForm(p.url+"/reissue", map[string][]string{"token": {oldToken}, "proof": {proof}})
			if err != nil {
				answers <- 0
				return
			}
			resp.Body.Close()
			answers <- resp.StatusCode
		}()
	}
	close(start)
	got := map[int]int{}
	for range n {
		got[<-answers]++
	}
	if want := 1 + ratelimit.UnprovenAddress.Burst; got[200] != want || got[429] != n-want {
		t.Errorf("%v, want %d times 200", got, want)
	}
	if diff := cmp.Diff(map[string]int{"ok": 1, "wrong": n - 1}, p.counted()); diff != "" {
		t.Error(diff)
	}
}

// A proof is given back where we could not do what was asked, and not where we could.
func TestProofIsGivenBack(t *testing.T) {
	t.Parallel()
	calls := map[string]string{"/reset": "redeem", "/forgot": "request ann@example.com", "/reissue": "reissue " + oldToken}
	for path, fields := range costly {
		for name, row := range map[string]struct {
			err   error
			again string
		}{
			"busy":     {problem.New(problem.Unavailable, ""), "ok"},
			"too slow": {context.DeadlineExceeded, "ok"},
			"limited":  {problem.New(problem.Limited, ""), "wrong"},
			"a defect": {http.ErrBodyNotAllowed, "wrong"},
			"refused":  {reset.ErrConfirm, "wrong"},
			"done":     {nil, "wrong"},
		} {
			p := press(t, pow.Always)
			proof := p.fresh()
			p.cases.fail(calls[path], row.err)
			p.post(path, append([]string{"proof", proof}, fields...)...)
			p.counted()
			p.cases.fail(calls[path], nil)
			p.post(path, append([]string{"proof", proof}, fields...)...)
			if diff := cmp.Diff(map[string]int{row.again: 1}, p.counted()); diff != "" {
				t.Errorf("%s, %s: %s", path, name, diff)
			}
		}
	}
}

// The way without JavaScript stays open under pressure: whoever is told to wait, waits and presses again, gets through.
func TestWithoutProofWaitsItsTurn(t *testing.T) {
	t.Parallel()
	p := press(t, pow.Always)
	for p.post("/forgot", "email", "mallory@example.com").status == 200 {
	}
	a := p.post("/reset", costly["/reset"]...)
	p.wants(a, 429)
	wait, err := time.ParseDuration(a.header.Get("Retry-After") + "s")
	if err != nil {
		t.Fatal(err)
	}
	p.clock.Add(int64(wait))
	if a := p.post("/reset", costly["/reset"]...); a.status != 303 {
		t.Errorf("after the wait: %d", a.status)
	}
}

// The page's script asks from the page; another site has no use for the answer.
func TestProofIsForOurPages(t *testing.T) {
	t.Parallel()
	p := press(t, pow.Always)
	for _, row := range []struct {
		name, value string
		status      int
	}{
		{"Sec-Fetch-Site", "same-origin", 200}, {"Sec-Fetch-Site", "none", 200}, {"Origin", "null", 200}, {"Origin", p.url, 200},
		{"Sec-Fetch-Site", "cross-site", 403}, {"Sec-Fetch-Site", "same-site", 403}, {"Origin", "https://evil.example", 403},
	} {
		r := p.request("GET", "/proof", nil)
		r.Header.Set(row.name, row.value)
		if a := p.do(r); a.status != row.status || row.status == 403 && a.body != "" {
			t.Errorf("%s: %s: %d %s", row.name, row.value, a.status, a.body)
		}
	}
}

// All without proof share one bucket, and one address cannot have all of it.
func TestUnprovenBucketIsShared(t *testing.T) {
	t.Parallel()
	p := press(t, pow.Always)
	let := 0
	for from := 2; let < ratelimit.Unproven.Burst; from++ {
		for range ratelimit.UnprovenAddress.Burst {
			p.wants(p.postFrom(from, "/forgot", "email", "ann@example.com"), 200)
			let++
		}
		p.wants(p.postFrom(from, "/forgot", "email", "ann@example.com"), 429)
	}
	p.wants(p.postFrom(100, "/reset", costly["/reset"]...), 429)
	p.clock.Add(int64(ratelimit.UnprovenAddress.Burst) * int64(ratelimit.Unproven.Every))
	for range ratelimit.UnprovenAddress.Burst { // what the bucket of all refused cost this address nothing
		p.wants(p.postFrom(100, "/forgot", "email", "ann@example.com"), 200)
	}
}

// postFrom sends from one of this machine's many loopback addresses.
func (p *pressed) postFrom(last int, path string, fields ...string) answer {
	p.t.Helper()
	r := p.request("POST", path, strings.NewReader(form(fields)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(last))}}
	resp, err := (&http.Transport{DisableKeepAlives: true, DialContext: dialer.DialContext}).RoundTrip(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}
