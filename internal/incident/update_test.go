package incident

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

func TestUpdateRules(t *testing.T) {
	t.Parallel()
	now := time.Date(2011, 6, 17, 0, 0, 0, 0, time.UTC)
	later := now.Add(time.Minute)
	rule := func(c UpdateChange, allowed bool) {
		t.Helper()
		if err := c.check(now); (err == nil) != allowed || !allowed && !problem.Is(err, problem.Invalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	allow := func(c UpdateChange) { t.Helper(); rule(c, true) }
	deny := func(c UpdateChange) { t.Helper(); rule(c, false) }
	allow(UpdateChange{Slug: "a", Text: "first\r\n\r\n\tsecond"})
	allow(UpdateChange{Slug: "a", Text: strings.Repeat("x", maxText), At: &now})
	allow(UpdateChange{Slug: "a", ID: 1, Text: "better"})
	allow(UpdateChange{Slug: "a", ID: 1, Retract: true})
	deny(UpdateChange{Slug: "A", Text: "x"})
	deny(UpdateChange{Slug: "a"})
	deny(UpdateChange{Slug: "a", Text: " \n"})
	deny(UpdateChange{Slug: "a", Text: strings.Repeat("x", maxText+1)})
	deny(UpdateChange{Slug: "a", Text: "\xff"})
	deny(UpdateChange{Slug: "a", Text: "bell\a"})
	deny(UpdateChange{Slug: "a", Text: "x", At: &later})
	deny(UpdateChange{Slug: "a", Retract: true})
	deny(UpdateChange{Slug: "a", ID: 1, Retract: true, Text: "x"})
}

func TestContradictionsAreRefused(t *testing.T) {
	t.Parallel()
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	for name, i := range map[string]Incident{
		"found before it happened":     {OccurredAt: &late, FoundAt: &early},
		"contained before it happened": {OccurredAt: &late, ContainedAt: &early},
		"exposed and not":              {Classes: []string{"E-mail addresses"}, Unexposed: []string{"payment data", "email addresses"}},
	} {
		if err := i.Consistent(); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	sound := Incident{OccurredAt: &early, FoundAt: &late, ContainedAt: &early, Classes: []string{"names", "!"}, Unexposed: []string{"payment data", "?"}}
	if err := sound.Consistent(); err != nil {
		t.Error(err)
	}
}

func TestUpdatesLeaveAnEntry(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]UpdateChange{
		`incident.update incident:a {"act":"added"}`:     {Slug: "a", Text: "in confidence until published"},
		`incident.update incident:a {"act":"corrected"}`: {Slug: "a", ID: 2, Text: "in confidence until published"},
		`incident.update incident:a {"act":"retracted"}`: {Slug: "a", ID: 2, Retract: true},
	} {
		store := &kept{}
		if _, err := ChangeUpdate(t.Context(), store, c, audit.Actor{Kind: audit.KindCLI, Name: "root"}); err != nil {
			t.Fatal(err)
		}
		e := store.entries[0]
		if diff := cmp.Diff(want, string(e.Action)+" "+e.Object+" "+e.EncodeDetail()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestPublishedLeavesRetractedOut(t *testing.T) {
	t.Parallel()
	at := time.Unix(1, 0)
	store := &kept{stored: Incident{Slug: "a", PublishedAt: &at, Updates: []Update{{ID: 1}, {ID: 2, RetractedAt: &at}, {ID: 3}}}}
	i, err := Published(t.Context(), store, "a")
	if err != nil || len(i.Updates) != 2 || i.Updates[0].ID != 1 || i.Updates[1].ID != 3 || len(store.stored.Updates) != 3 || store.stored.Updates[1].RetractedAt == nil {
		t.Errorf("%+v %v, stored %+v", i.Updates, err, store.stored.Updates)
	}
}
