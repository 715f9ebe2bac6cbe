package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// An import that ends half-way leaves whole chunks, and the same file can be imported again.
func TestImportInterrupted(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	file.WriteString(head)
	for i := range 10 {
		fmt.Fprintf(&file, "a-%d,a%d@example.com,%s,2010-01-01,en,\n", i, i, hashA)
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := account.Import(ctx, inChunks{s, 2}, strings.NewReader(file.String()), account.ImportOptions{
			Actor: tester, Progress: func(p account.Progress) {
				if p.Merged >= 4 {
					cancel()
				}
			},
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("the interrupted import ended with %v", err)
		}
		n, err := s.Count(t.Context(), `SELECT count(*) FROM accounts`)
		must(t, err)
		if n != 4 {
			t.Errorf("%d accounts after two chunks of two", n)
		}
		report, _ := importText(t, s, file.String(), false)
		expect(t, report, 10, 6, 0, 4, 0, 0, 0, 0)
	})
}

// A file that ends in a failure, or a caller that goes away while it is read, changes nothing and leaves the database fit for the next.
func TestImportOfBrokenFile(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk gone")
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		for name, end := range map[string]func() error{
			"failure":     func() error { return broken },
			"caller gone": func() error { cancel(); return io.EOF },
		} {
			rows := strings.NewReader(head + "a,a@example.com," + hashA + ",2010-01-01,en,\nb,,,,,\nc,,,,,\n")
			_, err := account.Import(ctx, inChunks{s, 2}, io.MultiReader(rows, ending(end)), account.ImportOptions{Actor: tester})
			if !errors.Is(err, broken) && ctx.Err() == nil || ctx.Err() != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
			n, err := s.Count(t.Context(), `SELECT count(*) FROM accounts`)
			must(t, err)
			if n != 0 {
				t.Errorf("%s: %d accounts", name, n)
			}
			if name == "caller gone" {
				ctx = t.Context()
			}
		}
		report, _ := importText(t, s, head+"a,a@example.com,"+hashA+",2010-01-01,en,\n", false)
		expect(t, report, 1, 1, 0, 0, 0, 0, 0, 0)
	})
}

// ending is a reader that ends as told.
type ending func() error

func (e ending) Read([]byte) (int, error) { return 0, e() }

// An account that arrives between judging and adding is not overwritten and not counted as added.
func TestImportBesideOtherWriters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := account.NewDirectory(s)
		file := head + "a,a@example.com," + hashA + ",2010-01-01,en,\nb,b@example.com," + hashA + ",2010-01-01,en,\nc,c@example.com," + hashA + ",2010-01-01,en,\n"
		var report account.Report
		done := false
		report, err := account.Import(t.Context(), inChunks{s, 1}, strings.NewReader(file), account.ImportOptions{
			Actor: tester, Progress: func(p account.Progress) {
				if p.Merged != 1 || done {
					return
				}
				done = true
				hash := hashB
				set := day(1, 1)
				if _, err := d.Put(t.Context(), account.PutRequest{Subject: "b", PasswordHash: &hash, PasswordSetAt: &set}, tester); err != nil {
					t.Error(err)
				}
			},
		})
		must(t, err)
		expect(t, report, 3, 2, 1, 0, 0, 1, 0, 0)
		if got, want := stored(t, s, "b"), "b@example.com|b@example.com|en|"+hashB+"|2011|api|2"; got != want {
			t.Errorf("stored %s, want %s", got, want)
		}
	})
}

// A member's reset that commits while an import judges the same account wins: the row is judged anew.
func TestImportBesideReset(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t, store.Options{}) // on SQLite the two cannot overlap
	importText(t, s, head+"a,a@example.com,"+hashA+",2010-01-01,en,\n", false)
	id, err := s.Count(t.Context(), `SELECT id FROM accounts`)
	must(t, err)
	held, free := make(chan struct{}), make(chan struct{})
	s.SetHooks(false, nil, func(doing string) error {
		if doing == "setting a password" {
			close(held)
			<-free
		}
		return nil
	}, nil)
	reset := make(chan error, 1)
	go func() { reset <- s.SetPassword(context.Background(), resetOf(id, 1, 0, "new hash")) }()
	<-held
	imported := make(chan account.Report, 1)
	go func() {
		r, err := account.Import(context.Background(), s, strings.NewReader(head+"a,a@example.com,"+hashB+",2012-01-01,en,\n"), account.ImportOptions{Actor: tester})
		if err != nil {
			t.Error(err)
		}
		imported <- r
	}()
	for waiting := int64(0); waiting == 0; {
		waiting, err = s.Count(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%UPDATE accounts%'`)
		must(t, err)
	}
	close(free)
	must(t, <-reset)
	expect(t, <-imported, 1, 0, 0, 1, 0, 1, 0, 0)
	if got := stored(t, s, "a"); !strings.Contains(got, "|new hash|") || !strings.HasSuffix(got, "|rekey|2") {
		t.Errorf("stored %s", got)
	}
}

// Two imports at once would wait for each other's rows; the second is told so.
func TestImportOneAtATime(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t, store.Options{})
	file := head + "a,a@example.com," + hashA + ",2010-01-01,en,\n"
	tried := false
	_, err := account.Import(t.Context(), s, strings.NewReader(file), account.ImportOptions{
		Actor: tester, Progress: func(account.Progress) {
			tried = true
			_, err := account.Import(t.Context(), s, strings.NewReader(file), account.ImportOptions{Actor: tester})
			if !problem.Is(err, problem.Conflict) {
				t.Errorf("a second import beside the first: %v", err)
			}
		},
	})
	must(t, err)
	if !tried {
		t.Error("no second import was tried")
	}
	report, _ := importText(t, s, file, false)
	expect(t, report, 1, 0, 0, 1, 0, 0, 0, 0)
}
