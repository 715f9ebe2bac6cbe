package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// How long what operators were told is kept: as finished single mails, and as failed ones.
const (
	noticeKept       = 30 * 24 * time.Hour
	failedNoticeKept = 400 * 24 * time.Hour
	noticesAtOnce    = 50 // in one mail
	maxNoticeError   = 300
)

// recordFor is record of an act that changes how an operator signs in: they are told of it, or neither stands.
func (s *Store) recordFor(tx *gorm.DB, now time.Time, id int64, entry audit.Entry) error {
	if err := s.record(tx, now, entry); err != nil {
		return err
	}
	from := operator.OriginOf(tx.Statement.Context)
	return tx.Exec(`INSERT INTO operator_notices (operator_id, action, detail, actor_kind, actor, client, agent, created_at, next_attempt_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id, string(entry.Action), entry.EncodeDetail(), entry.Actor.Kind, entry.Actor.Name, from.Address, from.Agent, at(now), at(now)).Error
}

// ClaimNotices leases what one operator is to be told.
func (s *Store) ClaimNotices(ctx context.Context, lease time.Duration) (all []operator.Notice, err error) {
	err = s.dated(ctx, "claiming what an operator is to be told", func(tx *gorm.DB, now time.Time) error {
		// The operator is locked, so that two processes never share out the notices of one.
		who, err := scanAll(tx.Raw(`SELECT o.id FROM operators o WHERE o.id IN (SELECT n.operator_id FROM operator_notices n WHERE n.next_attempt_at <= ?)
			AND NOT EXISTS (SELECT 1 FROM operator_notices s WHERE s.operator_id = o.id AND s.sent_at > ?) ORDER BY o.id LIMIT 1`+s.dialect.skipLocked(),
			at(now), at(now.Add(-operator.NoticePause))), func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
		if err != nil || len(who) == 0 {
			return err
		}
		ids, err := scanAll(tx.Raw(`UPDATE operator_notices SET next_attempt_at = ?, attempts = attempts + 1 WHERE id IN (
			SELECT id FROM operator_notices WHERE operator_id = ? AND next_attempt_at <= ? ORDER BY id LIMIT ?) RETURNING id`,
			at(now.Add(lease)), who[0], at(now), noticesAtOnce), func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) })
		if err != nil || len(ids) == 0 {
			return err
		}
		all, err = scanAll(tx.Raw(`SELECT n.id, n.operator_id, o.name, o.email, n.action, n.detail, n.actor_kind, n.actor, n.client, n.agent, n.created_at, n.attempts
			FROM operator_notices n JOIN operators o ON o.id = n.operator_id WHERE ? ORDER BY n.id`, s.dialect.in("n.id", ids)), scanNotice)
		return err
	})
	return all, err
}

func scanNotice(rows *sql.Rows) (n operator.Notice, err error) {
	var action, detail string
	var created Time
	if err = rows.Scan(&n.ID, &n.Operator, &n.Name, &n.Email, &action, &detail, &n.Actor.Kind, &n.Actor.Name, &n.Origin.Address, &n.Origin.Agent, &created, &n.Attempts); err != nil {
		return n, err
	}
	n.Action, n.At = audit.Action(action), created.Time
	n.Detail, err = audit.DecodeDetail(detail)
	return n, err
}

// NoticesSent settles what the mail server took.
func (s *Store) NoticesSent(ctx context.Context, ids []int64) error {
	return s.dated(ctx, "noting that an operator was told", func(tx *gorm.DB, now time.Time) error {
		return tx.Exec(`UPDATE operator_notices SET sent_at = ?, next_attempt_at = NULL, last_error = NULL WHERE ?`, at(now), s.dialect.in("id", ids)).Error
	})
}

// NoticesFailed puts off what could not be handed over, or gives it up.
func (s *Store) NoticesFailed(ctx context.Context, ids []int64, again time.Duration, why string) error {
	if runes := []rune(strings.ToValidUTF8(why, "")); len(runes) > maxNoticeError {
		why = string(runes[:maxNoticeError])
	}
	return s.dated(ctx, "noting that an operator could not be told", func(tx *gorm.DB, now time.Time) error {
		var next any // NULL: given up
		if again > 0 {
			next = at(now.Add(again))
		}
		return tx.Exec(`UPDATE operator_notices SET next_attempt_at = ?, last_error = ? WHERE sent_at IS NULL AND ?`, next, why, s.dialect.in("id", ids)).Error
	})
}

// ForgetNotices removes what was settled long ago.
func (s *Store) ForgetNotices(ctx context.Context) (n int64, err error) {
	err = s.dated(ctx, "forgetting what operators were told", func(tx *gorm.DB, now time.Time) error {
		gone := tx.Exec(`DELETE FROM operator_notices WHERE sent_at < ? OR next_attempt_at IS NULL AND created_at < ?`, at(now.Add(-noticeKept)), at(now.Add(-failedNoticeKept)))
		n = gone.RowsAffected
		return gone.Error
	})
	return n, err
}
