package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/problem"
)

func scanClient(rows *sql.Rows) (c client.Client, err error) {
	var created, revoked Time
	err = rows.Scan(&c.ID, &c.Name, &c.Scope, &created, &revoked)
	c.CreatedAt, c.RevokedAt = created.Time, revoked.ptr()
	return c, err
}

// CreateClient makes a client; Conflict if a live one has the name.
func (s *Store) CreateClient(ctx context.Context, name, scope string, keySHA256 []byte, entry audit.Entry) (c client.Client, err error) {
	err = s.write(ctx, "creating a client", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		c = client.Client{Name: name, Scope: scope, CreatedAt: now}
		err = tx.Raw(`INSERT INTO clients (name, scope, key_sha256, created_at) VALUES (?, ?, ?, ?) RETURNING id`, name, scope, keySHA256, at(now)).Row().Scan(&c.ID)
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
	all, err := scanAll(s.db(ctx).Raw(`SELECT id, name, scope, created_at, revoked_at FROM clients ORDER BY id DESC`), scanClient)
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
			RETURNING id, name, scope, created_at, revoked_at`, at(now), name), scanClient)
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
	var c client.Client
	var created Time
	row := s.db(ctx).Raw(`SELECT id, name, scope, created_at FROM clients WHERE key_sha256 = ? AND revoked_at IS NULL`, keySHA256).Row()
	err := row.Scan(&c.ID, &c.Name, &c.Scope, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	c.CreatedAt = created.In(time.UTC)
	return c, err == nil, s.fail("looking up a client key", err)
}
