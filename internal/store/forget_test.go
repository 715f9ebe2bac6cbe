package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// TestOldMailsAreForgotten pins which rows of the outbox go, and that a page is as far as one step looks.
func TestOldMailsAreForgotten(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		put := func(id int, state string, days int) {
			t.Helper()
			made := time.Now().Add(-time.Duration(days) * aDay)
			err := s.Exec(ctx, `INSERT INTO outbox (id, kind, account_id, state, next_attempt_at, created_at) VALUES (?, 'changed', 1, ?, ?, ?)`, id, state, made, made)
			if err != nil {
				t.Fatal(err)
			}
		}
		put(1, "failed", 401)
		put(2, "pending", 500)
		put(3, "leased", 500)
		put(4, "failed", 399)
		put(5, "sent", 31)
		put(6, "skipped", 31)
		put(7, "bounced", 31)
		put(8, "sent", 29)
		put(9, "skipped", 29)
		step := func(after, want int64, left string) {
			t.Helper()
			next, err := s.ForgetMails(ctx, after, 4)
			if err != nil || next != want {
				t.Errorf("behind %d it goes on at %d (%v), want %d", after, next, err, want)
			}
			ids, err := s.Texts(ctx, `SELECT CAST(id AS text) FROM outbox ORDER BY id`)
			if err != nil || fmt.Sprint(ids) != left {
				t.Errorf("behind %d these are left: %v (%v), want %s", after, ids, err, left)
			}
		}
		step(0, 4, "[2 3 4 5 6 7 8 9]")
		step(4, 8, "[2 3 4 7 8 9]")
		step(8, 0, "[2 3 4 7 8 9]")
	})
}

// TestOldFailuresAreForgotten pins that a count of failures stays as long as it matters, however high it is, and that it starts over after that.
func TestOldFailuresAreForgotten(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		for i, days := range []int{91, 89, 91, 0, 200, 91, 89} {
			err := s.Exec(ctx, `INSERT INTO login_failures (key, consecutive, last_password, updated_at) VALUES (?, 99, ?, ?)`,
				store.Blob{byte(i)}, store.Blob{1}, time.Now().Add(-time.Duration(days)*aDay))
			if err != nil {
				t.Fatal(err)
			}
		}
		var steps []int64
		for after := []byte(nil); ; {
			next, err := s.ForgetFailures(ctx, after, 3)
			if err != nil {
				t.Fatal(err)
			}
			n, err := s.Count(ctx, `SELECT count(*) FROM login_failures`)
			if err != nil {
				t.Fatal(err)
			}
			steps = append(steps, n)
			if after = next; next == nil {
				break
			}
		}
		if fmt.Sprint(steps) != "[5 3 3]" {
			t.Errorf("%v are left after each step, want 5, 3 and 3", steps)
		}
		is(t, s, 3, `SELECT count(*) FROM login_failures WHERE consecutive = 99 AND updated_at > ?`, time.Now().Add(-90*aDay))
		if err := s.CountFailure(ctx, account.Failure{Key: []byte{0}, Password: []byte{2}, Max: 100}); err != nil {
			t.Fatal(err)
		}
		is(t, s, 1, `SELECT consecutive FROM login_failures WHERE key = ?`, store.Blob{0})
	})
}
