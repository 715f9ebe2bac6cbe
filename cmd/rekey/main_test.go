package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/storetest"
)

// runAsRekey is the variable that makes the test binary be rekey: tests that need a process of its own start it so.
const runAsRekey = "REKEY_TEST_RUN_AS_REKEY"

func TestMain(m *testing.M) {
	if os.Getenv(runAsRekey) != "" || isHashProcess(os.Args[1:]) {
		main()
	}
	if err := os.Unsetenv("COLUMNS"); err != nil { // help is as wide as a terminal says
		panic(err)
	}
	storetest.Main(m)
}

const trickyFile = "../../internal/account/testdata/accounts-tricky.csv"

// terminal runs commands on an installation of its own, as somebody at a terminal does.
type terminal struct {
	t   testing.TB
	env map[string]string
}

// atTerminal has an embedded database that nobody used yet.
func atTerminal(t testing.TB) *terminal {
	t.Helper()
	return &terminal{t: t, env: map[string]string{"REKEY_DATA_DIR": filepath.Join(t.TempDir(), "data")}}
}

func (r *terminal) getenv(name string) string { return r.env[name] }

// run gives exit status, standard output and standard error.
func (r *terminal) run(args ...string) (status int, stdout, stderr string) {
	r.t.Helper()
	return r.feed("", args...)
}

// feed is run with standard input.
func (r *terminal) feed(stdin string, args ...string) (status int, stdout, stderr string) {
	r.t.Helper()
	var out, errs bytes.Buffer
	status = run(context.Background(), args, r.getenv, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

// ok runs a command that must succeed and gives what it printed.
func (r *terminal) ok(args ...string) string {
	r.t.Helper()
	status, stdout, stderr := r.run(args...)
	if status != exitOK {
		r.t.Fatalf("rekey %s: exit %d: %s", strings.Join(args, " "), status, stderr)
	}
	return stdout
}

// object runs a command that must succeed with --json and gives its result, which is all of standard output.
func (r *terminal) object(args ...string) map[string]any {
	r.t.Helper()
	stdout := r.ok(append(args, "--json")...)
	var object map[string]any
	if err := json.Unmarshal([]byte(stdout), &object); err != nil {
		r.t.Fatalf("rekey %s: %v: %s", strings.Join(args, " "), err, stdout)
	}
	return object
}

// fails runs a command that must end with the status, print nothing on standard output, and one line on standard error.
func (r *terminal) fails(status int, args ...string) string {
	r.t.Helper()
	got, stdout, stderr := r.run(args...)
	if got != status || stdout != "" || strings.Count(stderr, "\n") != 1 {
		r.t.Errorf("rekey %s: exit %d, want %d; stdout %q; stderr %q", strings.Join(args, " "), got, status, stdout, stderr)
	}
	return stderr
}

// imported takes the tricky file in: 26 accounts, 25 of them with a password.
func (r *terminal) imported() map[string]any {
	r.t.Helper()
	return r.object("accounts", "import", trickyFile, "--rejects", filepath.Join(r.t.TempDir(), "rejects.csv"))
}

// active has a campaign for everyone in force.
func (r *terminal) active() {
	r.t.Helper()
	r.imported()
	r.ok("campaign", "create", "--incident", "breach", "--scope", "everyone")
	r.ok("campaign", "prepare", "1")
	r.ok("campaign", "activate", "1", "--expect", "25", "--tolerance", "0", "--yes")
}

// pick keeps some fields of an object, so that a test names only what it is about.
func pick(object map[string]any, fields ...string) map[string]any {
	some := map[string]any{}
	for _, f := range fields {
		some[f] = object[f]
	}
	return some
}
