package incident

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Store keeps incidents.
type Store interface {
	// SetIncident makes the incident or changes the fields that are not nil, with the entries, in one transaction.
	SetIncident(ctx context.Context, c Change, entries []audit.Entry) (Incident, error)
	// Incident answers problem.NotFound for a slug that is not there.
	Incident(ctx context.Context, slug string) (Incident, error)
	// Incidents lists all, the newest first.
	Incidents(ctx context.Context) ([]Incident, error)
	// IncidentPage gives up to limit of those made before the one with the number (0: from the newest), the newest first, and where the next page begins; 0: this was the last.
	IncidentPage(ctx context.Context, before int64, limit int) (page []Incident, next int64, err error)
	// ChangeUpdate adds, corrects or retracts an update with the entry, to which it adds the update's number, in one transaction.
	ChangeUpdate(ctx context.Context, c UpdateChange, entry audit.Entry) (Incident, error)
}

// Set makes the incident or changes it. Publishing and taking back leave an audit entry of their own.
func Set(ctx context.Context, store Store, c Change, actor audit.Actor) (Incident, error) {
	if err := c.check(time.Now()); err != nil {
		return Incident{}, err
	}
	i, err := store.SetIncident(ctx, c, entries(c, actor))
	if err != nil {
		return Incident{}, fmt.Errorf("setting incident %s: %w", c.Slug, err)
	}
	return i, nil
}

// entries name the fields that changed, not the texts: the notice may be long, and the incident keeps them.
func entries(c Change, actor audit.Actor) []audit.Entry {
	var fields []any
	note := func(changed bool, name string) {
		if changed {
			fields = append(fields, name)
		}
	}
	note(c.Title != nil, "title")
	note(c.OccurredAt != nil, "occurred_at")
	note(c.FoundAt != nil, "found_at")
	note(c.ContainedAt != nil, "contained_at")
	note(c.Classes != nil, "classes")
	note(c.Unexposed != nil, "unexposed")
	note(c.Notice != nil, "notice")
	note(c.Advice != nil, "advice")
	list := []audit.Entry{audit.New(actor, audit.IncidentSet, Object(c.Slug), audit.Detail{"fields": fields})}
	if c.Publish != nil {
		list = append(list, audit.New(actor, audit.IncidentPublish, Object(c.Slug), audit.Detail{"public": *c.Publish}))
	}
	return list
}

// Object is the incident's name in the audit log.
func Object(slug string) string { return "incident:" + slug }

// Show gives one incident, published or not. An unknown slug is problem.NotFound.
func Show(ctx context.Context, store Store, slug string) (Incident, error) {
	if err := CheckSlug(slug); err != nil {
		return Incident{}, err
	}
	i, err := store.Incident(ctx, slug)
	if err != nil {
		return Incident{}, fmt.Errorf("showing incident %s: %w", slug, err)
	}
	return i, nil
}

// List gives all incidents, the newest first.
func List(ctx context.Context, store Store) ([]Incident, error) {
	list, err := store.Incidents(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing incidents: %w", err)
	}
	return list, nil
}

// MaxPage is the most incidents of a page.
const MaxPage = 1000

// Page gives up to limit incidents, the newest first, and the before of the next page; 0: this was the last.
func Page(ctx context.Context, store Store, before int64, limit int) (page []Incident, next int64, err error) {
	if before < 0 || limit < 1 || limit > MaxPage {
		return nil, 0, problem.Newf(problem.Unprocessable, "A page has 1 to %d incidents.", MaxPage)
	}
	page, next, err = store.IncidentPage(ctx, before, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("listing incidents: %w", err)
	}
	return page, next, nil
}

// Published gives an incident that members may read about. One that is missing, misnamed or unpublished is problem.NotFound,
// so that nobody learns of a breach before its notice. It has no update that was retracted.
func Published(ctx context.Context, store Store, slug string) (Incident, error) {
	missing := problem.New(problem.NotFound, "There is no such incident.")
	if CheckSlug(slug) != nil {
		return Incident{}, missing
	}
	i, err := store.Incident(ctx, slug)
	if problem.Is(err, problem.NotFound) || (err == nil && i.PublishedAt == nil) {
		return Incident{}, missing
	}
	if err != nil {
		return Incident{}, fmt.Errorf("showing the notice of incident %s: %w", slug, err)
	}
	i.Updates = slices.DeleteFunc(slices.Clone(i.Updates), func(u Update) bool { return u.RetractedAt != nil })
	return i, nil
}
