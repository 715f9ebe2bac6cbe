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

// peopleLock makes changes of who the admins are wait for each other, so that two at once cannot leave none.
const peopleLock int64 = 0x72656b6579_10

const operatorColumns = `o.id, o.name, o.email, o.roles, o.created_at, o.disabled_at, o.password_hash IS NOT NULL, o.totp_sealed IS NOT NULL,
	o.oidc_subject IS NOT NULL, (SELECT count(*) FROM operator_passkeys k WHERE k.operator_id = o.id), o.last_seen_at`

// operatorRow is what operatorColumns are scanned into.
type operatorRow struct {
	o                       operator.Operator
	roles                   string
	created, disabled, seen Time
}

func (r *operatorRow) targets() []any {
	o := &r.o
	return []any{&o.ID, &o.Name, &o.Email, &r.roles, &r.created, &r.disabled, &o.HasPassword, &o.HasTOTP, &o.OIDC, &o.Passkeys, &r.seen}
}

func (r *operatorRow) operator() (o operator.Operator, err error) {
	r.o.CreatedAt, r.o.DisabledAt, r.o.LastSeenAt = r.created.Time, r.disabled.ptr(), r.seen.ptr()
	r.o.Roles, err = operator.DecodeRoles(r.roles)
	return r.o, err
}

func scanOperator(rows *sql.Rows) (operator.Operator, error) {
	var r operatorRow
	if err := rows.Scan(r.targets()...); err != nil {
		return r.o, err
	}
	return r.operator()
}

var errNoOperator = problem.New(problem.NotFound, "There is no such operator.")

func readOperator(tx *gorm.DB, id int64) (operator.Operator, error) {
	found, err := scanAll(tx.Raw(`SELECT `+operatorColumns+` FROM operators o WHERE o.id = ?`, id), scanOperator)
	if err == nil && len(found) == 0 {
		err = errNoOperator
	}
	if err != nil {
		return operator.Operator{}, err
	}
	return found[0], nil
}

// CreateOperator adds a person with their first invitation.
func (s *Store) CreateOperator(ctx context.Context, o operator.Operator, i operator.Invite, entry audit.Entry) (operator.Operator, error) {
	err := s.dated(ctx, "adding an operator", func(tx *gorm.DB, now time.Time) error {
		o.CreatedAt = now
		err := tx.Raw(`INSERT INTO operators (name, email, roles, created_at) VALUES (?, ?, ?, ?) RETURNING id`, o.Name, o.Email, o.Roles.Encode(), at(now)).Row().Scan(&o.ID)
		if s.dialect.duplicate(err) {
			return problem.New(problem.Conflict, "There is or was an operator of this name. Names are never given to somebody else: the audit log knows people by them.")
		}
		if err != nil {
			return err
		}
		if err := insertInvite(tx, o.ID, i, now); err != nil {
			return err
		}
		return s.recordFor(tx, now, o.ID, entry)
	})
	return o, err
}

// dated is write with the clock read first.
func (s *Store) dated(ctx context.Context, doing string, fn func(tx *gorm.DB, now time.Time) error) error {
	return s.write(ctx, doing, func(tx *gorm.DB) error {
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		return fn(tx, now)
	})
}

// Operators lists all by name.
func (s *Store) Operators(ctx context.Context) ([]operator.Operator, error) {
	all, err := scanAll(s.db(ctx).Raw(`SELECT `+operatorColumns+` FROM operators o ORDER BY o.name`), scanOperator)
	return all, s.fail("listing operators", err)
}

// Operator finds one; NotFound.
func (s *Store) Operator(ctx context.Context, id int64) (operator.Operator, error) {
	o, err := readOperator(s.db(ctx), id)
	return o, s.fail("reading an operator", err)
}

// DisableOperator shuts a person out; what acts in their name and what they asked for ends with it.
func (s *Store) DisableOperator(ctx context.Context, id int64, entry audit.Entry) error {
	return s.people(ctx, "disabling an operator", id, func(tx *gorm.DB, now time.Time) error {
		changed := tx.Exec(`UPDATE operators SET disabled_at = ? WHERE id = ? AND disabled_at IS NULL`, at(now), id)
		if changed.Error != nil {
			return changed.Error
		}
		if changed.RowsAffected == 0 {
			return problem.New(problem.Conflict, "This operator is disabled already.")
		}
		void, err := endAll(tx, id, now)
		if err != nil {
			return err
		}
		return s.recordFor(tx, now, id, entry.With("void_requests", void))
	})
}

// SetRoles changes roles where they are still was.
func (s *Store) SetRoles(ctx context.Context, id int64, was, roles operator.Roles, entry audit.Entry) error {
	return s.people(ctx, "setting an operator's roles", id, func(tx *gorm.DB, now time.Time) error {
		changed := tx.Exec(`UPDATE operators SET roles = ? WHERE id = ? AND roles = ? AND disabled_at IS NULL`, roles.Encode(), id, was.Encode())
		if changed.Error != nil {
			return changed.Error
		}
		if changed.RowsAffected == 0 {
			return problem.New(problem.Conflict, "This operator is disabled, or their roles were changed meanwhile.")
		}
		if err := endSessions(tx, id, now); err != nil {
			return err
		}
		void, err := voidRequests(tx, id, now, "The roles of who asked were changed.")
		if err != nil {
			return err
		}
		return s.recordFor(tx, now, id, entry.With("void_requests", void))
	})
}

// people is a change of who may do what. It refuses to leave an installation that has an admin without one.
func (s *Store) people(ctx context.Context, doing string, id int64, change func(tx *gorm.DB, now time.Time) error) error {
	return s.write(ctx, doing, func(tx *gorm.DB) error {
		if err := s.dialect.lock(tx, peopleLock, exclusive); err != nil {
			return err
		}
		now, err := s.now(tx)
		if err != nil {
			return err
		}
		o, err := readOperator(tx, id)
		if err != nil {
			return err
		}
		if err := change(tx, now); err != nil {
			return err
		}
		if o.DisabledAt != nil || !o.Roles.Has(operator.Admin) {
			return nil
		}
		return hasAdmin(tx)
	})
}

// hasAdmin reads the roles in Go: there are few operators, and one reader of the list is enough.
func hasAdmin(tx *gorm.DB) error {
	all, err := scanAll(tx.Raw(`SELECT `+operatorColumns+` FROM operators o WHERE o.disabled_at IS NULL`), scanOperator)
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.Roles.Has(operator.Admin) {
			return nil
		}
	}
	return &problem.Error{Kind: problem.Conflict, Code: "last", Text: "This is the last administrator. Give somebody else the role first."}
}

// endAll ends whatever acts in an operator's name, and says how many of their requests it made void.
func endAll(tx *gorm.DB, id int64, now time.Time) (void int64, err error) {
	if err := endSessions(tx, id, now); err != nil {
		return 0, err
	}
	if err := tx.Exec(`UPDATE operator_tokens SET revoked_at = ? WHERE operator_id = ? AND revoked_at IS NULL`, at(now), id).Error; err != nil {
		return 0, err
	}
	if err := endInvites(tx, id, now); err != nil {
		return 0, err
	}
	return voidRequests(tx, id, now, "Who asked was shut out or invited anew.")
}

// voidRequests spares the one that is being carried out, which may be what changes the roles of who asked for it.
func voidRequests(tx *gorm.DB, id int64, now time.Time, why string) (int64, error) {
	spared := int64(0)
	if w := decidingOf(tx); w != nil {
		spared = w.d.ID
	}
	ended := tx.Exec(`UPDATE approvals SET state = 'void', decided_at = ?, note = ? WHERE requested_by = ? AND state = 'pending' AND id <> ?`, at(now), why, id, spared)
	return ended.RowsAffected, ended.Error
}

func insertInvite(tx *gorm.DB, id int64, i operator.Invite, now time.Time) error {
	return tx.Exec(`INSERT INTO operator_invites (token_sha256, operator_id, created_at, expires_at) VALUES (?, ?, ?, ?)`,
		blob(i.SHA256), id, at(now), at(now.Add(i.Life))).Error
}

func endInvites(tx *gorm.DB, id int64, now time.Time) error {
	return tx.Exec(`UPDATE operator_invites SET used_at = ? WHERE operator_id = ? AND used_at IS NULL`, at(now), id).Error
}

// InviteOperator makes a new invitation, which ends the others.
func (s *Store) InviteOperator(ctx context.Context, id int64, i operator.Invite, entry audit.Entry) error {
	return s.dated(ctx, "inviting an operator", func(tx *gorm.DB, now time.Time) error {
		if err := enabled(tx, id); err != nil {
			return err
		}
		if err := endInvites(tx, id, now); err != nil {
			return err
		}
		if err := insertInvite(tx, id, i, now); err != nil {
			return err
		}
		return s.recordFor(tx, now, id, entry)
	})
}

// enabled locks an operator's row until the transaction ends, so that what is decided about them holds.
func enabled(tx *gorm.DB, id int64) error {
	held := tx.Exec(`UPDATE operators SET failures = failures WHERE id = ? AND disabled_at IS NULL`, id)
	if held.Error == nil && held.RowsAffected == 0 {
		return problem.New(problem.Conflict, "This operator is disabled.")
	}
	return held.Error
}

// unless drops an error of the kind.
func unless(kind problem.Kind, err error) error {
	if problem.Is(err, kind) {
		return nil
	}
	return err
}

// Invited finds whom a live invitation is for.
func (s *Store) Invited(ctx context.Context, sha256 []byte) (operator.Operator, bool, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return operator.Operator{}, false, err
	}
	found, err := scanAll(s.db(ctx).Raw(`SELECT `+operatorColumns+` FROM operator_invites i JOIN operators o ON o.id = i.operator_id
		WHERE i.token_sha256 = ? AND i.used_at IS NULL AND i.expires_at > ? AND o.disabled_at IS NULL`, blob(sha256), at(now)), scanOperator)
	if err != nil || len(found) == 0 {
		return operator.Operator{}, false, s.fail("looking at an invitation", err)
	}
	return found[0], true, nil
}

// Enrol uses an invitation up, and makes w the only way in.
func (s *Store) Enrol(ctx context.Context, sha256 []byte, w operator.Ways, entry audit.Entry) (used bool, err error) {
	err = s.dated(ctx, "enrolling an operator", func(tx *gorm.DB, now time.Time) error {
		ids, err := scanAll(tx.Raw(`SELECT operator_id FROM operator_invites WHERE token_sha256 = ?`, blob(sha256)), func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := enabled(tx, ids[0]); err != nil { // the operator before the invitation, as everywhere, so that two never wait for each other
			return unless(problem.Conflict, err)
		}
		taken := tx.Exec(`UPDATE operator_invites SET used_at = ? WHERE token_sha256 = ? AND used_at IS NULL AND expires_at > ?`, at(now), blob(sha256), at(now))
		if taken.Error != nil || taken.RowsAffected == 0 {
			return taken.Error
		}
		if err := s.renew(tx, ids[0], w, now); err != nil {
			return err
		}
		used = true
		return s.recordFor(tx, now, ids[0], entry)
	})
	return used && err == nil, err
}

// renew takes away every way in there was, and whatever acts in the operator's name, and gives w.
func (s *Store) renew(tx *gorm.DB, id int64, w operator.Ways, now time.Time) error {
	if err := tx.Exec(`DELETE FROM operator_passkeys WHERE operator_id = ?`, id).Error; err != nil {
		return err
	}
	err := tx.Exec(`UPDATE operators SET password_hash = NULL, totp_sealed = NULL, oidc_issuer = NULL, oidc_subject = NULL, failures = 0 WHERE id = ?`, id).Error
	if err != nil {
		return err
	}
	if _, err := endAll(tx, id, now); err != nil {
		return err
	}
	return s.addWays(tx, id, w, now)
}
