package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// Marks are compare-and-swap on the lease: a process finishes only what is still its own, and hears how much that was. They are dated by
// whoever makes them, so that the common case is one statement that commits by itself.

// MarkMembers writes down what came of claimed members, and gives how many were still the owner's. The date of the first mail stays.
func (s *Store) MarkMembers(ctx context.Context, owner string, campaign int64, marks []queue.Mark) (int, error) {
	var changed int64
	update := func(db *gorm.DB) error {
		v, err := s.marks(marks)
		if err != nil {
			return err
		}
		result := db.Exec(`
			UPDATE campaign_members
			   SET state = v.new_state, kind = coalesce(v.kind, campaign_members.kind), attempts = attempts + v.tried,
			       next_attempt_at = coalesce(v.due, next_attempt_at), lease_owner = NULL, lease_until = NULL,
			       message_id = coalesce(v.message, message_id), last_error = coalesce(v.error, last_error),
			       sent_at = coalesce(sent_at, v.sent), reminded_at = CASE WHEN sent_at IS NULL THEN reminded_at ELSE coalesce(v.sent, reminded_at) END
			  FROM ?
			 WHERE campaign_id = ? AND account_id = v.id AND state = 'leased' AND lease_owner = ?`, v, campaign, owner)
		changed = result.RowsAffected
		return result.Error
	}
	if !slices.ContainsFunc(marks, func(m queue.Mark) bool { return m.Suppress != "" }) {
		err := s.single(ctx, "marking members", update)
		return int(changed), err
	}
	err := s.write(ctx, "marking members", func(tx *gorm.DB) error {
		if err := update(tx); err != nil {
			return err
		}
		return s.suppress(tx, marks)
	})
	return int(changed), err
}

// MarkSingles is MarkMembers for the outbox. A typed address is kept no longer than its row is open, and a mail sent to one
// answers all that wait for the same, as a fresh link answers all that wait for one for the same account.
func (s *Store) MarkSingles(ctx context.Context, owner string, marks []queue.Mark) (int, error) {
	var changed int64
	err := s.write(ctx, "marking single mails", func(tx *gorm.DB) error {
		if err := s.answerAlike(tx, owner, marks); err != nil {
			return err
		}
		v, err := s.marks(marks)
		if err != nil {
			return err
		}
		result := tx.Exec(`
			UPDATE outbox
			   SET state = v.new_state, attempts = attempts + v.tried, next_attempt_at = coalesce(v.due, next_attempt_at),
			       lease_owner = NULL, lease_until = NULL, message_id = coalesce(v.message, message_id),
			       last_error = coalesce(v.error, last_error), sent_at = v.sent,
			       email_key = CASE WHEN email_key IS NOT NULL AND v.new_state <> 'pending' THEN 'done:' || outbox.id ELSE email_key END
			  FROM ?
			 WHERE outbox.id = v.id AND state = 'leased' AND lease_owner = ?`, v, owner)
		if result.Error != nil {
			return result.Error
		}
		changed = result.RowsAffected
		return s.suppress(tx, marks)
	})
	return int(changed), err
}

// answerAlike finishes the pending rows that ask for what was just sent and are due. Those that a cap has put off stay: while a stranger asks
// without end for somebody's address, they bring the owner a link that works every hour.
func (s *Store) answerAlike(tx *gorm.DB, owner string, marks []queue.Mark) error {
	var sent []int64
	var now time.Time
	for _, m := range marks {
		if m.State == queue.Sent {
			sent, now = append(sent, m.ID), m.At
		}
	}
	if len(sent) == 0 {
		return nil
	}
	err := tx.Exec(`
		UPDATE outbox SET state = 'skipped', last_error = 'answered by another mail', email_key = 'done:' || id
		 WHERE state = 'pending' AND next_attempt_at <= ? AND email_key IN (
			SELECT o.email_key FROM outbox o WHERE ? AND o.state = 'leased' AND o.lease_owner = ? AND o.email_key IS NOT NULL)`,
		at(now), s.dialect.in("o.id", sent), owner).Error
	if err != nil {
		return err
	}
	return tx.Exec(`
		UPDATE outbox SET state = 'skipped', last_error = 'answered by another mail'
		 WHERE state = 'pending' AND next_attempt_at <= ? AND kind = 'reissue' AND account_id IN (
			SELECT o.account_id FROM outbox o WHERE ? AND o.state = 'leased' AND o.lease_owner = ? AND o.kind = 'reissue')`,
		at(now), s.dialect.in("o.id", sent), owner).Error
}

// marks binds them as rows v.
func (s *Store) marks(marks []queue.Mark) (clause.Expr, error) {
	n := len(marks)
	ids, tried := make([]int64, n), make([]int64, n)
	states := make([]string, n)
	kinds, messages, reasons := make([]*string, n), make([]*string, n), make([]*string, n)
	due, sent := make([]Time, n), make([]Time, n)
	for i, m := range marks {
		ids[i], states[i] = m.ID, string(m.State)
		messages[i], reasons[i] = null(m.MessageID), null(m.Error)
		if m.Tried {
			tried[i] = 1
		}
		switch m.State {
		case queue.Sent:
			kinds[i] = null(string(m.Kind))
			if m.Tried {
				sent[i] = at(m.At)
			}
		case queue.Pending:
			if m.Tried {
				due[i] = at(m.At.Add(m.After))
			}
		}
	}
	return s.dialect.rows("v", "id bigint, new_state text, kind text, tried int, due timestamptz, message text, error text, sent timestamptz",
		ids, states, kinds, tried, due, messages, reasons, sent)
}

func (s *Store) suppress(tx *gorm.DB, marks []queue.Mark) error {
	for _, m := range marks {
		if m.Suppress == "" {
			continue
		}
		err := tx.Exec(`INSERT INTO suppressions (email_key, reason, created_at) VALUES (?, ?, ?) ON CONFLICT (email_key) DO NOTHING`, m.Suppress, m.Error, at(m.At)).Error
		if err != nil {
			return err
		}
	}
	return nil
}
