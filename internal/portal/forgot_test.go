package portal_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// sameAnswer fails unless status, body and headers agree but for the time and the request's own id.
func sameAnswer(t *testing.T, want, got answer) {
	t.Helper()
	for _, h := range []http.Header{want.header, got.header} {
		h.Del("Date")
		h.Del("X-Request-Id")
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(answer{})); diff != "" {
		t.Errorf("answers differ:\n%s", diff)
	}
}

func TestForgotAnswersAlike(t *testing.T) {
	t.Parallel()
	s := open(t)
	want := s.post("/forgot", "email", "known@example.com")
	s.wants(want, 200, "look into your mailbox")
	for _, email := range []string{"unknown@example.com", "", "no address", "a@b@c", "mıke@example.com", "a,b@example.com", "x\r\nbcc: y@example.com", strings.Repeat("x", 4000), "<script>"} {
		sameAnswer(t, want, s.post("/forgot", "email", email))
	}
	if calls := s.cases.take(); len(calls) != 10 || calls[0] != "request known@example.com" {
		t.Errorf("each of them is the service's to judge: %q", calls)
	}
	if s.cases.locale != "en" {
		t.Errorf("locale %q", s.cases.locale)
	}
}

func TestReissueAnswersAlike(t *testing.T) {
	t.Parallel()
	s := open(t)
	want := s.post("/reissue", "token", aToken)
	s.wants(want, 200, "fresh link")
	for _, token := range []string{oldToken, "", "garbage"} {
		sameAnswer(t, want, s.post("/reissue", "token", token))
	}
	s.lacks(want, aToken)
}

func TestFormsKeepWhatTheyHoldWhileOneWaits(t *testing.T) {
	t.Parallel()
	for _, form := range []struct{ path, call, field, value string }{
		{"/reissue", "reissue ", "token", aToken}, {"/forgot", "request ", "email", "ann@example.com"},
	} {
		for _, kind := range []problem.Kind{problem.Limited, problem.Unavailable} {
			s := open(t)
			s.cases.fail(form.call+form.value, problem.Retry(kind, "", 3*time.Minute))
			a := s.post(form.path, form.field, form.value)
			s.wants(a, kind.Status(), `value="`+form.value+`"`, `action="`+form.path+`"`, "in 3 minutes", "othing is lost")
			if got := a.header.Get("Retry-After"); got != "180" {
				t.Errorf("Retry-After %q", got)
			}
		}
	}
	s := open(t)
	s.cases.fail("request a@example.com", problem.Retry(problem.Limited, "", time.Second))
	s.wants(s.post("/forgot", "email", "a@example.com"), 429, "in 1 second.")
}
