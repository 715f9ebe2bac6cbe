package incident

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

func TestChangeRules(t *testing.T) {
	t.Parallel()
	now := time.Date(2011, 6, 17, 0, 0, 0, 0, time.UTC)
	before, after := now.Add(-time.Hour), now.Add(time.Hour)
	title := func(s string) Change { return Change{Slug: "sega-pass", Title: &s} }
	notice := func(s string) Change { return Change{Slug: "sega-pass", Notice: &s} }
	rule := func(c Change, allowed bool) {
		t.Helper()
		err := c.check(now)
		if allowed && err != nil {
			t.Errorf("%+v refused: %v", c, err)
		}
		if !allowed && !problem.Is(err, problem.Invalid) {
			t.Errorf("%+v: %v, want an Invalid refusal", c, err)
		}
	}
	allow := func(c Change) { t.Helper(); rule(c, true) }
	deny := func(c Change) { t.Helper(); rule(c, false) }

	allow(Change{Slug: "a"})
	allow(Change{Slug: strings.Repeat("a", 63)})
	deny(Change{Slug: strings.Repeat("a", 64)})
	deny(Change{Slug: ""})
	deny(Change{Slug: "-a"})
	deny(Change{Slug: "a-"})
	deny(Change{Slug: "Sega"})
	deny(Change{Slug: "a/../b"})
	deny(Change{Slug: "a\n"})

	allow(title("Angriff auf Sega Pass"))
	deny(title("two\r\nlines"))
	deny(title(strings.Repeat("x", maxTitle+1)))
	allow(notice("first\n\nsecond"))
	deny(notice("\xff"))
	deny(notice(strings.Repeat("x", maxNotice+1)))
	allow(Change{Slug: "a", Classes: []string{"e-mail addresses", "dates of birth"}})
	deny(Change{Slug: "a", Classes: []string{"names", "names"}})
	deny(Change{Slug: "a", Classes: []string{" "}})

	allow(Change{Slug: "a", OccurredAt: &before, FoundAt: &now})
	deny(Change{Slug: "a", OccurredAt: &after})
	deny(Change{Slug: "a", FoundAt: &after})
	deny(Change{Slug: "a", OccurredAt: &now, FoundAt: &before})
}

// kept is a store that answers the same for every incident.
type kept struct {
	stored  Incident
	err     error
	entries []audit.Entry
}

func (k *kept) SetIncident(_ context.Context, _ Change, e []audit.Entry) (Incident, error) {
	k.entries = e
	return k.stored, k.err
}
func (k *kept) ChangeUpdate(_ context.Context, _ UpdateChange, e audit.Entry) (Incident, error) {
	k.entries = []audit.Entry{e}
	return k.stored, k.err
}
func (k *kept) Incident(context.Context, string) (Incident, error) { return k.stored, k.err }
func (k *kept) Incidents(context.Context) ([]Incident, error)      { return []Incident{k.stored}, k.err }
func (k *kept) IncidentPage(context.Context, int64, int) ([]Incident, int64, error) {
	return []Incident{k.stored}, 0, k.err
}

func TestPublishedHidesTheRest(t *testing.T) {
	t.Parallel()
	at := time.Unix(1, 0)
	broken := errors.New("connection reset")
	for name, c := range map[string]struct {
		slug  string
		store *kept
		want  error // nil, broken, or any NotFound
	}{
		"published":   {"a", &kept{stored: Incident{Slug: "a", PublishedAt: &at}}, nil},
		"unpublished": {"a", &kept{stored: Incident{Slug: "a"}}, problem.New(problem.NotFound, "")},
		"unknown":     {"a", &kept{err: problem.New(problem.NotFound, "no such incident")}, problem.New(problem.NotFound, "")},
		"misnamed":    {"../a", &kept{stored: Incident{PublishedAt: &at}}, problem.New(problem.NotFound, "")},
		"broken":      {"a", &kept{err: broken}, broken},
	} {
		_, err := Published(t.Context(), c.store, c.slug)
		switch {
		case c.want == nil && err != nil, c.want == broken && !errors.Is(err, broken), c.want != nil && c.want != broken && !problem.Is(err, problem.NotFound):
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestSetNamesWhatChangedAndNeverTheText(t *testing.T) {
	t.Parallel()
	text, yes := "what happened, in confidence until published", true
	store := &kept{}
	if _, err := Set(t.Context(), store, Change{Slug: "a", Notice: &text, Publish: &yes}, audit.Actor{Kind: audit.KindCLI, Name: "root"}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range store.entries {
		got = append(got, string(e.Action)+" "+e.Object+" "+e.EncodeDetail())
	}
	want := []string{`incident.set incident:a {"fields":["notice"]}`, `incident.publish incident:a {"public":true}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
