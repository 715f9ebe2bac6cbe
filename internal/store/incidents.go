package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// incidentColumns are those of incidentRow, in its order.
const incidentColumns = "id, slug, title, occurred_at, found_at, data_classes, notice, created_at, updated_at, published_at"

type incidentRow struct {
	ID          int64
	Slug        string
	Title       string
	OccurredAt  Time
	FoundAt     Time
	DataClasses string
	Notice      string
	CreatedAt   Time
	UpdatedAt   Time
	PublishedAt Time
}

func (r incidentRow) incident() (incident.Incident, error) {
	i := incident.Incident{ID: r.ID, Slug: r.Slug, Title: r.Title, OccurredAt: r.OccurredAt.ptr(), FoundAt: r.FoundAt.ptr(), Notice: r.Notice,
		CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time, PublishedAt: r.PublishedAt.ptr(), Classes: []string{}}
	if err := json.Unmarshal([]byte(r.DataClasses), &i.Classes); err != nil {
		return i, fmt.Errorf("reading the data classes of incident %d: %w", r.ID, err)
	}
	return i, nil
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
		if set.OccurredAt != nil && set.FoundAt != nil && set.FoundAt.Before(*set.OccurredAt) {
			return problem.New(problem.Invalid, "an incident cannot be found before it happened")
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
	if c.Title != nil {
		fields["title"] = *c.Title
	}
	if c.OccurredAt != nil {
		fields["occurred_at"] = at(*c.OccurredAt)
	}
	if c.FoundAt != nil {
		fields["found_at"] = at(*c.FoundAt)
	}
	if c.Notice != nil {
		fields["notice"] = *c.Notice
	}
	if c.Classes != nil {
		list, err := json.Marshal(c.Classes)
		if err != nil {
			return fmt.Errorf("writing the data classes: %w", err)
		}
		fields["data_classes"] = string(list)
	}
	if c.Publish != nil && *c.Publish {
		fields["published_at"] = gorm.Expr("coalesce(published_at, ?)", at(now))
	} else if c.Publish != nil {
		fields["published_at"] = nil
	}
	return tx.Table("incidents").Where("slug = ?", c.Slug).Updates(fields).Error
}

// Incident gives one by its slug.
func (s *Store) Incident(ctx context.Context, slug string) (incident.Incident, error) {
	i, err := readIncident(s.db(ctx), slug)
	return i, s.fail("reading an incident", err)
}

func readIncident(db *gorm.DB, slug string) (incident.Incident, error) {
	var rows []incidentRow
	if err := db.Raw("SELECT "+incidentColumns+" FROM incidents WHERE slug = ?", slug).Scan(&rows).Error; err != nil {
		return incident.Incident{}, err
	}
	if len(rows) == 0 {
		return incident.Incident{}, problem.New(problem.NotFound, "no such incident")
	}
	return rows[0].incident()
}

// Incidents lists all, the newest first.
func (s *Store) Incidents(ctx context.Context) ([]incident.Incident, error) {
	var rows []incidentRow
	if err := s.db(ctx).Raw("SELECT " + incidentColumns + " FROM incidents ORDER BY id DESC").Scan(&rows).Error; err != nil {
		return nil, s.fail("listing incidents", err)
	}
	list := make([]incident.Incident, len(rows))
	for n, row := range rows {
		i, err := row.incident()
		if err != nil {
			return nil, err
		}
		list[n] = i
	}
	return list, nil
}
