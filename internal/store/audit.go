package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"
	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
)

// auditPage is how many rows of the log are read at a time.
const auditPage = 1000

const auditColumns = `SELECT id, idx, at, actor_kind, actor, action, object, outcome, detail, request_id FROM audit_entries`

func scanEntry(rows *sql.Rows) (e audit.Entry, err error) {
	var when Time
	var action, detail string
	if err := rows.Scan(&e.ID, &e.Index, &when, &e.Actor.Kind, &e.Actor.Name, &action, &e.Object, &e.Outcome, &detail, &e.RequestID); err != nil {
		return e, err
	}
	e.At, e.Action = when.Time, audit.Action(action)
	e.Detail, err = audit.DecodeDetail(detail)
	return e, err
}

// SealPending seals committed entries in the order of their ids. One sealer at a time works; the others find nothing to do.
// An entry whose transaction commits later than that of a higher id is sealed later: no commit waits for another.
func (s *Store) SealPending(ctx context.Context, limit int, seal audit.SealFunc) (n int, err error) {
	pending, err := s.AuditUnsealed(ctx)
	if err != nil || pending == 0 { // most of the time: no transaction for nothing
		return 0, err
	}
	err = s.write(ctx, "sealing the audit log", func(tx *gorm.DB) error {
		mine, err := s.dialect.tryLock(tx, sequenceLock, exclusive)
		if err != nil || !mine {
			return err
		}
		entries, err := scanAll(tx.Raw(auditColumns+` WHERE idx IS NULL ORDER BY id LIMIT ?`, limit), scanEntry)
		if err != nil || len(entries) == 0 {
			return err
		}
		head, err := readHead(tx)
		if err != nil {
			return err
		}
		sealed, err := seal(head.Size, hashReader{tx, s.dialect}, entries)
		if err != nil {
			return err
		}
		n = len(entries)
		return s.append(tx, entries, sealed)
	})
	if err != nil {
		n = 0
	}
	return n, err
}

func (s *Store) append(tx *gorm.DB, entries []audit.Entry, sealed audit.Sealed) error {
	ids, indices := make([]int64, len(entries)), make([]int64, len(entries))
	for i, e := range entries {
		ids[i], indices[i] = e.ID, sealed.First+int64(i)
	}
	numbered, err := s.dialect.rows("n", "id bigint, idx bigint", ids, indices)
	if err != nil {
		return err
	}
	updated := tx.Exec(`UPDATE audit_entries SET idx = n.idx FROM ? WHERE audit_entries.id = n.id AND audit_entries.idx IS NULL`, numbered)
	if updated.Error != nil {
		return updated.Error
	}
	if updated.RowsAffected != int64(len(entries)) {
		return fmt.Errorf("%d of %d entries could be numbered", updated.RowsAffected, len(entries))
	}
	for i, h := range sealed.Hashes {
		if err := tx.Exec(`INSERT INTO audit_hashes (idx, hash) VALUES (?, ?)`, sealed.HashesAt+int64(i), h[:]).Error; err != nil {
			return err
		}
	}
	now, err := s.now(tx)
	if err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO audit_head (id, size, root, sealed_at) VALUES (1, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET size = excluded.size, root = excluded.root, sealed_at = excluded.sealed_at`,
		sealed.Head.Size, sealed.Head.Root[:], at(now)).Error
}

func readHead(tx *gorm.DB) (audit.Head, error) {
	head := audit.EmptyHead()
	var root []byte
	err := tx.Raw(`SELECT size, root FROM audit_head WHERE id = 1`).Row().Scan(&head.Size, &root)
	if errors.Is(err, sql.ErrNoRows) {
		return audit.EmptyHead(), nil
	}
	copy(head.Root[:], root)
	return head, err
}

// hashReader reads stored hashes for tlog.
type hashReader struct {
	tx      *gorm.DB
	dialect dialect
}

// ReadHashes gives the hashes at the positions asked for, in their order (tlog.HashReader).
func (r hashReader) ReadHashes(positions []int64) ([]tlog.Hash, error) {
	type stored struct {
		at   int64
		hash []byte
	}
	found, err := scanAll(r.tx.Raw(`SELECT idx, hash FROM audit_hashes WHERE ?`, r.dialect.in("idx", positions)), func(rows *sql.Rows) (h stored, err error) {
		return h, rows.Scan(&h.at, &h.hash)
	})
	if err != nil {
		return nil, err
	}
	byPosition := make(map[int64][]byte, len(found))
	for _, h := range found {
		byPosition[h.at] = h.hash
	}
	hashes := make([]tlog.Hash, len(positions))
	for i, p := range positions {
		if copy(hashes[i][:], byPosition[p]) != tlog.HashSize {
			return nil, fmt.Errorf("the audit log has lost its stored hash %d", p)
		}
	}
	return hashes, nil
}

// AuditUnsealed is how many committed entries wait to be sealed.
func (s *Store) AuditUnsealed(ctx context.Context) (n int64, err error) {
	err = s.db(ctx).Raw(`SELECT count(*) FROM audit_entries WHERE idx IS NULL`).Row().Scan(&n)
	return n, s.fail("counting unsealed audit entries", err)
}

// AuditLog gives the sealed log for audit.Verify, as of its head now; rows are read in pages while it is walked.
func (s *Store) AuditLog(ctx context.Context) (audit.Stored, error) {
	head, err := readHead(s.db(ctx))
	if err != nil {
		return audit.Stored{}, s.fail("reading the head of the audit log", err)
	}
	return audit.Stored{
		Head: head,
		Entries: pages(func(after int64) ([]audit.Entry, error) {
			// Beyond the head nothing may be numbered, unless a sealer went on meanwhile: those belong to a later head.
			return scanAll(s.db(ctx).Raw(auditColumns+` WHERE idx > ? AND idx < ? ORDER BY idx LIMIT ?`, after, head.Size, auditPage), scanEntry)
		}, func(e audit.Entry) int64 { return *e.Index }),
		Hashes: s.auditHashes(ctx, tlog.StoredHashCount(head.Size)),
	}, nil
}

func (s *Store) auditHashes(ctx context.Context, end int64) iter.Seq2[tlog.Hash, error] {
	type stored struct {
		at   int64
		hash tlog.Hash
	}
	all := pages(func(after int64) ([]stored, error) {
		return scanAll(s.db(ctx).Raw(`SELECT idx, hash FROM audit_hashes WHERE idx > ? AND idx < ? ORDER BY idx LIMIT ?`, after, end, auditPage), func(rows *sql.Rows) (h stored, err error) {
			var hash []byte
			err = rows.Scan(&h.at, &hash)
			copy(h.hash[:], hash)
			return h, err
		})
	}, func(h stored) int64 { return h.at })
	return func(yield func(tlog.Hash, error) bool) {
		for h, err := range all {
			if !yield(h.hash, err) {
				return
			}
		}
	}
}

// pages walks a table by key, a page a statement.
func pages[T any](read func(after int64) ([]T, error), key func(T) int64) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		after := int64(-1)
		for {
			page, err := read(after)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, one := range page {
				if !yield(one, nil) {
					return
				}
				after = key(one)
			}
			if len(page) < auditPage {
				return
			}
		}
	}
}
