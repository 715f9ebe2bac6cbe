package portal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/portal"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/token"
)

func refused(code, text string) error {
	return &problem.Error{Kind: problem.Unprocessable, Code: code, Text: text}
}

func TestRedeem(t *testing.T) {
	t.Parallel()
	byToken := []string{"token", aToken, "password", aPassword, "confirm", aPassword}
	byCode := []string{"email", "ann@example.com", "code", "4F7K-9QXR-2MTD", "password", aPassword, "confirm", aPassword}
	carried := `<input type="hidden" name="token" value="` + aToken + `">`
	table := []struct {
		name   string
		fields []string
		err    error
		status int
		has    []string
	}{
		{"set", byToken, nil, 303, nil},
		{"set by code", byCode, nil, 303, nil},
		{"not well signed", byToken, token.ErrNotOurs, 400, []string{"This link is damaged", `href="/code"`, `href="/forgot"`}},
		{"nothing given", nil, token.ErrNotOurs, 400, []string{"could not read"}},
		{"used", byToken, reset.ErrUsed, 410, []string{"no longer works", `action="/reissue"`, carried, "log in with it"}},
		{"expired", byToken, token.ErrExpired, 410, []string{"no longer works", `action="/reissue"`, carried}},
		{"wrong code", byCode, reset.ErrNoFit, 410, []string{"don’t fit together", `href="/forgot"`, `value="ann@example.com"`, `value="4F7K-9QXR-2MTD"`, `autofocus`}},
		{"too short", byToken, refused("too_short", "short"), 422, []string{"at least 15 characters", "Nothing is lost", carried, `aria-invalid="true" aria-describedby="password-wrong password-hint" autofocus`}},
		{"too short by code", byCode, refused("too_short", "short"), 422, []string{`value="ann@example.com"`, `value="4F7K-9QXR-2MTD"`}},
		{"dead password", byToken, reset.ErrDead, 422, []string{"had until now, or nearly the same", carried}},
		{"confirm differs", byToken, reset.ErrConfirm, 422, []string{"not the same", `aria-invalid="true" aria-describedby="confirm-wrong" autofocus`, carried}},
		{"a rule without a text here", byToken, refused("new_rule", "Refused & said why."), 422, []string{"Refused &amp; said why.", carried}},
		{"limited", byToken, problem.Retry(problem.Limited, "slow", 1500*time.Millisecond), 429, []string{"Nothing is lost", "in 2 seconds", carried}},
		{"busy", byToken, problem.New(problem.Unavailable, "full"), 503, []string{"Nothing is lost", "in 10 seconds", carried}},
		{"out of time", byToken, fmt.Errorf("hashing: %w", context.DeadlineExceeded), 503, []string{"Nothing is lost", carried}},
		{"defect", byToken, errors.New("secret cause"), 500, []string{"on our side"}},
	}
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			s.cases.fail("redeem", row.err)
			a := s.post("/reset", row.fields...)
			s.wants(a, row.status, row.has...)
			s.lacks(a, aPassword, "orchid", "Set-Cookie")
			if where := a.header.Get("Location"); (row.status == 303) != (where == "/done") {
				t.Errorf("Location %q", where)
			}
			if wait := a.header.Get("Retry-After"); (wait != "") != (row.status == 429 || row.status == 503) {
				t.Errorf("Retry-After %q with %d", wait, row.status)
			}
			if strings.Contains(a.body, "secret cause") || strings.Contains(s.log.String(), aToken) || strings.Contains(fmt.Sprint(a.header), aToken) {
				t.Error("the cause is shown, or the token is in the log or a header")
			}
		})
	}
}

func TestRedeemPassesWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := open(t)
	read := func(fields ...string) reset.Submission {
		s.post("/reset", fields...)
		got := s.cases.submission()
		if !got.Client.IsLoopback() {
			t.Errorf("client address %v", got.Client)
		}
		got.Client, got.Leave = netip.Addr{}, nil
		return got
	}
	comparable := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	odd := "  ﬁ é \u0000 " + strings.Repeat("🦆", 256) + " "
	if diff := cmp.Diff(reset.Submission{Token: aToken, Password: odd, Confirm: "x"}, read("token", aToken, "password", odd, "confirm", "x"), comparable); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(reset.Submission{Email: "ann@example.com", Code: " 4f7k ", Password: "a", Confirm: "b"},
		read("token", "", "email", " ann@example.com\t", "code", " 4f7k ", "password", "a", "confirm", "b", "extra", "1", "extra", "2"), comparable); diff != "" {
		t.Error(diff)
	}
	// A token names its account: an address beside it is not looked at (attack 12).
	if diff := cmp.Diff(reset.Submission{Token: aToken, Password: "a"}, read("token", aToken, "email", "b@example.com", "code", "x", "password", "a"), comparable); diff != "" {
		t.Error(diff)
	}
}

func TestLockdown(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.cases.lock()
	for _, call := range []string{"redeem", "request a@example.com", "reissue " + aToken, "check " + aToken} {
		s.cases.fail(call, reset.ErrLocked)
	}
	for _, a := range []answer{
		s.get("/reset"), s.get("/code"), s.get("/forgot"),
		s.post("/reset", "token", aToken, "password", aPassword, "confirm", aPassword), s.post("/forgot", "email", "a@example.com"), s.post("/reissue", "token", aToken),
	} {
		s.wants(a, 503, "Closed for now", "Nothing is lost")
		if a.header.Get("Retry-After") == "" || strings.Contains(a.body, "<form") {
			t.Error("no Retry-After, or a form that could not work")
		}
	}
	s.wants(s.post("/reset/check", "token", aToken), 503)
	s.wants(s.get("/incidents/spring-2011"), 200)
	s.wants(s.get("/"), 200)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		err    error
		status int
	}{{nil, 204}, {reset.ErrUsed, 410}, {token.ErrExpired, 410}, {token.ErrNotOurs, 400}, {problem.Retry(problem.Limited, "", time.Second), 429}, {reset.ErrLocked, 503}} {
		s := open(t)
		s.cases.fail("check "+aToken, row.err)
		r := s.request("POST", "/reset/check", strings.NewReader(`{"token":"`+aToken+`"}`))
		r.Header.Set("Content-Type", "application/json")
		for _, a := range []answer{s.post("/reset/check", "token", aToken), s.do(r)} {
			s.wants(a, row.status)
			if a.body != "" {
				t.Errorf("%d has a body: %s", a.status, a.body)
			}
			s.lacks(a, aToken)
		}
		if diff := cmp.Diff([]string{"check " + aToken, "check " + aToken}, s.cases.take()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCheckReadsJSONInOneWay(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, body := range []string{
		``, `{}`, `[]`, `"x"`, `{"token":1}`, `{"token":null}`, `{"Token":"x"}`, `{"token":"a","token":"b"}`, `{"token":"a","Token":"b"}`,
		`{"token":"a"}{}`, `{"token":["a","b"]}`, `{"token":"a","more":1}`, `{"token":{"a":"b"}}`, `{"token":"a"`,
	} {
		r := s.request("POST", "/reset/check", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if a := s.do(r); a.status != 400 {
			t.Errorf("%s: %d", body, a.status)
		}
	}
	if calls := s.cases.take(); calls != nil {
		t.Errorf("reached: %v", calls)
	}
}

// Who hangs up dodges neither limit nor commit; the work ends at its own deadline.
func TestWorkOutlivesTheRequest(t *testing.T) {
	t.Parallel()
	s := open(t, func(o *portal.Options) { o.Deadline = time.Minute })
	started, checked := make(chan struct{}), make(chan error, 1)
	gone := make(chan struct{})
	s.cases.hook = func(ctx context.Context, _ string) {
		close(started)
		<-gone
		if _, has := ctx.Deadline(); !has {
			checked <- errors.New("no deadline")
			return
		}
		checked <- ctx.Err()
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := s.request("POST", "/reset", strings.NewReader("token=a.b.c&password=x&confirm=x")).WithContext(ctx)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	left := make(chan struct{})
	go func() {
		defer close(left)
		if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
			resp.Body.Close()
		}
	}()
	<-started
	cancel()
	<-left
	close(gone)
	if err := <-checked; err != nil {
		t.Errorf("the work's context: %v", err)
	}
}
