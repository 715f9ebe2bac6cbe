package store_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/store"
)

// On SQLite judging one account reads that account, the campaigns and its own memberships: a verification must not cost more
// the larger the base is. A view that keeps the planner from looking below a UNION ALL would read everything.
func TestJudgingOneAccountReadsNoWholeTable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rekey.db")
	s, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, where := range []string{"a.id = 1", "a.id IN (SELECT value FROM json_each('[1]'))", "a.email_key = 'x'"} {
		for _, step := range plan(t, db, "SELECT c.* FROM accounts a JOIN credential_status c ON c.account_id = a.id WHERE "+where) {
			if whole, ok := strings.CutPrefix(step, "SCAN "); ok && whole != "k" && !strings.HasPrefix(whole, "json_each") && !strings.HasPrefix(whole, "k ") {
				t.Errorf("%s: %s", where, step)
			}
		}
	}
}

func plan(t *testing.T, db *sql.DB, statement string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil || len(steps) == 0 {
		t.Fatalf("%d steps, %v", len(steps), err)
	}
	return steps
}
