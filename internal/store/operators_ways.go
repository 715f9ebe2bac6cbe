package store

import (
	"context"
	"database/sql"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

var errTaken = problem.New(problem.Conflict, "This is bound to an operator already.")

// addWays sets what is not empty, on a row that is locked.
func (s *Store) addWays(tx *gorm.DB, id int64, w operator.Ways, now time.Time) error {
	if w.PasswordHash != "" {
		if err := tx.Exec(`UPDATE operators SET password_hash = ?, failures = 0 WHERE id = ?`, w.PasswordHash, id).Error; err != nil {
			return err
		}
	}
	if len(w.TOTPSealed) > 0 {
		if err := tx.Exec(`UPDATE operators SET totp_sealed = ?, totp_step = ? WHERE id = ?`, blob(w.TOTPSealed), w.TOTPStep, id).Error; err != nil {
			return err
		}
	}
	if k := w.Passkey; k != nil {
		err := tx.Exec(`INSERT INTO operator_passkeys (operator_id, credential_id, name, record, created_at) VALUES (?, ?, ?, ?, ?)`,
			id, blob(k.CredentialID), k.Name, k.Record, at(now)).Error
		if s.dialect.duplicate(err) {
			return errTaken
		}
		if err != nil {
			return err
		}
	}
	if w.Subject != "" {
		return s.bindIdentity(tx, id, w.Issuer, w.Subject)
	}
	return nil
}

// bindIdentity takes the place where there is none: who is bound stays bound until they remove it or are invited anew.
func (s *Store) bindIdentity(tx *gorm.DB, id int64, issuer, subject string) error {
	bound := tx.Exec(`UPDATE operators SET oidc_issuer = ?, oidc_subject = ? WHERE id = ? AND oidc_subject IS NULL`, issuer, subject, id)
	if s.dialect.duplicate(bound.Error) || bound.Error == nil && bound.RowsAffected == 0 {
		return errTaken
	}
	return bound.Error
}

// AddWay sets what is not empty. Whoever has a way in needs their invitation no more.
func (s *Store) AddWay(ctx context.Context, id int64, w operator.Ways, entry audit.Entry) error {
	return s.dated(ctx, "adding a way in", func(tx *gorm.DB, now time.Time) error {
		if err := enabled(tx, id); err != nil {
			return err
		}
		if err := s.addWays(tx, id, w, now); err != nil {
			return err
		}
		if err := endInvites(tx, id, now); err != nil {
			return err
		}
		return s.recordFor(tx, now, id, entry)
	})
}

// removals take a way in away, where it is there.
var removals = map[operator.Way]string{
	operator.ByPassword: `UPDATE operators SET password_hash = NULL WHERE id = ? AND ? = 0 AND password_hash IS NOT NULL`,
	operator.ByTOTP:     `UPDATE operators SET totp_sealed = NULL WHERE id = ? AND ? = 0 AND totp_sealed IS NOT NULL`,
	operator.ByOIDC:     `UPDATE operators SET oidc_issuer = NULL, oidc_subject = NULL WHERE id = ? AND ? = 0 AND oidc_subject IS NOT NULL`,
	operator.ByPasskey:  `DELETE FROM operator_passkeys WHERE operator_id = ? AND id = ?`,
}

// RemoveWay takes one way in away unless it is the last. An identity of another issuer than the one set opens nothing.
func (s *Store) RemoveWay(ctx context.Context, id int64, w operator.Way, passkey int64, issuer string, entry audit.Entry) error {
	return s.dated(ctx, "removing a way in", func(tx *gorm.DB, now time.Time) error {
		if err := enabled(tx, id); err != nil {
			return err
		}
		removed := tx.Exec(removals[w], id, passkey)
		if removed.Error != nil {
			return removed.Error
		}
		if removed.RowsAffected == 0 {
			return problem.New(problem.NotFound, "There is no such way in.")
		}
		var left bool
		err := tx.Raw(`SELECT (password_hash IS NOT NULL AND totp_sealed IS NOT NULL) OR (? <> '' AND coalesce(oidc_issuer, '') = ?)
			OR EXISTS (SELECT 1 FROM operator_passkeys k WHERE k.operator_id = o.id) FROM operators o WHERE o.id = ?`, issuer, issuer, id).Row().Scan(&left)
		if err != nil {
			return err
		}
		if !left {
			return &problem.Error{Kind: problem.Conflict, Code: "last", Text: "This is your last way in. Add another one first."}
		}
		return s.recordFor(tx, now, id, entry)
	})
}

const passkeyColumns = `k.id, k.credential_id, k.name, k.record, k.created_at, k.last_used_at`

// passkeyRow is what passkeyColumns are scanned into.
type passkeyRow struct {
	k             operator.Passkey
	created, used Time
}

func (r *passkeyRow) targets() []any {
	return []any{&r.k.ID, &r.k.CredentialID, &r.k.Name, &r.k.Record, &r.created, &r.used}
}

func (r *passkeyRow) passkey() operator.Passkey {
	r.k.CreatedAt, r.k.LastUsedAt = r.created.Time, r.used.ptr()
	return r.k
}

// Passkeys lists an operator's, the oldest first.
func (s *Store) Passkeys(ctx context.Context, id int64) ([]operator.Passkey, error) {
	all, err := scanAll(s.db(ctx).Raw(`SELECT `+passkeyColumns+` FROM operator_passkeys k WHERE k.operator_id = ? ORDER BY k.id`, id), func(rows *sql.Rows) (operator.Passkey, error) {
		var r passkeyRow
		err := rows.Scan(r.targets()...)
		return r.passkey(), err
	})
	return all, s.fail("listing passkeys", err)
}

// PasskeyBy finds a passkey by the authenticator's id for it, and whose it is.
func (s *Store) PasskeyBy(ctx context.Context, credentialID []byte) (k operator.Passkey, o operator.Operator, found bool, err error) {
	all, err := scanAll(s.db(ctx).Raw(`SELECT `+passkeyColumns+`, `+operatorColumns+` FROM operator_passkeys k JOIN operators o ON o.id = k.operator_id
		WHERE k.credential_id = ?`, blob(credentialID)), func(rows *sql.Rows) (operator.Operator, error) {
		var key passkeyRow
		var who operatorRow
		if err := rows.Scan(append(key.targets(), who.targets()...)...); err != nil {
			return who.o, err
		}
		k = key.passkey()
		return who.operator()
	})
	if err != nil || len(all) == 0 {
		return k, o, false, s.fail("looking up a passkey", err)
	}
	return k, all[0], true, nil
}

// RenamePasskey gives one of an operator's another name.
func (s *Store) RenamePasskey(ctx context.Context, id, passkey int64, name string, entry audit.Entry) error {
	return s.dated(ctx, "renaming a passkey", func(tx *gorm.DB, now time.Time) error {
		changed := tx.Exec(`UPDATE operator_passkeys SET name = ? WHERE id = ? AND operator_id = ?`, name, passkey, id)
		if changed.Error != nil {
			return changed.Error
		}
		if changed.RowsAffected == 0 {
			return problem.New(problem.NotFound, "There is no such passkey.")
		}
		return s.record(tx, now, entry)
	})
}

// SealedTOTP lists every TOTP secret as it is sealed.
func (s *Store) SealedTOTP(ctx context.Context) ([]operator.SealedTOTP, error) {
	all, err := scanAll(s.db(ctx).Raw(`SELECT id, totp_sealed FROM operators WHERE totp_sealed IS NOT NULL ORDER BY id`), func(rows *sql.Rows) (t operator.SealedTOTP, err error) {
		return t, rows.Scan(&t.Operator, &t.Was)
	})
	return all, s.fail("reading sealed TOTP secrets", err)
}

// ResealTOTP replaces the seals, all or none.
func (s *Store) ResealTOTP(ctx context.Context, sealed []operator.SealedTOTP, entry audit.Entry) error {
	return s.dated(ctx, "sealing TOTP secrets anew", func(tx *gorm.DB, now time.Time) error {
		for _, one := range sealed {
			changed := tx.Exec(`UPDATE operators SET totp_sealed = ? WHERE id = ? AND totp_sealed = ?`, blob(one.Now), one.Operator, blob(one.Was))
			if changed.Error != nil {
				return changed.Error
			}
			if changed.RowsAffected != 1 {
				return problem.New(problem.Conflict, "An operator set up an authenticator app meanwhile; try again.")
			}
		}
		return s.record(tx, now, entry)
	})
}
