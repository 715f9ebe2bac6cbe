package campaign

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// TestReaches is the rule as a table. The store's property test holds it to the views.
func TestReaches(t *testing.T) {
	t.Parallel()
	cutoff := time.Date(2011, 6, 16, 0, 0, 0, 0, time.UTC)
	before, after := cutoff.Add(-time.Microsecond), cutoff.Add(time.Microsecond)
	everyone := Campaign{Scope: Everyone, Cutoff: &cutoff, RevokeSessions: true}
	list := Campaign{Scope: Listed, Cutoff: &cutoff}
	rule := func(k Campaign, c Credential, member bool, want string) {
		t.Helper()
		covers, kills, revokes := Reaches(k, c, member)
		var got []string
		for name, holds := range map[string]bool{"covers": covers, "kills": kills, "revokes": revokes} {
			if holds {
				got = append(got, name)
			}
		}
		if len(got) != len(strings.Fields(want)) || (strings.Contains(want, "kills") != kills) || strings.Contains(want, "revokes") != revokes {
			t.Errorf("%s %+v, member %v: %v, want %s", k.Scope, c, member, got, want)
		}
	}
	rule(everyone, Credential{Has: true, SetAt: &before}, false, "covers kills revokes")
	rule(everyone, Credential{Has: true, SetAt: &cutoff}, false, "covers revokes")
	rule(everyone, Credential{Has: true, SetAt: &after}, false, "covers revokes")
	rule(everyone, Credential{Has: true}, false, "covers kills revokes")
	rule(everyone, Credential{SetAt: &before}, false, "covers revokes")
	rule(list, Credential{Has: true, SetAt: &before}, true, "covers kills")
	rule(list, Credential{Has: true, SetAt: &before}, false, "")
	rule(Campaign{Scope: Listed}, Credential{Has: true, SetAt: &after}, true, "covers kills")
}

func TestStatusOf(t *testing.T) {
	t.Parallel()
	at := func(day int) *time.Time { v := time.Date(2011, 6, day, 0, 0, 0, 0, time.UTC); return &v }
	run := func(id int64, state State, day int) Campaign {
		return Campaign{ID: id, Scope: Everyone, State: state, Epoch: id, ActivatedAt: at(day), Cutoff: at(day), RevokeSessions: true}
	}
	nobody := func(int64) bool { return false }
	old := Credential{Has: true, SetAt: at(1)}
	status := func(name string, c Credential, want Standing, campaigns ...Campaign) {
		t.Helper()
		if diff := cmp.Diff(want, StatusOf(c, campaigns, nobody)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	status("no campaign", old, Standing{})
	status("prepared", old, Standing{}, Campaign{ID: 1, Scope: Everyone, State: Prepared, RevokeSessions: true})
	status("active", old, Standing{Dead: true, Killed: true, NotBefore: at(2), Epoch: 1, KilledBy: 1, CoveredBy: 1}, run(1, Active, 2))
	status("cancelled revives passwords, not sessions or links", old, Standing{NotBefore: at(2), Epoch: 1}, run(1, Cancelled, 2))
	status("closed kills, and the newest is named", old, Standing{Dead: true, Killed: true, NotBefore: at(3), Epoch: 2, KilledBy: 2, CoveredBy: 2}, run(2, Closed, 3), run(1, Active, 2))
	status("reset since", Credential{Has: true, SetAt: at(5), SessionsValidFrom: at(5)}, Standing{NotBefore: at(5), Epoch: 1, CoveredBy: 1}, run(1, Active, 2))
	status("disabled", Credential{Has: true, SetAt: at(5), DisabledAt: at(6)}, Standing{Dead: true})
}

func TestExpectation(t *testing.T) {
	t.Parallel()
	n := func(v int64) *int64 { return &v }
	rule := func(expect int64, tolerance *int64, counted int64, allowed bool) {
		t.Helper()
		err := ActivateRequest{Expect: &expect, Tolerance: tolerance}.Compare(counted)
		if (err == nil) != allowed || (err != nil && !problem.Is(err, problem.Conflict)) {
			t.Errorf("expecting %d, counted %d: %v, allowed %v", expect, counted, err, allowed)
		}
	}
	rule(100, nil, 110, true)
	rule(100, nil, 90, true)
	rule(100, nil, 111, false)
	rule(100, nil, 89, false)
	rule(1_290_775, nil, 1_290_775+12_907, true)
	rule(1_290_775, nil, 1_290_775-12_908, false)
	rule(100, n(0), 100, true)
	rule(100, n(0), 101, false)
	rule(0, nil, 11, false)
}

func TestParseFilter(t *testing.T) {
	t.Parallel()
	f, err := ParseFilter([]string{"created-before=2011-06-01", "password-set-before=2011-06-02T03:04:05.000006+02:00", "scheme=md5", "domain=EXAMPLE.com", "locale=pt-BR"})
	if err != nil {
		t.Fatal(err)
	}
	if f, err = f.normal(lower); err != nil {
		t.Fatal(err)
	}
	want := "created-before=2011-06-01T00:00:00Z password-set-before=2011-06-02T01:04:05Z scheme=md5 domain=example.com locale=pt-br"
	if f.String() != want {
		t.Errorf("filter %q, want %q", f, want)
	}
	for _, terms := range [][]string{{"age=3"}, {"scheme"}, {"scheme="}, {"scheme=a", "scheme=b"}, {"created-before=yesterday"}, {""}} {
		if _, err := ParseFilter(terms); !problem.Is(err, problem.Invalid) {
			t.Errorf("%v: %v, want Invalid", terms, err)
		}
	}
	for _, bad := range []Filter{{Domain: ""}, {Domain: "%"}, {Domain: "a@b"}, {Locale: "a\n"}, {Scheme: strings.Repeat("x", 256)}} {
		if _, err := bad.normal(lower); !bad.IsZero() && !problem.Is(err, problem.Invalid) {
			t.Errorf("%+v: %v, want Invalid", bad, err)
		}
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]string{"amy@example.com": "a…@example.com", "ünal@example.com": "ü…@example.com", "": "", "@x": "", "x": ""} {
		if got := mask(email); got != want {
			t.Errorf("mask(%q) = %q, want %q", email, got, want)
		}
	}
}
