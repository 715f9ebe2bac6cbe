package store_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
	"github.com/seed-1c168855/rekey/internal/testdb"
)

// A program and a database that do not fit each other say so, and how to mend it.
func TestSchemaMustFit(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "new", "rekey.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.CheckSchema(ctx); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "rekey migrate up") {
		t.Errorf("an empty database: %v", err)
	}
	if _, after, err := s.Migrate(ctx); err != nil || after.Database != after.Program {
		t.Fatalf("%+v %v", after, err)
	}
	if err := s.CheckSchema(ctx); err != nil {
		t.Errorf("a migrated database: %v", err)
	}
	if err := s.Exec(ctx, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckSchema(ctx); !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "newer") {
		t.Errorf("a newer database: %v", err)
	}
	if _, _, err := s.Migrate(ctx); !problem.Is(err, problem.Unavailable) {
		t.Errorf("migrating a newer database: %v", err)
	}
}

// Several processes that migrate one database at once apply each migration once.
func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	url := testdb.New(func(string) error { return nil }).Postgres(t)
	var wait sync.WaitGroup
	for range 5 {
		wait.Go(func() {
			s, err := store.Open(context.Background(), store.Options{URL: url})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if _, _, err := s.Migrate(context.Background()); err != nil {
				t.Error(err)
			}
			if err := s.CheckSchema(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

// Both databases have the same tables, views and columns, and on Postgres each has its comment.
func TestSchemasAgree(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	lite, pg := storetest.SQLite(t, store.Options{}), storetest.Postgres(t, store.Options{})
	inLite, err := lite.Texts(ctx, `SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
		WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE 'goose%' ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	inPG, err := pg.Texts(ctx, `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%' ORDER BY (table_name || '.' || column_name) COLLATE "C"`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inLite, inPG); diff != "" {
		t.Errorf("SQLite (-) and Postgres (+) differ:\n%s", diff)
	}
	bare, err := pg.Texts(ctx, `SELECT c.relname || coalesce('.' || a.attname, '') FROM pg_class c
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'goose%'
			AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL) ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	if len(bare) > 0 {
		t.Errorf("without a comment: %v", bare)
	}
}

// While Postgres is down callers are told to come back; once it is up again the same store goes on.
func TestDatabaseDown(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	server := testdb.StartServer(t)
	s, err := store.Open(ctx, store.Options{URL: server.DSN()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, _, err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	id := addAccount(t, s, "a", time.Now().Add(-time.Hour))
	server.Stop(t)
	if err := s.SetPassword(ctx, resetOf(id, 1, 0, "new")); !problem.Is(err, problem.Unavailable) {
		t.Errorf("while it is down: %v", err)
	}
	server.Start(t)
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := s.SetPassword(ctx, resetOf(id, 1, 0, "new"))
		if err == nil {
			return
		}
		// A connection of before may still be in the pool; whoever gets it is told to come back.
		if !problem.Is(err, problem.Unavailable) || time.Now().After(deadline) {
			t.Fatalf("after it came back: %v", err)
		}
	}
}
