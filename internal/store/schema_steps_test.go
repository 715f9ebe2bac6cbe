package store_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/testdb"
)

// A database of the first version keeps its rows on the way up, takes what the second one brought, and keeps the first one's on the way down.
func TestSecondMigrationKeepsRows(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"sqlite":   "sqlite:" + filepath.Join(t.TempDir(), "rekey.db"),
		"postgres": testdb.New(func(string) error { return nil }).Postgres(t),
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			s, err := store.Open(ctx, store.Options{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(s.MigrateTo(ctx, 1))
			found := day(time.June, 16)
			must(s.Exec(ctx, `INSERT INTO incidents (slug, title, found_at, data_classes, notice, created_at, updated_at, published_at) VALUES ('old', 'Old', ?, '["names"]', 'text', ?, ?, ?)`,
				found, found, found, found))
			if err := s.CheckSchema(ctx); !problem.Is(err, problem.Unavailable) {
				t.Errorf("the first version passes for this program's: %v", err)
			}
			must(s.MigrateTo(ctx, 2))
			want := incident.Incident{ID: 1, Slug: "old", Title: "Old", FoundAt: &found, Classes: []string{"names"}, Unexposed: []string{}, Notice: "text", Updates: []incident.Update{},
				CreatedAt: found, UpdatedAt: found, ChangedAt: found, PublishedAt: &found}
			if diff := cmp.Diff(want, got[incident.Incident](t)(incident.Show(ctx, s, "old"))); diff != "" {
				t.Errorf("after the second migration:\n%s", diff)
			}
			must(s.Exec(ctx, `INSERT INTO incident_updates (incident_id, at, text, created_at, updated_at) VALUES (1, ?, 'more', ?, ?)`, found, found, found))
			must(s.MigrateTo(ctx, 1))
			if titles := got[[]string](t)(s.Texts(ctx, `SELECT title FROM incidents`)); len(titles) != 1 {
				t.Errorf("on the way down: %v", titles)
			}
			_, after, err := s.Migrate(ctx)
			must(err)
			if after.Database != after.Program || after.Program < 2 {
				t.Errorf("schema %+v", after)
			}
		})
	}
}
