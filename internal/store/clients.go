package store

import (
	"context"
	"database/sql"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/problem"
)

const clientColumns = `id, name, scope, created_at, expires_at, revoked_at, last_used_at`

func scanClient(rows *sql.Rows) (c client.Client, err error) {
	var created, expires, revoked, used Time
	err = rows.Scan(&c.ID, &c.Name, &c.Scope, &created, &expires, &revoked, &used)
	c.CreatedAt, c.ExpiresAt, c.RevokedAt, c.LastUsedAt = created.Time, expires.ptr(), revoked.ptr(), used.ptr()
	return c, err
}

// CreateClient makes a client of a name, a scope and an expiry; Conflict if one that was not revoked has the name.
func (s *Store) CreateClient(ctx context.Context, c client.Client, keySHA256 []byte, entry audit.Entry) (client.Client, error) {
	err := s.write(ctx, "creating a client", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		if c.CreatedAt = now; !c.Live(now) {
			return problem.New(problem.Invalid, "The client would stop working before it began.")
		}
		err = tx.Raw(`INSERT INTO clients (name, scope, key_sha256, created_at, expires_at) VALUES (?, ?, ?, ?, ?) RETURNING id`,
			c.Name, c.Scope, keySHA256, at(now), atPtr(c.ExpiresAt)).Row().Scan(&c.ID)
		if s.dialect.duplicate(err) {
			return problem.New(problem.Conflict, "There is a client of this name already; revoke it first.")
		}
		if err != nil {
			return err
		}
		return s.record(tx, now, entry)
	})
	return c, err
}

// Clients lists all, newest first.
func (s *Store) Clients(ctx context.Context) ([]client.Client, error) {
	all, err := scanAll(s.db(ctx).Raw(`SELECT `+clientColumns+` FROM clients ORDER BY id DESC`), scanClient)
	return all, s.fail("listing clients", err)
}

// RevokeClient ends a live client; NotFound if there is none of the name.
func (s *Store) RevokeClient(ctx context.Context, name string, entry audit.Entry) (c client.Client, err error) {
	err = s.write(ctx, "revoking a client", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		found, err := scanAll(tx.Raw(`UPDATE clients SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL
			RETURNING `+clientColumns, at(now), name), scanClient)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return problem.New(problem.NotFound, "There is no live client of this name.")
		}
		c = found[0]
		return s.record(tx, now, entry)
	})
	return c, err
}

// ClientByKey finds a live client by its key's SHA-256.
func (s *Store) ClientByKey(ctx context.Context, keySHA256 []byte) (client.Client, bool, error) {
	found, err := scanAll(s.db(ctx).Raw(`SELECT `+clientColumns+` FROM clients WHERE key_sha256 = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)`,
		keySHA256, s.dialect.clock()), scanClient)
	if err != nil || len(found) == 0 {
		return client.Client{}, false, s.fail("looking up a client key", err)
	}
	return found[0], true, nil
}

// NoteUses dates the last use of clients, a row each: there are few.
func (s *Store) NoteUses(ctx context.Context, keysSHA256 [][]byte) error {
	return s.write(ctx, "noting the use of clients", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		for _, key := range keysSHA256 {
			if err := tx.Exec(`UPDATE clients SET last_used_at = ? WHERE key_sha256 = ? AND (last_used_at IS NULL OR last_used_at < ?)`, at(now), blob(key), at(now)).Error; err != nil {
				return err
			}
		}
		return nil
	})
}
