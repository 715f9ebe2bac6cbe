package account

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// heldGate answers each statement when it is let; a record tells whose it is by its incident.
type heldGate struct {
	let        chan struct{}
	fail       func(subjects []string) error
	statements []string
}

func (g *heldGate) Gate(ctx context.Context, key []byte, scope string, subjects []string) ([]GateRecord, error) {
	g.statements = append(g.statements, string(key)+" "+scope+": "+strings.Join(subjects, " "))
	<-g.let
	if err := errors.Join(ctx.Err(), g.fail(subjects)); err != nil {
		return nil, err
	}
	records := make([]GateRecord, len(subjects))
	for i, s := range subjects {
		records[i].Incident = string(key) + " " + s
	}
	return records, nil
}

// asking is a JointGate and those who ask it.
type asking struct {
	*heldGate
	joint *JointGate

	mu      sync.Mutex
	answers map[string]string
}

func newAsking(most int) *asking {
	g := &heldGate{let: make(chan struct{}), fail: func([]string) error { return nil }}
	return &asking{heldGate: g, joint: NewJointGate(g, most), answers: map[string]string{}}
}

// ask asks, and keeps what came of it under the subjects.
func (a *asking) ask(ctx context.Context, key string, subjects ...string) {
	go func() {
		answer := "panic"
		defer func() {
			_ = recover()
			a.mu.Lock()
			defer a.mu.Unlock()
			a.answers[strings.Join(subjects, " ")] = answer
		}()
		records, err := a.joint.Gate(ctx, []byte(key), "login", subjects)
		text := make([]string, len(records))
		for i, r := range records {
			text[i] = r.Incident
		}
		if answer = strings.Join(text, ", "); err != nil {
			answer = err.Error()
		}
	}()
	synctest.Wait() // each comes after the one before
}

// end lets so many statements end, one after the other.
func (a *asking) end(statements int) {
	for range statements {
		a.let <- struct{}{}
		synctest.Wait()
	}
}

func (a *asking) want(t *testing.T, statements []string, answers map[string]string) {
	t.Helper()
	if diff := cmp.Diff(statements, a.statements) + cmp.Diff(answers, a.answers); diff != "" {
		t.Error(diff)
	}
}

// While a statement is under way all with one key who come are asked for together, and each is told of their own account.
func TestJointGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAsking(1)
		a.ask(t.Context(), "k", "u1")
		a.ask(t.Context(), "k", "u2")
		a.ask(t.Context(), "other", "u3")
		a.ask(t.Context(), "k", "u4")
		a.ask(t.Context(), "k", "u5", "u6") // a batch waits for nobody
		a.want(t, []string{"k login: u1", "k login: u5 u6"}, map[string]string{})
		a.end(2)
		a.want(t, []string{"k login: u1", "k login: u5 u6", "k login: u2 u4"}, map[string]string{"u1": "k u1", "u5 u6": "k u5, k u6"})
		a.ask(t.Context(), "k", "u2") // asked again meanwhile: what it is told is read later
		a.end(3)
		a.ask(t.Context(), "k", "u7")
		a.end(1)
		a.want(t, []string{"k login: u1", "k login: u5 u6", "k login: u2 u4", "other login: u3", "k login: u2", "k login: u7"},
			map[string]string{"u1": "k u1", "u2": "k u2", "u3": "other u3", "u4": "k u4", "u5 u6": "k u5, k u6", "u7": "k u7"})
	})
}

// As many statements as there may be are under way, and again as many when all have ended.
func TestJointGateSeveralStatements(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAsking(2)
		for range 2 {
			a.statements, a.answers = nil, map[string]string{}
			for _, s := range []string{"u1", "u2", "u3", "u4"} {
				a.ask(t.Context(), "k", s)
			}
			a.want(t, []string{"k login: u1", "k login: u2"}, map[string]string{})
			a.end(3)
			a.want(t, []string{"k login: u1", "k login: u2", "k login: u3 u4"}, map[string]string{"u1": "k u1", "u2": "k u2", "u3": "k u3", "u4": "k u4"})
		}
	})
}

// A statement for several holds no more than one batch may.
func TestJointGateIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAsking(1)
		a.ask(t.Context(), "k", "first")
		for i := range MaxChecks + 1 {
			a.ask(t.Context(), "k", "u"+strings.Repeat("x", i))
		}
		a.end(3)
		sizes := make([]int, len(a.statements))
		for i, s := range a.statements {
			sizes[i] = len(strings.Fields(s)) - 2
		}
		if !slices.Equal(sizes, []int{1, MaxChecks, 1}) || len(a.answers) != MaxChecks+2 {
			t.Errorf("statements for %v, %d answers", sizes, len(a.answers))
		}
	})
}

// Whoever does not wait any more is not asked for; but once their turn has come they ask for the others, although nobody listens to them.
func TestJointGateWithoutSomebody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAsking(1)
		early, endEarly := context.WithCancel(t.Context())
		late, endLate := context.WithCancel(t.Context())
		a.ask(t.Context(), "k", "u1")
		a.ask(early, "k", "early")
		a.ask(late, "k", "late")
		a.ask(t.Context(), "k", "u2")
		endEarly()
		synctest.Wait()
		a.want(t, []string{"k login: u1"}, map[string]string{"early": "The request ended before its turn came.: context canceled"})
		a.end(1)
		endLate()
		a.end(1)
		a.want(t, []string{"k login: u1", "k login: late u2"}, map[string]string{
			"early": "The request ended before its turn came.: context canceled", "u1": "k u1", "late": "k late", "u2": "k u2",
		})
	})
}

// What is wrong with one account is the matter of whoever asked for it; what is wrong with key or database is everybody's.
func TestJointGateFails(t *testing.T) {
	t.Parallel()
	broken := func(subjects []string) error {
		if slices.Contains(subjects, "bad") {
			return errors.New("a byte that is no text")
		}
		return nil
	}
	for name, c := range map[string]struct {
		fail       func(subjects []string) error
		ends       int
		statements []string
		bad, good  string
	}{
		"one account": {broken, 4, []string{"k login: u1", "k login: bad good", "k login: bad", "k login: good"}, "a byte that is no text", "k good"},
		"all": {func(subjects []string) error {
			if len(subjects) > 1 {
				return problem.New(problem.Unavailable, "The database is not answering in time.")
			}
			return nil
		}, 2, []string{"k login: u1", "k login: bad good"}, "The database is not answering in time.", "The database is not answering in time."},
		"a defect": {func(subjects []string) error {
			if len(subjects) > 1 {
				panic("a defect")
			}
			return nil
		}, 2, []string{"k login: u1", "k login: bad good"}, "panic", errGateBroke.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newAsking(1)
				a.fail = c.fail
				for _, s := range []string{"u1", "bad", "good"} {
					a.ask(t.Context(), "k", s)
				}
				a.end(c.ends)
				a.want(t, c.statements, map[string]string{"u1": "k u1", "bad": c.bad, "good": c.good})
				a.ask(t.Context(), "k", "next")
				a.end(1)
				if a.answers["next"] != "k next" {
					t.Errorf("afterwards: %s", a.answers["next"])
				}
			})
		})
	}
}
