package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// AuditKeys lists the keys that sign or signed checkpoints, newest first.
func (s *Store) AuditKeys(ctx context.Context) ([]audit.SealedKey, error) {
	keys, err := scanAll(s.db(ctx).Raw(`SELECT vkey, private_sealed, created_at, retired_at FROM audit_keys ORDER BY created_at DESC, vkey`),
		func(rows *sql.Rows) (k audit.SealedKey, err error) {
			var created, retired Time
			err = rows.Scan(&k.VKey, &k.Sealed, &created, &retired)
			k.CreatedAt, k.RetiredAt = created.Time, retired.ptr()
			return k, err
		})
	return keys, s.fail("reading the audit log's keys", err)
}

// AddAuditKey lets k sign from now on, in the place of the key named, "" for none. The unique index lets one of several win.
func (s *Store) AddAuditKey(ctx context.Context, k audit.SealedKey, retire string, entry audit.Entry) (added bool, err error) {
	err = s.write(ctx, "storing the audit log's key", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		if retire != "" {
			retired := tx.Exec(`UPDATE audit_keys SET retired_at = ? WHERE vkey = ? AND retired_at IS NULL`, at(now), retire)
			if retired.Error != nil || retired.RowsAffected == 0 {
				return retired.Error
			}
		}
		inserted := tx.Exec(`INSERT INTO audit_keys (vkey, private_sealed, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, k.VKey, k.Sealed, at(now))
		if inserted.Error != nil || inserted.RowsAffected == 0 {
			return inserted.Error
		}
		added = true
		return s.record(tx, now, entry)
	})
	return added && err == nil, err
}

// RewrapAuditKeys replaces the sealed halves, all or none.
func (s *Store) RewrapAuditKeys(ctx context.Context, keys []audit.SealedKey, entry audit.Entry) error {
	return s.write(ctx, "rewrapping the audit log's keys", func(tx *gorm.DB) error {
		for _, k := range keys {
			changed := tx.Exec(`UPDATE audit_keys SET private_sealed = ? WHERE vkey = ?`, k.Sealed, k.VKey)
			if changed.Error != nil {
				return changed.Error
			}
			if changed.RowsAffected != 1 {
				return problem.New(problem.Conflict, "The audit log's keys changed meanwhile; try again.")
			}
		}
		return s.recordNow(tx, entry)
	})
}

// AuditHead is how far the log is sealed.
func (s *Store) AuditHead(ctx context.Context) (audit.Head, error) {
	head, err := readHead(s.db(ctx))
	return head, s.fail("reading the head of the audit log", err)
}

// AuditHashes reads stored hashes, for proofs.
func (s *Store) AuditHashes(ctx context.Context) tlog.HashReader {
	return hashReader{s.db(ctx), s.dialect}
}

const checkpointColumns = `SELECT n, size, root, at, note FROM audit_checkpoints`

func scanCheckpoint(rows *sql.Rows) (c audit.Checkpoint, err error) {
	var root []byte
	var when Time
	err = rows.Scan(&c.N, &c.Head.Size, &root, &when, &c.Note)
	copy(c.Head.Root[:], root)
	c.At = when.Time
	c.Origin, _, _ = strings.Cut(c.Note, "\n")
	return c, err
}

// oneCheckpoint gives the first checkpoint of a query, or the zero one.
func (s *Store) oneCheckpoint(query *gorm.DB) (audit.Checkpoint, error) {
	found, err := scanAll(query, scanCheckpoint)
	if err != nil || len(found) == 0 {
		return audit.Checkpoint{}, s.fail("reading the checkpoints", err)
	}
	return found[0], nil
}

// LastCheckpoint is the newest, or the zero one.
func (s *Store) LastCheckpoint(ctx context.Context) (audit.Checkpoint, error) {
	return s.oneCheckpoint(s.db(ctx).Raw(checkpointColumns + ` ORDER BY n DESC LIMIT 1`))
}

// CheckpointOf is the newest over exactly size entries, or the zero one.
func (s *Store) CheckpointOf(ctx context.Context, size int64) (audit.Checkpoint, error) {
	return s.oneCheckpoint(s.db(ctx).Raw(checkpointColumns+` WHERE size = ? ORDER BY n DESC LIMIT 1`, size))
}

// Checkpoints lists up to limit, newest first, with numbers below before; 0 for all of either.
func (s *Store) Checkpoints(ctx context.Context, before int64, limit int) ([]audit.Checkpoint, error) {
	if limit == 0 {
		limit = 1 << 30
	}
	found, err := scanAll(s.db(ctx).Raw(checkpointColumns+` WHERE n < ? OR 0 = ? ORDER BY n DESC LIMIT ?`, before, before, limit), scanCheckpoint)
	return found, s.fail("reading the checkpoints", err)
}

// AddCheckpoint stores c after the newest one, whose number is c.N-1; else it does nothing.
func (s *Store) AddCheckpoint(ctx context.Context, c audit.Checkpoint) (added bool, err error) {
	err = s.write(ctx, "storing a checkpoint", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		inserted := tx.Exec(`INSERT INTO audit_checkpoints (n, size, root, at, note)
			SELECT ?, ?, ?, ?, ? WHERE ? = (SELECT coalesce(max(n), 0) + 1 FROM audit_checkpoints) ON CONFLICT DO NOTHING`,
			c.N, c.Head.Size, blob(c.Head.Root[:]), at(now), c.Note, c.N)
		added = inserted.RowsAffected == 1
		return inserted.Error
	})
	return added && err == nil, err
}

// AuditActed tells whether one of the acts was done and sealed at an index of from or more, below to. It reads the entries between.
func (s *Store) AuditActed(ctx context.Context, from, to int64, actions []audit.Action) (acted bool, err error) {
	names := make([]string, len(actions))
	for i, a := range actions {
		names[i] = string(a)
	}
	err = s.db(ctx).Raw(`SELECT EXISTS (SELECT 1 FROM audit_entries WHERE ? AND idx >= ? AND idx < ? AND outcome = 'done')`, s.dialect.in("action", names), from, to).Row().Scan(&acted)
	return acted, s.fail("looking for acts in the audit log", err)
}

// AuditEntry is the entry that is sealed under an index. NotFound if there is none.
func (s *Store) AuditEntry(ctx context.Context, index int64) (audit.Entry, error) {
	return s.entryWhere(ctx, "idx = ?", index)
}

var errPlace = errors.New("the place has no row")

func mustBeOne(done *gorm.DB) error {
	if done.Error == nil && done.RowsAffected != 1 {
		return fmt.Errorf("%d rows: %w", done.RowsAffected, errPlace)
	}
	return done.Error
}
