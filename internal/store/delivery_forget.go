package store

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// How long rows are kept that nothing waits for.
//
//	outbox          pending, leased    until they are finished
//	outbox          sent, skipped      30 days, in which bounces come back and members ask where their mail is
//	outbox          failed, bounced    400 days, as links can be exchanged for: why somebody never got one can be told as long
//	login_failures                     90 days after the last failure. A row that counts has had one since; who waits as long starts over, and may
//	                                   then be wrong 99 times in 90 days. A password that was disabled stays so: that is noted on the account.
const (
	keepSent     = 30 * 24 * time.Hour
	keepFailed   = 400 * 24 * time.Hour
	keepFailures = 90 * 24 * time.Hour
)

// ForgetMails looks through the next rows of the outbox, at most limit, and deletes the old ones. next is where to go on; 0: the rest is
// young, or there is none.
func (s *Store) ForgetMails(ctx context.Context, after int64, limit int) (next int64, err error) {
	const doing = "forgetting finished single mails"
	now, err := s.Now(ctx)
	if err != nil {
		return 0, err
	}
	var n int
	var upto int64
	var oldest Time
	err = s.db(ctx).Raw(`SELECT count(*), coalesce(max(id), 0), min(created_at) FROM (SELECT id, created_at FROM outbox WHERE id > ? ORDER BY id LIMIT ?) p`,
		after, limit).Row().Scan(&n, &upto, &oldest)
	if err != nil || n == 0 || !oldest.Before(now.Add(-keepSent)) {
		return 0, s.fail(doing, err)
	}
	err = s.single(ctx, doing, func(db *gorm.DB) error {
		return db.Exec(`DELETE FROM outbox WHERE id > ? AND id <= ?
			AND (state IN ('sent', 'skipped') AND created_at < ? OR state IN ('failed', 'bounced') AND created_at < ?)`,
			after, upto, at(now.Add(-keepSent)), at(now.Add(-keepFailed))).Error
	})
	if err != nil || n < limit {
		return 0, err
	}
	return upto, nil
}

// ForgetFailures is ForgetMails for the counted failures, in the order of their keys; nil: there are no more. A failure that comes in between
// is seen by the statement that deletes.
func (s *Store) ForgetFailures(ctx context.Context, after []byte, limit int) (next []byte, err error) {
	const doing = "forgetting failed logins of long ago"
	now, err := s.Now(ctx)
	if err != nil {
		return nil, err
	}
	if after == nil {
		after = []byte{}
	}
	var last [][]byte
	err = s.db(ctx).Raw(`SELECT key FROM login_failures WHERE key > ? ORDER BY key LIMIT 1 OFFSET ?`, blob(after), limit-1).Scan(&last).Error
	if err != nil {
		return nil, s.fail(doing, err)
	}
	statement, vars := `DELETE FROM login_failures WHERE updated_at < ? AND key > ?`, []any{at(now.Add(-keepFailures)), blob(after)}
	if len(last) == 1 {
		next = last[0]
		statement, vars = statement+` AND key <= ?`, append(vars, blob(next))
	}
	err = s.single(ctx, doing, func(db *gorm.DB) error { return db.Exec(statement, vars...).Error })
	return next, err
}
