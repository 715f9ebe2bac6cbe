package ratelimit_test

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
)

var update = flag.Bool("update", false, "write docs/limits.md")

const limitsHead = `# Rate limits

Every limit is a bucket (GCRA): so many at once, then one per so long. This page is generated from the table in internal/ratelimit
(` + "`go test ./internal/ratelimit -update`" + `). Database limits hold for all processes together, with a memory in front that repeats
a refusal without asking again; if the database does not answer, each process counts for itself at the same limit.

`

// The documented table is the one in force.
func TestDocs(t *testing.T) {
	const path = "../../docs/limits.md"
	want := limitsHead + ratelimit.Markdown()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/limits.md is not the table in force; run go test ./internal/ratelimit -update:\n%s", diff)
	}
}
