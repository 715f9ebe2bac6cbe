package main

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/testdb"
)

// alter runs a statement on the embedded database, beside rekey.
func (r *terminal) alter(statement string) {
	r.t.Helper()
	db, err := sql.Open("sqlite", r.dataFile("rekey.db"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		r.t.Fatal(err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.ok("migrate", "up")
	same(t, "again", r.object("migrate", "up")["before"], r.object("migrate", "up")["after"])
	r.alter(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	for _, args := range []string{"serve", "migrate up", "accounts show one", "campaign list"} {
		if why := r.fails(exitFailed, strings.Fields(args)...); !strings.Contains(why, "newer rekey") {
			t.Errorf("%s: %s", args, why)
		}
	}
}

// On Postgres nothing is migrated in silence: other processes may be running.
func TestEmptyPostgresIsRefused(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.env["REKEY_DATABASE_URL"] = testdb.New(func(string) error { return nil }).Postgres(t)
	r.env["REKEY_MASTER_KEY"] = testKey
	for _, args := range []string{"serve", "campaign list"} {
		if why := r.fails(exitFailed, strings.Fields(args)...); !strings.Contains(why, "rekey migrate up") {
			t.Errorf("%s: %s", args, why)
		}
	}
	r.ok("migrate")
	r.ok("campaign", "list")
	same(t, "the migration is recorded", 1, len(r.object("audit", "list")["entries"].([]any)))
}

// An entry changed behind Rekey's back shows.
func TestTamperedLogShows(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.ok("lockdown", "on", "--reason", "drill")
	r.ok("audit", "verify")
	r.alter(`DROP TRIGGER IF EXISTS audit_entries_stay`)
	r.alter(`UPDATE audit_entries SET actor = 'somebody' WHERE action = 'lockdown.on'`)
	if why := r.fails(exitFailed, "audit", "verify"); !strings.Contains(why, "not what was sealed") {
		t.Error(why)
	}
}
