package reset_test

import (
	"context"
	"crypto/sha1"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/breached"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

func onSQLite(t *testing.T) *bundle {
	t.Helper()
	t.Parallel()
	return newBundle(t, storetest.SQLite(t, store.Options{}))
}

func (b *bundle) wantCode(doing string, err error, code string) {
	b.t.Helper()
	b.want(doing, err, problem.Unprocessable)
	if got := problem.DetailsOf(err, "").Code; got != code {
		b.t.Errorf("%s: code %q, want %q", doing, got, code)
	}
}

// With the list down a reset goes on by the built-in list, or is refused with a time to come back; each way is reported, and nothing
// of the try is charged that the member is not to blame for.
func TestBreachedListThatIsDown(t *testing.T) {
	b := onSQLite(t)
	ctx := context.Background()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	source := breached.NewRange(gone.URL, 1, time.Second)
	reports := 0
	report := func(error, bool) { reports++ }

	b.Policy.Breached = breached.NewGuard(source, true, report)
	link := b.mint(time.Now(), time.Hour)
	for range 60 { // more than the link's burst of 40
		err := b.Redeem(ctx, submission(link, newPassword))
		b.want("refusing", err, problem.Unavailable)
		if problem.RetryAfter(err) <= 0 || problem.DetailsOf(err, "").Code != "breach_list" {
			b.t.Errorf("refusing: %v", err)
		}
	}
	if full, compared := b.Hasher.Count(); full != 1 || compared != 0 { // the one of the bundle itself
		b.t.Errorf("%d hashes and %d comparisons for nothing", full, compared)
	}
	b.Policy.Breached = breached.NewGuard(source, false, report)
	b.wantCode("the built-in list still holds", b.Redeem(ctx, submission(link, "sunshinerainbow")), "common")
	if reports != 60 {
		b.t.Errorf("%d reports of 60", reports)
	}
	b.ok("by the built-in list", b.Redeem(ctx, submission(link, newPassword)))
	if reports != 61 {
		b.t.Errorf("%d reports of 61", reports)
	}
}

func TestBreachedPasswordIsRefused(t *testing.T) {
	b := onSQLite(t)
	digits := fmt.Sprintf("%X", sha1.Sum([]byte(newPassword)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, digits[5:]+":3\r\n") }))
	defer server.Close()
	b.Policy.Breached = breached.NewGuard(breached.NewRange(server.URL, 1, 5*time.Second), true, func(err error, _ bool) { b.t.Error(err) })
	link := b.mint(time.Now(), time.Hour)
	b.wantCode("a breached one", b.Redeem(context.Background(), submission(link, newPassword)), "breached")
}

// elsewhere stands in for another process.
type elsewhere func(password.Job) (password.Outcome, error)

func (e elsewhere) Do(j password.Job) (password.Outcome, error) { return e(j) }

// A password that is judged elsewhere keeps nobody at the door, and where it cannot be judged nothing is charged and nothing set.
func TestPasswordJudgedElsewhere(t *testing.T) {
	b := onSQLite(t)
	ctx := context.Background()
	left, down := 0, true
	b.Policy.Elsewhere = elsewhere(func(j password.Job) (password.Outcome, error) {
		if left == 0 {
			b.t.Error("judging while others wait at the door")
		}
		if j.Act != password.ActEstimate || j.Password != newPassword || !slices.Contains(strings.Fields(j.Encoded), "member") {
			b.t.Errorf("a job of act %d with %q", j.Act, j.Encoded)
		}
		if down {
			return password.Outcome{}, problem.New(problem.Unavailable, "gone")
		}
		return password.Outcome{Match: true}, nil
	})
	s := submission(b.mint(time.Now(), time.Hour), newPassword)
	s.Leave = func() { left++ }
	for range 60 { // more than the link's burst of 40
		b.want("down", b.Redeem(ctx, s), problem.Unavailable)
	}
	down = false
	b.wantCode("guessed", b.Redeem(ctx, s), "common")
	b.Policy.Elsewhere = nil
	b.ok("here", b.Redeem(ctx, s))
}

// The exposed password with little changed is refused, for at most three comparisons more; any other pays the same and is taken.
func TestTrivialVariantsOfTheDeadPassword(t *testing.T) {
	b := onSQLite(t)
	ctx := context.Background()
	link := b.mint(time.Now(), time.Hour)
	_, before := b.Hasher.Count()
	cost := func(doing string, most int64) {
		b.t.Helper()
		_, compared := b.Hasher.Count()
		if compared-before > most || compared == before {
			b.t.Errorf("%s: %d comparisons, at most %d", doing, compared-before, most)
		}
		before = compared
	}
	for pw, most := range map[string]int64{
		oldPassword: 1, oldPassword + "1": 2, oldPassword + "!": 2, oldPassword + "2024": 2, oldPassword + "12!!": 4, "T" + oldPassword[1:]: 2,
	} {
		b.wantCode(pw, b.Redeem(ctx, submission(link, pw)), "same_password")
		cost(pw, most)
	}
	b.ok("another", b.Redeem(ctx, submission(link, newPassword+" 2011!")))
	cost("another", 4)
}
