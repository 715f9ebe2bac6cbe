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

// SecretsOf finds what a sign-in is checked against.
func (s *Store) SecretsOf(ctx context.Context, name string) (operator.Secrets, bool, error) {
	found, err := scanAll(s.db(ctx).Raw(`SELECT `+operatorColumns+`, coalesce(o.password_hash, ''), o.totp_sealed, o.totp_step, o.failures FROM operators o WHERE o.name = ?`, name),
		func(rows *sql.Rows) (v operator.Secrets, err error) {
			var r operatorRow
			if err := rows.Scan(append(r.targets(), &v.PasswordHash, &v.TOTPSealed, &v.TOTPStep, &v.Failures)...); err != nil {
				return v, err
			}
			v.Operator, err = r.operator()
			return v, err
		})
	if err != nil || len(found) == 0 {
		return operator.Secrets{}, false, s.fail("looking up an operator", err)
	}
	return found[0], true, nil
}

// CountSignInFailure adds one. It writes as much for nobody.
func (s *Store) CountSignInFailure(ctx context.Context, id int64, entry audit.Entry) error {
	return s.dated(ctx, "counting a failed sign-in", func(tx *gorm.DB, now time.Time) error {
		if err := tx.Exec(`UPDATE operators SET failures = failures + 1 WHERE id = ?`, id).Error; err != nil {
			return err
		}
		if id != 0 && entry.Detail[operator.Closes] != nil {
			return s.recordFor(tx, now, id, entry)
		}
		return s.record(tx, now, entry)
	})
}

// UpgradePassword replaces a hash by another of the same password. Where it changed meanwhile, nothing is done.
func (s *Store) UpgradePassword(ctx context.Context, id int64, was, hash string, entry audit.Entry) error {
	return s.dated(ctx, "hashing an operator's password anew", func(tx *gorm.DB, now time.Time) error {
		changed := tx.Exec(`UPDATE operators SET password_hash = ? WHERE id = ? AND password_hash = ?`, hash, id, was)
		if changed.Error != nil || changed.RowsAffected == 0 {
			return changed.Error
		}
		return s.record(tx, now, entry)
	})
}

// entered marks a sign-in that is whole, of somebody not disabled: false is taken back by whoever asked.
func (s *Store) entered(tx *gorm.DB, id int64, now time.Time, entry audit.Entry) (bool, error) {
	seen := tx.Exec(`UPDATE operators SET failures = 0, last_seen_at = ? WHERE id = ? AND disabled_at IS NULL`, at(now), id)
	if seen.Error != nil || seen.RowsAffected == 0 {
		return false, seen.Error
	}
	return true, s.record(tx, now, entry)
}

// UseTOTP takes a time step, once.
func (s *Store) UseTOTP(ctx context.Context, id int64, sealed []byte, step int64, entry audit.Entry) (used bool, err error) {
	err = s.dated(ctx, "using a TOTP code", func(tx *gorm.DB, now time.Time) error {
		taken := tx.Exec(`UPDATE operators SET totp_step = ? WHERE id = ? AND totp_step < ? AND totp_sealed = ? AND disabled_at IS NULL`, step, id, step, blob(sealed))
		if taken.Error != nil || taken.RowsAffected == 0 {
			return taken.Error
		}
		used, err = s.entered(tx, id, now, entry)
		return err
	})
	return used && err == nil, err
}

// UsePasskey takes a passkey's answer to one ceremony, once: afterwards the passkey was used since the ceremony began.
func (s *Store) UsePasskey(ctx context.Context, u operator.PasskeyUse, entry audit.Entry) (used bool, err error) {
	err = s.dated(ctx, "using a passkey", func(tx *gorm.DB, now time.Time) error {
		if !now.After(u.Began) { // the clock stepped back, or stands
			now = u.Began.Add(time.Microsecond)
		}
		if err := enabled(tx, u.Operator); err != nil {
			return unless(problem.Conflict, err)
		}
		taken := tx.Exec(`UPDATE operator_passkeys SET record = ?, last_used_at = ? WHERE id = ? AND operator_id = ? AND record = ? AND (last_used_at IS NULL OR last_used_at <= ?)`,
			u.Now, at(now), u.Passkey, u.Operator, u.Was, at(u.Began))
		if taken.Error != nil || taken.RowsAffected == 0 {
			return taken.Error
		}
		used, err = s.entered(tx, u.Operator, now, entry)
		return err
	})
	return used && err == nil, err
}

// UseOIDC finds whose an identity is, and marks the sign-in.
func (s *Store) UseOIDC(ctx context.Context, issuer, subject string, expected int64, entry func(operator.Operator) audit.Entry) (o operator.Operator, used bool, err error) {
	err = s.dated(ctx, "signing in by OpenID Connect", func(tx *gorm.DB, now time.Time) error {
		found, err := scanAll(tx.Raw(`SELECT `+operatorColumns+` FROM operators o WHERE o.oidc_issuer = ? AND o.oidc_subject = ?`, issuer, subject), scanOperator)
		if err != nil || len(found) == 0 || expected != 0 && found[0].ID != expected {
			return err
		}
		o = found[0]
		used, err = s.entered(tx, o.ID, now, entry(o))
		return err
	})
	return o, used && err == nil, err
}
