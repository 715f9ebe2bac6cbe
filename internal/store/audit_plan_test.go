package store

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
)

// A search walks an index in its order: it sorts nothing and scans no table, so that its cost is that of a page.
func TestAuditSearchWalksAnIndex(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := Open(ctx, Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "rekey.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	for index, q := range map[string]audit.Query{
		"audit_entries_at":      {Since: time.Now(), Until: time.Now()},
		"audit_entries_action":  {Action: "audit.verify"},
		"audit_entries_object":  {Object: "account:1"},
		"audit_entries_actor":   {Actor: "ann"},
		"audit_entries_kind":    {Actor: "operator"},
		"audit_entries_refused": {Outcome: audit.Refused},
	} {
		after := condition{"(at, id) < (?, ?)", []any{at(time.Now()), 7}}
		statement, vars := selecting(append(s.picks(q), after), newestFirst, 50)
		steps, err := scanAll(s.db(ctx).Raw("EXPLAIN QUERY PLAN "+statement, vars...), func(rows *sql.Rows) (step string, err error) {
			var id, parent, unused int
			return step, rows.Scan(&id, &parent, &unused, &step)
		})
		if err != nil {
			t.Fatal(err)
		}
		if plan := strings.Join(steps, "; "); !strings.Contains(plan, "USING INDEX "+index+" ") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", index, plan)
		}
	}
}
