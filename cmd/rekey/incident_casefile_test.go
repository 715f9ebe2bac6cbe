package main

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// Deadlines, facts and reports, done beside the database and through a server, and printed the same.
func TestCasefile(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.active()
	r.ok("incident", "set", "breach", "--title", "Data was copied", "--found", "2026-03-01")
	far := r.at(r.serve("--no-delivery").admin, r.tokenOf("ann", false, operator.Responder))

	near := r.object("incident", "clock", "set", "breach", "--name", "GDPR", "--due", "2026-03-04T09:00:00Z")
	same(t, "new", numbers{"id": 1.0, "name": "GDPR", "due_at": "2026-03-04T09:00:00Z", "note": "", "done_at": nil}, near)
	met := far.object("incident", "clock", "set", "breach", "1", "--done", "--note", "filed as 7")
	same(t, "met", numbers{"id": 1.0, "name": "GDPR", "due_at": "2026-03-04T09:00:00Z", "note": "filed as 7"}, pick(met, "id", "name", "due_at", "note"))
	if met["done_at"] == nil {
		t.Error("not met")
	}
	same(t, "runs again", nil, r.object("incident", "clock", "set", "breach", "1", "--no-done")["done_at"])
	far.object("incident", "clock", "set", "breach", "--name", "ICO", "--due", "2026-03-05")

	r.ok("incident", "fact", "set", "breach", "nature", "A backup was copied.")
	if _, text, why := far.feed("The way in is closed.", "incident", "fact", "set", "breach", "measures_taken", "-"); !strings.Contains(text, "The way in is closed.") {
		t.Error(text, why)
	}
	far.ok("incident", "report", "make", "breach")
	made := r.object("incident", "report", "make", "breach")
	same(t, "made", 2.0, made["version"])
	for _, c := range [][]string{{"incident", "clock", "list", "breach"}, {"incident", "fact", "list", "breach"}, {"incident", "report", "list", "breach"}} {
		what := strings.Join(c, " ")
		same(t, what, r.ok(c...), far.ok(c...))
		same(t, what+" in JSON", roughly(r.object(c...)), roughly(far.object(c...)))
	}
	page := far.ok("incident", "report", "show", "breach", "2")
	same(t, "digest", made["sha256"].(string), fmt.Sprintf("%x", sha256.Sum256([]byte(page))))
	if !strings.Contains(page, "A backup was copied.") || !strings.Contains(page, "The way in is closed.") {
		t.Error("the report lacks what was written")
	}
	file := filepath.Join(t.TempDir(), "report.html")
	r.ok("incident", "report", "show", "breach", "2", "--output", file)
	if kept, err := os.ReadFile(file); err != nil || string(kept) != page {
		t.Errorf("another page beside the database: %v", err)
	}
	casefileRefusals(t, r, far)
}

func casefileRefusals(t *testing.T, r, far *terminal) {
	t.Helper()
	for _, who := range []*terminal{r, far} {
		for args, status := range map[string]int{
			"clock list july": exitFailed, "fact list july": exitFailed, "report list july": exitFailed, "report make july": exitFailed, "report show breach 9": exitFailed,
			"clock set breach 9 --done": exitFailed, "clock set breach --name GDPR --due 2026-03-04": exitFailed, // there is one of the name
			"clock set breach --name GDPR": exitUsage, "clock set breach --name x --due 2026-03-04 --done": exitUsage, "clock set breach --name x --due soon": exitUsage,
		} {
			who.fails(status, append([]string{"incident"}, strings.Fields(args)...)...)
		}
		if status, _, why := who.run("incident", "fact", "set", "breach", "weather", "x"); status == exitOK || why == "" {
			t.Error("there is no such field")
		}
	}
}

// A proxy that writes into the page, as some do, is noticed.
func TestReportIsAnotherOne(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(api.HeaderSHA256, strings.Repeat("0", 64))
		_, _ = w.Write([]byte("<html>hello"))
	}))
	defer elsewhere.Close()
	r := atTerminal(t).at(elsewhere.URL, "rko_x")
	if why := r.fails(exitFailed, "incident", "report", "show", "breach", "1"); !strings.Contains(why, "not what was made") {
		t.Error(why)
	}
}
