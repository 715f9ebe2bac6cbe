package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/incident"
)

// incidentColumns are those of incidentRow, in its order.
const incidentColumns = "id, slug, title, occurred_at, found_at, contained_at, data_classes, unexposed_classes, notice, advice, created_at, updated_at, published_at"

type incidentRow struct {
	ID               int64
	Slug             string
	Title            string
	OccurredAt       Time
	FoundAt          Time
	ContainedAt      Time
	DataClasses      string
	UnexposedClasses string
	Notice           string
	Advice           string
	CreatedAt        Time
	UpdatedAt        Time
	PublishedAt      Time
}

func (r incidentRow) incident() (incident.Incident, error) {
	i := incident.Incident{ID: r.ID, Slug: r.Slug, Title: r.Title, OccurredAt: r.OccurredAt.ptr(), FoundAt: r.FoundAt.ptr(), ContainedAt: r.ContainedAt.ptr(),
		Notice: r.Notice, Advice: r.Advice, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time, ChangedAt: r.UpdatedAt.Time, PublishedAt: r.PublishedAt.ptr(),
		Updates: []incident.Update{}}
	var err error
	if i.Classes, err = classes(r.DataClasses); err != nil {
		return i, fmt.Errorf("reading the data classes of incident %d: %w", r.ID, err)
	}
	if i.Unexposed, err = classes(r.UnexposedClasses); err != nil {
		return i, fmt.Errorf("reading the unexposed data classes of incident %d: %w", r.ID, err)
	}
	return i, nil
}

// classes reads a JSON array of texts; it is never nil.
func classes(stored string) ([]string, error) {
	list := []string{}
	err := json.Unmarshal([]byte(stored), &list)
	return list, err
}

// SetIncident makes the incident or changes the fields of c that are not nil.
func (s *Store) SetIncident(ctx context.Context, c incident.Change, entries []audit.Entry) (incident.Incident, error) {
	var set incident.Incident
	err := s.write(ctx, "setting an incident", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		if _, err := ensureIncident(tx, c.Slug, now); err != nil {
			return err
		}
		if err := changeIncident(tx, c, now); err != nil {
			return err
		}
		if set, err = readIncident(tx, c.Slug); err != nil {
			return err
		}
		if err := set.Consistent(); err != nil {
			return err
		}
		return s.record(tx, now, entries...)
	})
	return set, err
}

// ensureIncident makes an unpublished incident unless it is there, and says whether it did.
func ensureIncident(tx *gorm.DB, slug string, now time.Time) (made bool, err error) {
	done := tx.Exec("INSERT INTO incidents (slug, created_at, updated_at) VALUES (?, ?, ?) ON CONFLICT (slug) DO NOTHING", slug, at(now), at(now))
	return done.RowsAffected == 1, done.Error
}

// changeIncident keeps what c leaves nil. Publishing twice keeps the first date.
func changeIncident(tx *gorm.DB, c incident.Change, now time.Time) error {
	fields := map[string]any{"updated_at": at(now)}
	for column, text := range map[string]*string{"title": c.Title, "notice": c.Notice, "advice": c.Advice} {
		if text != nil {
			fields[column] = *text
		}
	}
	for column, moment := range map[string]*time.Time{"occurred_at": c.OccurredAt, "found_at": c.FoundAt, "contained_at": c.ContainedAt} {
		if moment != nil {
			fields[column] = at(*moment)
		}
	}
	for column, names := range map[string][]string{"data_classes": c.Classes, "unexposed_classes": c.Unexposed} {
		if names == nil {
			continue
		}
		list, err := json.Marshal(names)
		if err != nil {
			return fmt.Errorf("writing the data classes: %w", err)
		}
		fields[column] = string(list)
	}
	if c.Publish != nil && *c.Publish {
		fields["published_at"] = gorm.Expr("coalesce(published_at, ?)", at(now))
	} else if c.Publish != nil {
		fields["published_at"] = nil
	}
	return tx.Table("incidents").Where("slug = ?", c.Slug).Updates(fields).Error
}

// Incident gives one by its slug, with its updates.
func (s *Store) Incident(ctx context.Context, slug string) (incident.Incident, error) {
	i, err := readIncident(s.db(ctx), slug)
	return i, s.fail("reading an incident", err)
}

func readIncident(db *gorm.DB, slug string) (incident.Incident, error) {
	list, err := readIncidents(db, "WHERE slug = ?", slug)
	if err != nil {
		return incident.Incident{}, err
	}
	if len(list) == 0 {
		return incident.Incident{}, errNoIncident
	}
	return list[0], nil
}

// Incidents lists all, the newest first.
func (s *Store) Incidents(ctx context.Context) ([]incident.Incident, error) {
	list, err := readIncidents(s.db(ctx), "")
	return list, s.fail("listing incidents", err)
}

// IncidentPage gives some, the newest first.
func (s *Store) IncidentPage(ctx context.Context, before int64, limit int) (page []incident.Incident, next int64, err error) {
	list, err := readIncidents(s.db(ctx), "WHERE id IN (SELECT id FROM incidents WHERE id < ? ORDER BY id DESC LIMIT ?)", below(before), limit+1)
	if err != nil {
		return nil, 0, s.fail("listing incidents", err)
	}
	page, next = cut(list, limit, func(i incident.Incident) int64 { return i.ID })
	return page, next, nil
}

// readIncidents reads those that where lets through, the newest first, with their updates.
func readIncidents(db *gorm.DB, where string, vars ...any) ([]incident.Incident, error) {
	var rows []incidentRow
	if err := db.Raw("SELECT "+incidentColumns+" FROM incidents "+where+" ORDER BY id DESC", vars...).Scan(&rows).Error; err != nil {
		return nil, err
	}
	updates, err := readUpdates(db, where, vars...)
	if err != nil {
		return nil, err
	}
	list := make([]incident.Incident, len(rows))
	for n, row := range rows {
		i, err := row.incident()
		if err != nil {
			return nil, err
		}
		for _, u := range updates[i.ID] {
			i.Updates = append(i.Updates, u)
			if u.UpdatedAt.After(i.ChangedAt) {
				i.ChangedAt = u.UpdatedAt
			}
		}
		list[n] = i
	}
	return list, nil
}
