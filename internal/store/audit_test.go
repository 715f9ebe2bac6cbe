package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

func verify(t testing.TB, s *store.Store, noted ...audit.Head) error {
	t.Helper()
	log, err := s.AuditLog(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return audit.Verify(log, noted...)
}

// Entries of many transactions at once are each sealed once, by whichever of two sealers comes first, and the log verifies.
func TestSealing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := context.Background()
		var wait sync.WaitGroup
		for i := range 50 {
			wait.Go(func() {
				for j := range 10 {
					entry := audit.New(tester, audit.IncidentSet, fmt.Sprintf("incident:%d-%d", i, j), audit.Detail{"n": j, "text": "ü <&> \u2028"})
					if err := s.Record(ctx, entry); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range 2 {
			wait.Go(func() {
				for range 20 {
					if _, err := s.SealPending(ctx, 7, audit.Seal); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		for {
			n, err := s.SealPending(ctx, 100, audit.Seal)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
		if n := count(t, s, `SELECT count(*) FROM audit_entries WHERE idx IS NOT NULL`); n != 500 {
			t.Fatalf("%d entries sealed", n)
		}
		if err := verify(t, s); err != nil {
			t.Fatal(err)
		}
	})
}

// Whatever is changed under the log shows, and so does a log rewritten whole, against a head noted before.
func TestTamperingShows(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string][]string{
		"edited":     {`UPDATE audit_entries SET actor = 'somebody else' WHERE idx = 3`},
		"re-dated":   {`UPDATE audit_entries SET detail = '{"n":99}' WHERE idx = 3`},
		"removed":    {`DELETE FROM audit_entries WHERE idx = 3`},
		"reordered":  {`UPDATE audit_entries SET idx = 100 WHERE idx = 3`, `UPDATE audit_entries SET idx = 3 WHERE idx = 4`, `UPDATE audit_entries SET idx = 4 WHERE idx = 100`},
		"truncated":  {`DELETE FROM audit_entries WHERE idx = 9`},
		"hash edit":  {`UPDATE audit_hashes SET hash = (SELECT hash FROM audit_hashes WHERE idx = 0) WHERE idx = 5`},
		"head moved": {`UPDATE audit_head SET size = 9`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				ctx := context.Background()
				for i := range 10 {
					if err := s.Record(ctx, audit.New(tester, audit.IncidentSet, fmt.Sprint("incident:", i), audit.Detail{"n": i})); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := s.SealPending(ctx, 100, audit.Seal); err != nil {
					t.Fatal(err)
				}
				if err := verify(t, s); err != nil {
					t.Fatalf("before: %v", err)
				}
				for _, statement := range statements {
					if err := s.Exec(ctx, statement); err != nil {
						t.Fatal(err)
					}
				}
				var tampered *audit.Tampered
				if err := verify(t, s); !errors.As(err, &tampered) {
					t.Errorf("it does not show: %v", err)
				}
			})
		})
	}
}
