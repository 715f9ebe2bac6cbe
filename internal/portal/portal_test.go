package portal_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/portal"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/server"
)

const (
	aToken    = "eyJhbGciOiJFUzI1NiJ9.eyJleHAiOjQxMDI0NDQ4MDB9.c2lnbmF0dXJl" // exp in the year 2100
	oldToken  = "eyJhbGciOiJFUzI1NiJ9.eyJleHAiOjEwMDAwMDAwMDB9.c2lnbmF0dXJl" // exp in 2001
	aPassword = "orchid tractor lemon violin"
)

var _ portal.Resets = (*reset.Service)(nil)

// cases is a stand-in for reset.Service that records what reached it.
type cases struct {
	mu     sync.Mutex
	calls  []string
	last   reset.Submission
	locale string
	hook   func(ctx context.Context, call string) // runs inside each call

	errs   map[string]error // by call
	locked bool
}

func (f *cases) called(ctx context.Context, name string) error {
	f.mu.Lock()
	f.calls = append(f.calls, name)
	err, hook := f.errs[name], f.hook
	f.mu.Unlock()
	if hook != nil {
		hook(ctx, name)
	}
	return err
}

func (f *cases) fail(name string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errs[name] = err
}

// take gives the calls made so far and forgets them.
func (f *cases) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func (f *cases) submission() reset.Submission {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

func (f *cases) Check(ctx context.Context, token string, _ netip.Addr) error {
	return f.called(ctx, "check "+token)
}

func (f *cases) Redeem(ctx context.Context, s reset.Submission) error {
	f.mu.Lock()
	f.last = s
	f.mu.Unlock()
	return f.called(ctx, "redeem")
}

func (f *cases) Request(ctx context.Context, email string, _ netip.Addr, locale string) error {
	f.mu.Lock()
	f.locale = locale
	f.mu.Unlock()
	return f.called(ctx, "request "+email)
}

func (f *cases) Reissue(ctx context.Context, token string, _ netip.Addr) error {
	return f.called(ctx, "reissue "+token)
}

func (f *cases) Locked(context.Context) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.locked, nil
}

func (f *cases) lock() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.locked = true
}

// site is a portal on a real listener, behind the real engine.
type site struct {
	t     testing.TB
	url   string
	cases *cases
	log   *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func published(_ context.Context, slug string) (incident.Incident, error) {
	if slug != "spring-2011" {
		return incident.Incident{}, problem.New(problem.NotFound, "no such incident")
	}
	happened, found, closed, out := day(2011, 6, 14), day(2011, 6, 16), day(2011, 6, 17), day(2011, 6, 17)
	return incident.Incident{
		Slug: slug, Title: "Member data was copied from Example Pass", OccurredAt: &happened, FoundAt: &found, ContainedAt: &closed, PublishedAt: &out,
		CreatedAt: found, UpdatedAt: out, ChangedAt: day(2011, 7, 4),
		Classes:   []string{"names", "E-mail addresses", "Dates of birth", "Passwords, weakly protected"},
		Unexposed: []string{"Zahlungsdaten", "postal addresses"},
		Notice:    "Strangers copied part of our member database.\r\n\r\nNo payment data was stored there. <b>Not bold</b>",
		Advice:    "Tell your bank if you paid by transfer.\n\nKeep this page: we will say here what else we find.",
		Updates: []incident.Update{
			{ID: 3, At: day(2011, 6, 20), Text: "We have told the data protection authority.", CreatedAt: day(2011, 6, 20), UpdatedAt: day(2011, 6, 20)},
			{ID: 4, At: day(2011, 7, 1), Text: "All members have been written to.\n\nThe investigation goes on; <i>so far</i> nothing else was found.", CreatedAt: day(2011, 7, 1), UpdatedAt: day(2011, 7, 4)},
		},
	}, nil
}

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 12, 0, 0, 0, time.UTC) }

func open(t testing.TB, change ...func(*portal.Options)) *site {
	t.Helper()
	f := &cases{errs: map[string]error{}}
	s := httptest.NewUnstartedServer(nil)
	at := "http://" + s.Listener.Addr().String()
	o := portal.Options{
		Resets: f, Notice: published, PublicURL: at, Minimum: 15, Maximum: 256, Name: "Example Pass", Contact: "help@example.com",
		ReturnURL: "https://example.com/login", Since: day(2011, 1, 1), Sender: "Example Pass <security@example.com>",
		Subjects: func(locale string) ([]string, error) {
			return []string{"Example Pass: please set a new password (" + locale + ")"}, nil
		},
	}
	for _, c := range change {
		c(&o)
	}
	p, err := portal.New(o)
	if err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	e, err := server.New(server.Options{
		Logger: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), Headers: server.PageHeaders(false), Render: p.Problem,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Routes(e)
	s.Config.Handler = e
	s.Start()
	t.Cleanup(s.Close)
	return &site{t: t, url: at, cases: f, log: log}
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (s *site) do(r *http.Request) answer {
	s.t.Helper()
	resp, err := (&http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute}).RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (s *site) request(method, path string, body io.Reader) *http.Request {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *site) get(path string) answer { s.t.Helper(); return s.do(s.request("GET", path, nil)) }

// send posts a raw urlencoded body.
func (s *site) send(path, body string) answer {
	s.t.Helper()
	r := s.request("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(body) > 16<<10 {
		r.Header.Set("Expect", "100-continue") // a server that refuses unread closes the connection, and the answer would be lost in the writing
	}
	return s.do(r)
}

// post sends fields given as name, value, name, value.
func (s *site) post(path string, fields ...string) answer {
	s.t.Helper()
	return s.send(path, form(fields))
}

func form(fields []string) string {
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	return values.Encode()
}

// wants fails unless the answer has the status and its body every part.
func (s *site) wants(a answer, status int, parts ...string) {
	s.t.Helper()
	if a.status != status {
		s.t.Errorf("status %d, want %d: %s", a.status, status, a.body)
	}
	for _, part := range parts {
		if !strings.Contains(a.body, part) {
			s.t.Errorf("the page lacks %q:\n%s", part, a.body)
		}
	}
}

// lacks fails if any part is anywhere in the answer or the log.
func (s *site) lacks(a answer, parts ...string) {
	s.t.Helper()
	var headers strings.Builder
	if err := a.header.Write(&headers); err != nil {
		s.t.Fatal(err)
	}
	for _, part := range parts {
		if strings.Contains(a.body, part) || strings.Contains(headers.String(), part) || strings.Contains(s.log.String(), part) {
			s.t.Errorf("%q is in the answer or the log", part)
		}
	}
}
