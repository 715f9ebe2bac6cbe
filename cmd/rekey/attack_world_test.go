package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/demo"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// The tests in attack_*_test.go are named after the numbers of the attack list that the project holds itself to. Each plays its attack
// over HTTP on "rekey serve" as a whole: portal, use cases, limits, database, delivery, a mail server.

const (
	// theirs is the public URL of a target. It listens elsewhere, so that nothing the listener or a request says can pass for it.
	theirs        = "https://reset.example.org"
	leaked        = "correct horse battery staple"
	leakedHash    = "md5$$9cc2ae8a1ba7a93da39b46fc1019c481" // of leaked, as Django stored it: cheap to compare
	freshPassword = "orchid tractor lemon violin"
)

// target is a service under attack. Its requests come through a proxy it trusts, so that each may have a client address of its own.
type target struct {
	*service
	r       *terminal
	box     *demo.Mailbox
	db      *sql.DB
	store   *store.Store
	keys    *reset.Keys
	clients atomic.Uint32
}

// member is an account of a target: "name@domain" has the subject name.
type member struct {
	email string
	sso   bool // no password here
	safe  bool // not on the list of the breached
}

func (m member) subject() string { name, _, _ := strings.Cut(m.email, "@"); return name }

// attacked runs f against a target on each database. Every member whose password leaked is dead, and gets the campaign's mail.
func attacked(t *testing.T, members []member, f func(a *target), serve ...string) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(newTarget(t, members, "", serve...))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(newTarget(t, members, storetest.PostgresURL(t), serve...))
	})
}

// newTarget has the embedded database, or the one of the URL.
func newTarget(t testing.TB, members []member, postgres string, serve ...string) *target {
	t.Helper()
	r := atTerminal(t)
	r.env["REKEY_MASTER_KEY"], r.env["REKEY_PUBLIC_URL"] = testKey, theirs
	r.env["REKEY_TRUSTED_PROXIES"], r.env["REKEY_RETURN_URL"] = "127.0.0.0/8", "https://www.example.org/login"
	r.env["REKEY_PROOF"] = "never" // what is proven here must hold without the help of proofs of work
	if postgres != "" {
		r.env["REKEY_DATABASE_URL"] = postgres
	}
	a := &target{r: r, box: catching(r)}
	a.breach(members)
	a.service = r.serve(serve...)
	a.reach(postgres)
	return a
}

// breach takes the members in and has a campaign kill those who are on the list.
func (a *target) breach(members []member) {
	a.r.t.Helper()
	accounts, list := "subject,email,password_hash,password_set_at\n", "subject\n"
	exposedOnes := 0
	for _, m := range members {
		hash, at := leakedHash, "2010-01-02T03:04:05Z"
		if m.sso {
			hash, at = "", ""
		}
		accounts += fmt.Sprintf("%s,%s,%s,%s\n", m.subject(), m.email, hash, at)
		if !m.safe {
			list += m.subject() + "\n"
		}
		if !m.safe && !m.sso {
			exposedOnes++
		}
	}
	if status, _, why := a.r.feed(accounts, "accounts", "import", "--format", "csv", "-"); status != exitOK {
		a.r.t.Fatal(why)
	}
	path := filepath.Join(a.r.t.TempDir(), "list.csv")
	if err := os.WriteFile(path, []byte(list), 0o600); err != nil {
		a.r.t.Fatal(err)
	}
	a.r.ok("incident", "set", "breach", "--title", "Data was copied", "--publish")
	a.activate("1", exposedOnes, "--scope", "list", "--list", path)
}

// activate makes a campaign and has it kill so many.
func (a *target) activate(id string, dead int, scope ...string) {
	a.r.t.Helper()
	a.r.ok(append([]string{"campaign", "create", "--incident", "breach"}, scope...)...)
	a.r.ok("campaign", "prepare", id)
	a.r.ok("campaign", "activate", id, "--expect", fmt.Sprint(dead), "--tolerance", "0", "--yes")
}

// reach opens the target's database beside it: to look, to break, and to sign tokens of any age as its own keys sign them.
func (a *target) reach(postgres string) {
	a.t.Helper()
	driver, dsn, storeURL := "pgx", postgres, postgres
	if postgres == "" {
		path := a.r.dataFile("rekey.db")
		driver, dsn, storeURL = "sqlite", path+"?_pragma=busy_timeout(10000)", "sqlite:"+path
	}
	var err error
	if a.db, err = sql.Open(driver, dsn); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { a.db.Close() })
	if a.store, err = store.Open(a.t.Context(), store.Options{URL: storeURL}); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { a.store.Close() })
	master, err := secret.ParseMaster(testKey)
	if err != nil {
		a.t.Fatal(err)
	}
	a.keys = reset.NewKeys(a.store, master, theirs)
}

// mint signs a token as the target does. age is how long ago.
func (a *target) mint(account, version, epoch int64, age, life time.Duration) string {
	a.t.Helper()
	ring, err := a.keys.Ring(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	text, _, err := ring.Mint(account, 0, version, epoch, time.Now().Add(-age), life)
	if err != nil {
		a.t.Fatal(err)
	}
	return text
}

// count is one number out of the database.
func (a *target) count(query string) (n int) {
	a.t.Helper()
	if err := a.db.QueryRow(query).Scan(&n); err != nil {
		a.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// id is the number of a member's account.
func (a *target) id(subject string) int64 {
	return int64(a.count("SELECT id FROM accounts WHERE subject = '" + subject + "'"))
}

// exec changes the database behind the target's back.
func (a *target) exec(statement string) {
	a.t.Helper()
	if _, err := a.db.Exec(statement); err != nil {
		a.t.Fatalf("%s: %v", statement, err)
	}
}

// reply is an answer in whole.
type reply struct {
	Status int
	Header http.Header
	Body   string
}

// knock is what all requests of attacks go by: connections are kept, redirects are not followed.
var knock = &http.Client{
	Timeout:       time.Minute,
	Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// send asks from a client address that nobody used yet, unless change says otherwise. What differs between any two answers is left out.
func (a *target) send(method, path, body string, change ...func(*http.Request)) reply {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.public+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	n := a.clients.Add(1)
	r.Header.Set("X-Forwarded-For", netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String())
	for _, c := range change {
		c(r)
	}
	answer, err := knock.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	answer.Header.Del("Date")
	answer.Header.Del("X-Request-Id")
	return reply{answer.StatusCode, answer.Header, string(text)}
}

// with sets a header.
func with(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// from sets the client address, as the trusted proxy tells it.
func from(address string) func(*http.Request) { return with("X-Forwarded-For", address) }

// post sends a form given as name, value, name, value.
func (a *target) post(path string, fields []string, change ...func(*http.Request)) reply {
	a.t.Helper()
	return a.send(http.MethodPost, path, encoded(fields...), change...)
}

func encoded(fields ...string) string {
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return form.Encode()
}

func (a *target) forgot(email string, change ...func(*http.Request)) reply {
	a.t.Helper()
	return a.post("/forgot", []string{"email", email}, change...)
}

func (a *target) redeem(token string, change ...func(*http.Request)) reply {
	a.t.Helper()
	return a.post("/reset", []string{"token", token, "password", freshPassword, "confirm", freshPassword}, change...)
}

// looks at a link without using it.
func (a *target) looks(token string) int {
	a.t.Helper()
	return a.post("/reset/check", []string{"token", token}).Status
}

// alive fails unless the link would still set a password.
func (a *target) alive(what, token string, alive bool) {
	a.t.Helper()
	if got, want := a.looks(token), map[bool]int{true: http.StatusNoContent, false: http.StatusGone}[alive]; got != want {
		a.t.Errorf("%s: the look at the link answers %d, want %d", what, got, want)
	}
}

// wants fails unless the status is that.
func (a *target) wants(what string, got reply, status int) {
	a.t.Helper()
	if got.Status != status {
		a.t.Errorf("%s: %d, want %d: %.300s", what, got.Status, status, got.Body)
	}
}

// alike fails unless two answers are the same to the last byte of body, status and headers.
func (a *target) alike(what string, want, got reply) {
	a.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		a.t.Errorf("%s can be told apart:\n%s", what, diff)
	}
}

// mailTo waits for the first mail to an address after the one with that number.
func (a *target) mailTo(address string, after int64) (demo.Mail, demo.Letter) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), 30*time.Second)
	defer cancel()
	m, err := a.box.Next(ctx, address, after)
	if err != nil {
		a.t.Fatalf("no mail to %s: %v", address, err)
	}
	letter, err := m.Read()
	if err != nil {
		a.t.Fatal(err)
	}
	return m, letter
}

// link waits for the campaign's mail to a member, and gives its token and code.
func (a *target) link(address string) (token, code string) {
	a.t.Helper()
	_, letter := a.mailTo(address, 0)
	if letter.Token() == "" || letter.Code() == "" {
		a.t.Fatalf("no link or code for %s: %s", address, letter.Text)
	}
	return letter.Token(), letter.Code()
}

// drained waits until no mail is under way: what is left was told to wait for longer than this test runs.
func (a *target) drained() {
	a.t.Helper()
	again, late := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer again.Stop()
	limit := time.Now().Add(10 * time.Minute)
	for {
		var n int
		err := a.db.QueryRow(`SELECT count(*) FROM outbox WHERE state IN ('pending', 'leased') AND next_attempt_at < $1`, a.moment(limit)).Scan(&n)
		if err != nil {
			a.t.Fatal(err)
		}
		if n == 0 {
			return
		}
		select {
		case <-again.C:
		case <-late:
			a.t.Fatalf("%d mails are still under way", n)
		}
	}
}

// moment is a time as the database keeps it.
func (a *target) moment(t time.Time) any {
	if _, onPostgres := a.r.env["REKEY_DATABASE_URL"]; onPostgres {
		return t
	}
	return t.UnixMicro()
}
