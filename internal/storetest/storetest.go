// Package storetest opens fresh stores for tests, one on each database. Only tests import it.
package storetest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/testdb"
)

// Each runs f as a subtest on SQLite and on Postgres, in parallel, each with a migrated store of its own.
func Each(t *testing.T, f func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachWith(t, store.Options{}, f)
}

// EachWith is Each with options; their URL is set here.
func EachWith(t *testing.T, o store.Options, f func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, SQLite(t, o))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, Postgres(t, o))
	})
}

// SQLite opens a migrated store in a file that goes with the test.
func SQLite(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	o.URL = "sqlite:" + filepath.Join(t.TempDir(), "rekey.db")
	s := open(t, o)
	if _, _, err := s.Migrate(context.Background()); err != nil {
		t.Fatalf("migrating: %v", err)
	}
	return s
}

// Postgres opens a store in a database of its own, cloned from a migrated template.
func Postgres(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	o.URL = PostgresURL(t)
	return open(t, o)
}

// PostgresURL is a migrated, empty database that goes with the test.
func PostgresURL(t testing.TB) string {
	t.Helper()
	return server.Postgres(t)
}

var server = testdb.New(func(url string) error {
	s, err := store.Open(context.Background(), store.Options{URL: url})
	if err != nil {
		return err
	}
	defer s.Close()
	_, _, err = s.Migrate(context.Background())
	return err
})

// Main runs the tests of a package and ends the private Postgres server, if one was started: func TestMain(m *testing.M) { storetest.Main(m) }.
func Main(m *testing.M) { os.Exit(testdb.Run(m)) }

func open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatalf("opening %s: %v", o.URL, err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return s
}
