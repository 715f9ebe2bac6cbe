package store

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
)

// SigningKeys lists all, newest first, revoked ones too.
func (s *Store) SigningKeys(ctx context.Context) ([]reset.SealedKey, error) {
	keys, err := scanAll(s.db(ctx).Raw(`SELECT kid, public_jwk, private_sealed, created_at, retired_at, revoked_at FROM signing_keys ORDER BY created_at DESC, kid`),
		func(rows *sql.Rows) (k reset.SealedKey, err error) {
			var created, retired, revoked Time
			err = rows.Scan(&k.ID, &k.JWK, &k.Sealed, &created, &retired, &revoked)
			k.CreatedAt, k.RetiredAt, k.RevokedAt = created.Time, retired.ptr(), revoked.ptr()
			return k, err
		})
	return keys, s.fail("reading the signing keys", err)
}

func (s *Store) insertKey(tx *gorm.DB, k reset.SealedKey, now time.Time) *gorm.DB {
	return tx.Exec(`INSERT INTO signing_keys (kid, public_jwk, private_sealed, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, k.ID, k.JWK, k.Sealed, at(now))
}

// AddFirstKey stores a key unless there is a signing one: the unique index lets one of several processes win.
func (s *Store) AddFirstKey(ctx context.Context, k reset.SealedKey, entry audit.Entry) (added bool, err error) {
	err = s.write(ctx, "storing the first signing key", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		inserted := s.insertKey(tx, k, now)
		if inserted.Error != nil || inserted.RowsAffected == 0 {
			return inserted.Error
		}
		added = true
		return s.record(tx, now, entry)
	})
	return added, err
}

// RotateKey lets k sign from now on. With revoke every older key is refused at once.
func (s *Store) RotateKey(ctx context.Context, k reset.SealedKey, revoke bool, entry audit.Entry) error {
	return s.write(ctx, "rotating the signing key", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		if err := tx.Exec(`UPDATE signing_keys SET retired_at = ? WHERE retired_at IS NULL`, at(now)).Error; err != nil {
			return err
		}
		if revoke {
			if err := tx.Exec(`UPDATE signing_keys SET revoked_at = ? WHERE revoked_at IS NULL`, at(now)).Error; err != nil {
				return err
			}
		}
		return s.addSigner(tx, k, now, entry)
	})
}

// RevokeKey refuses one key's tokens from now on; if it was the signing one, next signs.
func (s *Store) RevokeKey(ctx context.Context, kid string, next reset.SealedKey, entry audit.Entry) error {
	return s.write(ctx, "revoking a signing key", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		revoked := tx.Exec(`UPDATE signing_keys SET revoked_at = ?, retired_at = coalesce(retired_at, ?) WHERE kid = ? AND revoked_at IS NULL`, at(now), at(now), kid)
		if revoked.Error != nil {
			return revoked.Error
		}
		if revoked.RowsAffected == 0 {
			return problem.New(problem.NotFound, "There is no such key, or it is revoked already.")
		}
		var signing bool
		if err := tx.Raw(`SELECT EXISTS (SELECT 1 FROM signing_keys WHERE retired_at IS NULL AND revoked_at IS NULL)`).Row().Scan(&signing); err != nil {
			return err
		}
		if signing {
			return s.record(tx, now, entry)
		}
		return s.addSigner(tx, next, now, entry.With("next", next.ID))
	})
}

func (s *Store) addSigner(tx *gorm.DB, k reset.SealedKey, now time.Time, entry audit.Entry) error {
	inserted := s.insertKey(tx, k, now)
	if inserted.Error != nil {
		return inserted.Error
	}
	if inserted.RowsAffected == 0 {
		return problem.New(problem.Conflict, "Somebody else rotated the key just now.")
	}
	return s.record(tx, now, entry)
}

// RewrapKeys replaces the sealed private halves, all or none.
func (s *Store) RewrapKeys(ctx context.Context, keys []reset.SealedKey, entry audit.Entry) error {
	return s.write(ctx, "rewrapping the signing keys", func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		for _, k := range keys {
			changed := tx.Exec(`UPDATE signing_keys SET private_sealed = ? WHERE kid = ?`, k.Sealed, k.ID)
			if changed.Error != nil {
				return changed.Error
			}
			if changed.RowsAffected != 1 {
				return problem.New(problem.Conflict, "The keys changed meanwhile; try again.")
			}
		}
		return s.record(tx, now, entry)
	})
}
