package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

const approvalColumns = `SELECT r.id, r.act, r.object, r.params, r.effect, r.basis, r.accounts, r.reason, r.state, r.requested_by, a.name, r.requested_at, r.expires_at,
	coalesce(r.decided_by, 0), coalesce(d.name, ''), r.decided_at, r.note, r.taken_at FROM approvals r JOIN operators a ON a.id = r.requested_by LEFT JOIN operators d ON d.id = r.decided_by`

func scanApproval(rows *sql.Rows) (r approval.Request, err error) {
	var act, params, effect, state string
	var requested, expires, decided, taken Time
	err = rows.Scan(&r.ID, &act, &r.Object, &params, &effect, &r.Basis, &r.Accounts, &r.Reason, &state, &r.RequestedBy, &r.Requester, &requested, &expires,
		&r.DecidedBy, &r.Decider, &decided, &r.Note, &taken)
	r.Act, r.State, r.Params, r.Effect = operator.Act(act), approval.State(state), json.RawMessage(params), json.RawMessage(effect)
	r.RequestedAt, r.ExpiresAt, r.DecidedAt = requested.Time, expires.Time, decided.ptr()
	r.TakenAt = taken.ptr()
	return r, err
}

// AddApproval keeps a request. One that waited too long makes room first, whether it was swept yet or not.
func (s *Store) AddApproval(ctx context.Context, r approval.Request, life time.Duration, entry audit.Entry) (approval.Request, error) {
	err := s.dated(ctx, "asking for a second person", func(tx *gorm.DB, now time.Time) error {
		if err := enabled(tx, r.RequestedBy); err != nil {
			return err
		}
		err := tx.Exec(`UPDATE approvals SET state = 'expired', decided_at = ? WHERE act = ? AND object = ? AND state = 'pending' AND expires_at <= ?`, at(now), string(r.Act), r.Object, at(now)).Error
		if err != nil {
			return err
		}
		r.RequestedAt, r.ExpiresAt = now, at(now.Add(life)).Time
		err = tx.Raw(`INSERT INTO approvals (act, object, params, effect, basis, accounts, reason, requested_by, requested_at, expires_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id`, string(r.Act), r.Object, string(r.Params), string(r.Effect), r.Basis, r.Accounts, r.Reason,
			r.RequestedBy, at(now), at(r.ExpiresAt)).Row().Scan(&r.ID)
		if err == sql.ErrNoRows {
			return &problem.Error{Kind: problem.Conflict, Code: "pending", Text: "Somebody has asked for this already; it waits for a second person."}
		}
		if err != nil {
			return err
		}
		return s.record(tx, now, entry.With("approval", r.ID))
	})
	return r, err
}

// Approval finds one; NotFound.
func (s *Store) Approval(ctx context.Context, id int64) (approval.Request, error) {
	found, err := scanAll(s.db(ctx).Raw(approvalColumns+` WHERE r.id = ?`, id), scanApproval)
	if err == nil && len(found) == 0 {
		err = problem.New(problem.NotFound, "There is no such request.")
	}
	if err != nil {
		return approval.Request{}, s.fail("reading a request", err)
	}
	return found[0], nil
}

// Approvals lists the newest.
func (s *Store) Approvals(ctx context.Context, limit int, states ...approval.State) ([]approval.Request, error) {
	query := s.db(ctx).Raw(approvalColumns+` ORDER BY r.id DESC LIMIT ?`, limit)
	if len(states) > 0 {
		names := make([]string, len(states))
		for i, one := range states {
			names[i] = string(one)
		}
		query = s.db(ctx).Raw(approvalColumns+` WHERE ? ORDER BY r.id DESC LIMIT ?`, s.dialect.in("r.state", names), limit)
	}
	all, err := scanAll(query, scanApproval)
	return all, s.fail("listing requests", err)
}

// DecideApproval moves a request on, for one caller.
func (s *Store) DecideApproval(ctx context.Context, d approval.Decision, entry audit.Entry) (won bool, err error) {
	err = s.dated(ctx, "deciding a request", func(tx *gorm.DB, now time.Time) error {
		if d.By != 0 {
			if err := enabled(tx, d.By); err != nil {
				return err
			}
		}
		var by, when any = nil, at(now)
		if d.By != 0 {
			by = d.By
		}
		if d.To == approval.Pending {
			when = nil
		}
		moved := tx.Exec(`UPDATE approvals SET state = ?, decided_by = ?, decided_at = ?, note = ? WHERE id = ? AND state = ? AND (state <> 'pending' OR expires_at > ?)`,
			string(d.To), by, when, d.Note, d.ID, string(d.From), at(now))
		if s.dialect.duplicate(moved.Error) { // somebody asked anew while it was not waiting
			return problem.New(problem.Conflict, "Another request for the same waits already.")
		}
		if moved.Error != nil || moved.RowsAffected == 0 {
			return moved.Error
		}
		won = true
		return s.record(tx, now, entry)
	})
	return won && err == nil, err
}

// ExpireApprovals ends what waited too long.
func (s *Store) ExpireApprovals(ctx context.Context, entry func(approval.Request) audit.Entry) (n int64, err error) {
	err = s.dated(ctx, "ending requests that waited too long", func(tx *gorm.DB, now time.Time) error {
		old, err := scanAll(tx.Raw(`UPDATE approvals SET state = 'expired', decided_at = ? WHERE state = 'pending' AND expires_at <= ? RETURNING id, act, object`, at(now), at(now)),
			func(rows *sql.Rows) (r approval.Request, err error) {
				var act string
				err = rows.Scan(&r.ID, &act, &r.Object)
				r.Act = operator.Act(act)
				return r, err
			})
		if err != nil {
			return err
		}
		for _, r := range old {
			if err := s.record(tx, now, entry(r)); err != nil {
				return err
			}
		}
		n = int64(len(old))
		return nil
	})
	return n, err
}
