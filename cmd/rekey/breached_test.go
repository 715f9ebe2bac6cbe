package main

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// exposed are passwords of a made-up download; the n-th was found in n places.
var exposed = []string{"correct horse battery staple", "solange es noch regnet", "two unrelated rivers", "seven grey elephants"}

// download is the list of the exposed, ordered by hash.
func download(end string) string {
	var lines []string
	for i, pw := range exposed {
		lines = append(lines, fmt.Sprintf("%X:%d%s", sha1.Sum([]byte(pw)), i+1, end))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// inFiles is the same by prefix.
func inFiles(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for line := range strings.Lines(download("\r\n")) {
		put(t, filepath.Join(dir, line[:5]+".txt"), line[5:])
	}
	return dir
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The output is as it was agreed on, checksum and all: the same list makes the same bytes.
func TestBreachedBuild(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	dir := t.TempDir()
	file, out := filepath.Join(dir, "ordered.txt"), filepath.Join(dir, "breached.filter")
	put(t, file, download("\n"))
	const golden = `entries          3
skipped          1
min count        2
bits an entry    16
false positives  1 in 65536
bytes            172
sha256           ` + filterSum + "\n"
	same(t, "printed", golden, r.ok("breached", "build", "--from", file, "--out", out, "--min-count", "2"))
	same(t, "from files by prefix, over the older one", numbers{"out": out, "entries": 4.0, "skipped": 0.0, "min_count": 1.0, "bits": 8.0,
		"false_positive_rate": 1.0 / 256, "missing_prefixes": float64(1<<20 - 4)},
		pick(r.object("breached", "build", "--from", inFiles(t), "--out", out, "--bits", "8"),
			"out", "entries", "skipped", "min_count", "bits", "false_positive_rate", "missing_prefixes"))
	if status, stdout, stderr := r.feed(download("\r\n"), "breached", "build", "--from", "-", "--out", out, "--min-count", "2"); status != exitOK || stdout != golden {
		t.Errorf("from standard input: %d %s %s", status, stdout, stderr)
	}
	r.fails(exitUsage, "breached", "build", "--from", file, "--out", out, "--bits", "12")
	r.fails(exitFailed, "breached", "build", "--from", file+".none", "--out", out)
	r.fails(exitFailed, "breached", "build", "--from", file, "--out", out, "--min-count", "99")
	put(t, file, exposed[0]+"\n")
	if why := r.fails(exitFailed, "breached", "build", "--from", file, "--out", out); strings.Contains(why, exposed[0]) {
		t.Errorf("the line is repeated: %s", why)
	}
}

// filterSum changes when the form of the file does: then its version must, too.
const filterSum = "06129822cdbcf1653f970066f92f515dd524807fd76d592e235be35c2dbffcf8"

// listWorld is an app from settings with a list.
func listWorld(t *testing.T, env map[string]string) (*app, *bytes.Buffer, error) {
	t.Helper()
	var logged bytes.Buffer
	r := atTerminal(t)
	for name, value := range env {
		r.env[name] = value
	}
	c := &cli{}
	s := &session{getenv: r.getenv, stdin: strings.NewReader(""), stdout: io.Discard, stderr: &logged, settings: &c.Settings}
	if _, status := parse(context.Background(), c, s, []string{"version"}); status != exitOK {
		t.Fatalf("exit %d: %s", status, logged.String())
	}
	a, err := newApp(t.Context(), &c.Settings, slog.New(slog.NewJSONHandler(&logged, nil)))
	if err == nil {
		t.Cleanup(func() { _ = a.Close() })
	}
	return a, &logged, err
}

// Which passwords are refused with which lists, and which settings keep the service from starting.
func TestBreachedSettings(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	dir := t.TempDir()
	sorted, all, some := filepath.Join(dir, "ordered.txt"), filepath.Join(dir, "all.filter"), filepath.Join(dir, "some.filter")
	put(t, sorted, download("\r\n"))
	r.ok("breached", "build", "--from", sorted, "--out", all)
	r.ok("breached", "build", "--from", sorted, "--out", some, "--min-count", "3")
	for name, c := range map[string]struct {
		env     map[string]string
		refused int // of the exposed, the last so many
		wrong   string
	}{
		"none":               {nil, 0, ""},
		"filter":             {map[string]string{"FILTER": all}, 4, ""},
		"filter of some":     {map[string]string{"FILTER": some}, 2, ""},
		"confirmed":          {map[string]string{"FILTER": all, "SORTED": sorted}, 4, ""},
		"confirmed by count": {map[string]string{"FILTER": all, "SORTED": sorted, "MIN_COUNT": "4"}, 1, ""},
		"sorted alone":       {map[string]string{"SORTED": sorted, "MIN_COUNT": "2"}, 3, ""},
		"the filter's count": {map[string]string{"FILTER": some, "MIN_COUNT": "3"}, 2, ""},
		"too few in it":      {map[string]string{"FILTER": some, "MIN_COUNT": "2"}, 0, "REKEY_BREACHED_MIN_COUNT"},
		"no counts in it":    {map[string]string{"FILTER": all, "MIN_COUNT": "2"}, 0, "REKEY_BREACHED_MIN_COUNT"},
		"no filter":          {map[string]string{"FILTER": sorted}, 0, "REKEY_BREACHED_FILTER"},
		"no file":            {map[string]string{"SORTED": sorted + ".none"}, 0, "REKEY_BREACHED_SORTED"},
	} {
		env := map[string]string{}
		for setting, value := range c.env {
			env["REKEY_BREACHED_"+setting] = value
		}
		a, _, err := listWorld(t, env)
		if c.wrong != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.wrong) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, pw := range exposed {
			err := a.policy.Check(t.Context(), pw, password.Context{})
			if want := i >= len(exposed)-c.refused; want != (err != nil) || want && problem.DetailsOf(err, "").Code != "breached" {
				t.Errorf("%s: %q: %v", name, pw, err)
			}
		}
		if err := a.policy.Check(t.Context(), "a password of nobody at all", password.Context{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A list that is down is in the log and in the metrics, whichever way the setting goes.
func TestBreachedListDownIsNeverSilent(t *testing.T) {
	t.Parallel()
	for _, down := range []string{config.BreachedBuiltin, config.BreachedRefuse} {
		a, logged, err := listWorld(t, map[string]string{"REKEY_BREACHED_RANGE_URL": "http://127.0.0.1:1/range", "REKEY_BREACHED_DOWN": down})
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if err := a.policy.Check(t.Context(), exposed[0], password.Context{}); problem.Is(err, problem.Unavailable) != (down == config.BreachedRefuse) {
				t.Errorf("%s: %v", down, err)
			}
		}
		if n := strings.Count(logged.String(), "list of breached passwords cannot be read"); n != 3 {
			t.Errorf("%s: %d lines in the log: %s", down, n, logged)
		}
		families, err := a.http.Registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		counted := 0.0
		for _, f := range families {
			if f.GetName() == "rekey_breached_down_total" {
				counted = f.GetMetric()[0].GetCounter().GetValue()
			}
		}
		if counted != 5 {
			t.Errorf("%s: %v counted of 5", down, counted)
		}
	}
}
