package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"sync"
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

// ApprovalPage gives some, the newest first.
func (s *Store) ApprovalPage(ctx context.Context, q approval.Query) (page []approval.Request, next int64, err error) {
	where, vars := ` WHERE r.id < ?`, []any{below(q.Before)}
	if q.State != "" {
		where, vars = where+` AND r.state = ?`, append(vars, string(q.State))
	}
	rows, err := scanAll(s.db(ctx).Raw(approvalColumns+where+` ORDER BY r.id DESC LIMIT ?`, append(vars, q.Limit+1)...), scanApproval)
	if err != nil {
		return nil, 0, s.fail("listing requests", err)
	}
	page, next = cut(rows, q.Limit, func(r approval.Request) int64 { return r.ID })
	return page, next, nil
}

// DecideApproval moves a request on, for one caller.
func (s *Store) DecideApproval(ctx context.Context, d approval.Decision, entry audit.Entry) (won bool, err error) {
	err = s.dated(ctx, "deciding a request", func(tx *gorm.DB, now time.Time) error {
		won, err = s.decide(tx, now, d, entry)
		return err
	})
	return won && err == nil, err
}

func (s *Store) decide(tx *gorm.DB, now time.Time, d approval.Decision, entry audit.Entry) (won bool, err error) {
	var by any // NULL: nobody
	if d.By != 0 {
		by = d.By
		if err := enabled(tx, d.By); err != nil {
			return false, err
		}
	}
	moved := tx.Exec(`UPDATE approvals SET state = ?, decided_by = ?, decided_at = ?, note = ? WHERE id = ? AND state = ? AND (state <> 'pending' OR expires_at > ?)`,
		string(d.To), by, at(now), d.Note, d.ID, string(d.From), at(now))
	if moved.Error != nil || moved.RowsAffected == 0 {
		return false, moved.Error
	}
	return true, s.record(tx, now, entry)
}

type decidingKey struct{}

// deciding is a decision that goes with an act.
type deciding struct {
	d     approval.Decision
	entry audit.Entry

	mu   sync.Mutex
	in   gorm.ConnPool // the transaction that it was made in; nil: none yet
	made bool          // that was committed
}

func decidingOf(tx *gorm.DB) *deciding {
	w, _ := tx.Statement.Context.Value(decidingKey{}).(*deciding)
	return w
}

// Deciding has the decision made with the first act that is recorded under the context.
func (s *Store) Deciding(ctx context.Context, d approval.Decision, entry audit.Entry) (under context.Context, made func() bool) {
	w := &deciding{d: d, entry: entry}
	return context.WithValue(ctx, decidingKey{}, w), func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.made
	}
}

// decideWith makes the decision that waits for an act to be recorded, in the act's transaction and once; who asked for the act does not lose it by the act.
func (s *Store) decideWith(tx *gorm.DB, now time.Time, act audit.Entry) error {
	w := decidingOf(tx)
	if w == nil || act.Outcome != audit.Done {
		return nil
	}
	w.mu.Lock()
	due := !w.made && w.in != tx.Statement.ConnPool
	if due {
		w.in = tx.Statement.ConnPool
	}
	w.mu.Unlock()
	if !due {
		return nil
	}
	won, err := s.decide(tx, now, w.d, w.entry)
	if err == nil && !won {
		err = approval.ErrOver
	}
	return err
}

// decided notes that the transaction was committed.
func decided(tx *gorm.DB) {
	if w := decidingOf(tx); w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.made = w.made || w.in != nil && w.in == tx.Statement.ConnPool
	}
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
