package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The help of every command is as it was agreed on, and every command has one.
func TestHelp(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	parser, err := kong.New(&cli{}, kong.BindTo(context.Background(), (*context.Context)(nil)))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	all.WriteString(r.ok("--help"))
	for _, leaf := range parser.Model.Leaves(true) {
		path := strings.Fields(leaf.Path())
		if path[0] == "rekey" {
			path = path[1:]
		}
		if leaf.Help == "" || !strings.Contains(leaf.Detail, "Example") {
			t.Errorf("%s has no help, or no example", leaf.Path())
		}
		all.WriteString("\n== rekey " + strings.Join(path, " ") + "\n\n" + r.ok(append(path, "--help")...))
	}
	golden := filepath.Join("testdata", "help.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), all.String()); diff != "" {
		t.Errorf("go test ./cmd/rekey -run TestHelp -update writes it anew\n%s", diff)
	}
}
