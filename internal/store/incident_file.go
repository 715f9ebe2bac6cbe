package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// reportLock plus an incident's id keeps two reports from becoming the same version.
const reportLock int64 = 0x5052505400000000

var errNoIncident = problem.New(problem.NotFound, "There is no such incident.")

func incidentID(tx *gorm.DB, slug string) (id int64, err error) {
	err = tx.Raw(`SELECT id FROM incidents WHERE slug = ?`, slug).Row().Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoIncident
	}
	return id, err
}

const clockColumns = `c.id, c.name, c.due_at, c.note, c.done_at`

func scanClock(rows *sql.Rows) (c incident.Clock, err error) {
	var due, done Time
	err = rows.Scan(&c.ID, &c.Name, &due, &c.Note, &done)
	c.DueAt, c.DoneAt = due.Time, done.ptr()
	return c, err
}

// Clocks gives the deadlines of an incident, the next due first, met ones last.
func (s *Store) Clocks(ctx context.Context, slug string) ([]incident.Clock, error) {
	clocks, err := scanAll(s.db(ctx).Raw(`SELECT `+clockColumns+` FROM incident_clocks c JOIN incidents i ON i.id = c.incident_id WHERE i.slug = ?
		ORDER BY c.done_at IS NOT NULL, c.due_at, c.id`, slug), scanClock)
	return clocks, s.fail("reading the deadlines of an incident", err)
}

// DueClocks gives the deadlines of all incidents that run and are due before a moment, the next due first.
func (s *Store) DueClocks(ctx context.Context, before time.Time, limit int) ([]incident.DueClock, error) {
	due, err := scanAll(s.db(ctx).Raw(`SELECT i.slug, i.title, `+clockColumns+` FROM incident_clocks c JOIN incidents i ON i.id = c.incident_id
		WHERE c.done_at IS NULL AND c.due_at < ? ORDER BY c.due_at, c.id LIMIT ?`, at(before), limit), func(rows *sql.Rows) (d incident.DueClock, err error) {
		var dueAt, done Time
		err = rows.Scan(&d.Slug, &d.Title, &d.ID, &d.Name, &dueAt, &d.Note, &done)
		d.DueAt, d.DoneAt = dueAt.Time, done.ptr()
		return d, err
	})
	return due, s.fail("reading the deadlines that are near", err)
}

// ChangeClock adds or changes a deadline. One that was met keeps the time of the first mark.
func (s *Store) ChangeClock(ctx context.Context, c incident.ClockChange, entry audit.Entry) (changed incident.Clock, err error) {
	err = s.dated(ctx, "changing a deadline", func(tx *gorm.DB, now time.Time) error {
		id, err := incidentID(tx, c.Slug)
		if err != nil {
			return err
		}
		if changed, err = writeClock(tx, id, c, now); err != nil {
			if s.dialect.duplicate(err) {
				return &problem.Error{Kind: problem.Conflict, Code: "clock", Text: "The incident has a deadline of this name already."}
			}
			return err
		}
		return s.record(tx, now, entry.With("clock", changed.Name))
	})
	return changed, err
}

func writeClock(tx *gorm.DB, incidentID int64, c incident.ClockChange, now time.Time) (incident.Clock, error) {
	statement, vars := `UPDATE incident_clocks AS c SET name = coalesce(?, c.name), due_at = coalesce(?, c.due_at), note = coalesce(?, c.note)`, []any{c.Name, atPtr(c.DueAt), c.Note}
	switch {
	case c.ID == 0:
		note := ""
		if c.Note != nil {
			note = *c.Note
		}
		met := Time{}
		if c.Done != nil && *c.Done {
			met = at(now)
		}
		statement, vars = `INSERT INTO incident_clocks AS c (incident_id, name, due_at, note, done_at) VALUES (?, ?, ?, ?, ?)`, []any{incidentID, *c.Name, atPtr(c.DueAt), note, met}
	case c.Done != nil && *c.Done:
		statement, vars = statement+`, done_at = coalesce(c.done_at, ?)`, append(vars, at(now))
	case c.Done != nil:
		statement += `, done_at = NULL`
	}
	if c.ID != 0 {
		statement, vars = statement+` WHERE c.id = ? AND c.incident_id = ?`, append(vars, c.ID, incidentID)
	}
	rows, err := scanAll(tx.Raw(statement+` RETURNING id, name, due_at, note, done_at`, vars...), scanClock)
	if err != nil {
		return incident.Clock{}, err
	}
	if len(rows) == 0 {
		return incident.Clock{}, problem.Newf(problem.NotFound, "the incident has no deadline %d", c.ID)
	}
	return rows[0], nil
}

// Facts gives the fields of the evidence report that were written.
func (s *Store) Facts(ctx context.Context, slug string) (map[string]incident.Fact, error) {
	type written struct {
		field string
		fact  incident.Fact
	}
	rows, err := scanAll(s.db(ctx).Raw(`SELECT f.field, f.value, f.updated_at FROM incident_facts f JOIN incidents i ON i.id = f.incident_id WHERE i.slug = ?`, slug),
		func(rows *sql.Rows) (w written, err error) {
			var updated Time
			err = rows.Scan(&w.field, &w.fact.Value, &updated)
			w.fact.UpdatedAt = updated.Time
			return w, err
		})
	facts := make(map[string]incident.Fact, len(rows))
	for _, w := range rows {
		facts[w.field] = w.fact
	}
	return facts, s.fail("reading the facts of an incident", err)
}

// SetFacts writes fields of the evidence report. What stays as it was keeps its date.
func (s *Store) SetFacts(ctx context.Context, slug string, values map[string]string, entry audit.Entry) error {
	return s.dated(ctx, "writing the facts of an incident", func(tx *gorm.DB, now time.Time) error {
		id, err := incidentID(tx, slug)
		if err != nil {
			return err
		}
		for field, value := range values {
			if value == "" {
				err = tx.Exec(`DELETE FROM incident_facts WHERE incident_id = ? AND field = ?`, id, field).Error
			} else {
				err = tx.Exec(`INSERT INTO incident_facts AS f (incident_id, field, value, updated_at) VALUES (?, ?, ?, ?)
					ON CONFLICT (incident_id, field) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at WHERE f.value <> excluded.value`, id, field, value, at(now)).Error
			}
			if err != nil {
				return fmt.Errorf("writing %s: %w", field, err)
			}
		}
		return s.record(tx, now, entry)
	})
}

// AddReport keeps the next version of an incident's evidence report, compressed.
func (s *Store) AddReport(ctx context.Context, slug string, page func(version int, at time.Time) ([]byte, error), entry audit.Entry) (incident.Report, error) {
	r := incident.Report{MadeBy: entry.Actor.String()}
	err := s.write(ctx, "keeping a report", func(tx *gorm.DB) error {
		id, err := incidentID(tx, slug)
		if err != nil {
			return err
		}
		now, err := s.dialect.lockedNow(tx, reportLock+id, exclusive) // so that a later version is of later
		if err != nil {
			return fmt.Errorf("waiting for another report: %w", err)
		}
		if err := tx.Raw(`SELECT coalesce(max(version), 0) + 1 FROM incident_reports WHERE incident_id = ?`, id).Row().Scan(&r.Version); err != nil {
			return fmt.Errorf("numbering the report: %w", err)
		}
		r.MadeAt = at(now).Time
		text, err := page(r.Version, r.MadeAt)
		if err != nil {
			return err
		}
		r.SHA256 = incident.Digest(text)
		digest, _ := hex.DecodeString(r.SHA256) // it was made a line above
		small, err := compress(text)
		if err != nil {
			return err
		}
		err = tx.Exec(`INSERT INTO incident_reports (incident_id, version, page, sha256, made_by, made_at) VALUES (?, ?, ?, ?, ?, ?)`,
			id, r.Version, blob(small), blob(digest), r.MadeBy, at(now)).Error
		if err != nil {
			return err
		}
		return s.record(tx, now, entry.With("version", r.Version).With("sha256", r.SHA256))
	})
	return r, err
}

func compress(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(text)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("compressing a report: %w", err)
	}
	return b.Bytes(), nil
}

const reportColumns = `SELECT r.version, r.sha256, r.made_by, r.made_at, r.page FROM incident_reports r JOIN incidents i ON i.id = r.incident_id WHERE i.slug = ?`

// Reports lists the versions of an incident's evidence report, the newest first.
func (s *Store) Reports(ctx context.Context, slug string) ([]incident.Report, error) {
	rows, err := scanAll(s.db(ctx).Raw(`SELECT r.version, r.sha256, r.made_by, r.made_at, r.sha256 FROM incident_reports r JOIN incidents i ON i.id = r.incident_id WHERE i.slug = ?
		ORDER BY r.version DESC`, slug), scanReport)
	reports := make([]incident.Report, len(rows))
	for i, r := range rows {
		reports[i] = r.report
	}
	return reports, s.fail("listing reports", err)
}

type reportRow struct {
	report incident.Report
	page   []byte
}

func scanReport(rows *sql.Rows) (r reportRow, err error) {
	var digest []byte
	var made Time
	err = rows.Scan(&r.report.Version, &digest, &r.report.MadeBy, &made, &r.page)
	r.report.SHA256, r.report.MadeAt = hex.EncodeToString(digest), made.Time
	return r, err
}

// Report gives one version, byte for byte as it was made.
func (s *Store) Report(ctx context.Context, slug string, version int) (incident.Report, []byte, error) {
	rows, err := scanAll(s.db(ctx).Raw(reportColumns+` AND r.version = ?`, slug, version), scanReport)
	if err == nil && len(rows) == 0 {
		err = problem.New(problem.NotFound, "There is no such report.")
	}
	if err != nil {
		return incident.Report{}, nil, s.fail("reading a report", err)
	}
	unzip, err := gzip.NewReader(bytes.NewReader(rows[0].page))
	if err != nil {
		return incident.Report{}, nil, fmt.Errorf("opening a stored report: %w", err)
	}
	page, err := io.ReadAll(unzip)
	if err != nil {
		return incident.Report{}, nil, fmt.Errorf("reading a stored report: %w", err)
	}
	return rows[0].report, page, nil
}
