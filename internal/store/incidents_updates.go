package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
)

type updateRow struct {
	ID          int64
	IncidentID  int64
	At          Time
	Text        string
	CreatedAt   Time
	UpdatedAt   Time
	RetractedAt Time
}

// readUpdates gives the updates of the incidents that where lets through, by incident, in order.
func readUpdates(db *gorm.DB, where string, vars ...any) (map[int64][]incident.Update, error) {
	var rows []updateRow
	err := db.Raw(`SELECT id, incident_id, at, text, created_at, updated_at, retracted_at FROM incident_updates
		WHERE incident_id IN (SELECT id FROM incidents `+where+`) ORDER BY incident_id, at, id`, vars...).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	all := map[int64][]incident.Update{}
	for _, r := range rows {
		all[r.IncidentID] = append(all[r.IncidentID], incident.Update{
			ID: r.ID, At: r.At.Time, Text: r.Text, CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time, RetractedAt: r.RetractedAt.ptr(),
		})
	}
	return all, nil
}

// ChangeUpdate adds, corrects or retracts an update; one that was retracted stays as it is.
func (s *Store) ChangeUpdate(ctx context.Context, c incident.UpdateChange, entry audit.Entry) (incident.Incident, error) {
	var changed incident.Incident
	err := s.write(ctx, "changing an incident's updates", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		id, err := changeUpdate(tx, c, now)
		if err != nil {
			return err
		}
		if changed, err = readIncident(tx, c.Slug); err != nil {
			return err
		}
		return s.record(tx, now, entry.With("update", id))
	})
	return changed, err
}

// changeUpdate gives the update's number. No row means that there is no such incident, or no such update of it that stands.
func changeUpdate(tx *gorm.DB, c incident.UpdateChange, now time.Time) (id int64, err error) {
	const standing = ` WHERE id = ? AND retracted_at IS NULL AND incident_id = (SELECT id FROM incidents WHERE slug = ?) RETURNING id`
	var rows []int64
	switch {
	case c.Retract:
		err = tx.Raw(`UPDATE incident_updates SET retracted_at = ?, updated_at = ?`+standing, at(now), at(now), c.ID, c.Slug).Scan(&rows).Error
	case c.ID != 0:
		err = tx.Raw(`UPDATE incident_updates SET text = ?, at = coalesce(?, at), updated_at = ?`+standing, c.Text, atPtr(c.At), at(now), c.ID, c.Slug).Scan(&rows).Error
	default:
		carries := at(now)
		if c.At != nil {
			carries = at(*c.At)
		}
		err = tx.Raw(`INSERT INTO incident_updates (incident_id, at, text, created_at, updated_at) SELECT id, ?, ?, ?, ? FROM incidents WHERE slug = ? RETURNING id`,
			carries, c.Text, at(now), at(now), c.Slug).Scan(&rows).Error
	}
	switch {
	case err != nil:
		return 0, err
	case len(rows) == 0 && c.ID == 0:
		return 0, errNoIncident
	case len(rows) == 0:
		return 0, problem.Newf(problem.NotFound, "There is no such incident, or no update %d of it that stands.", c.ID)
	}
	return rows[0], nil
}
