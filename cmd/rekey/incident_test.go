package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// numberOf is the number of the n-th update of an incident as JSON shows it.
func numberOf(t *testing.T, incident map[string]any, n int) string {
	t.Helper()
	id, err := json.Marshal(incident["updates"].([]any)[n].(map[string]any)["id"])
	if err != nil {
		t.Fatal(err)
	}
	return string(id)
}

func TestIncidentUpdate(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	text := func(name, words string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(words), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	set := r.object("incident", "set", "breach", "--classes", "names", "--unexposed", "payment data,phone numbers", "--contained", "2026-03-02", "--advice", text("advice", "Tell your bank."))
	same(t, "set", numbers{"unexposed": []any{"payment data", "phone numbers"}, "contained_at": "2026-03-02T00:00:00Z", "advice": "Tell your bank.", "updates": []any{}},
		pick(set, "unexposed", "contained_at", "advice", "updates"))
	r.ok("incident", "update", "breach", "--text", text("a", "Second."), "--at", "2026-03-05")
	added := r.object("incident", "update", "breach", "--text", text("b", "First, wrong."), "--at", "2026-03-04")
	first := numberOf(t, added, 0)
	r.ok("incident", "update", "breach", "--correct", first, "--text", text("c", "First."))
	if shown := r.ok("incident", "show", "breach"); !strings.Contains(shown, "2026-03-04 First. (corrected)") || !strings.Contains(shown, "not exposed") {
		t.Error(shown)
	}
	back := r.object("incident", "update", "breach", "--retract", first)
	same(t, "retracted", true, back["updates"].([]any)[0].(map[string]any)["retracted_at"] != nil)
	for args, status := range map[string]int{
		"--retract " + first: exitFailed, "--retract 999": exitFailed, "": exitUsage, "--retract 1 --correct 1": exitUsage, "--correct -1 --text x": exitUsage,
		"--text x --retract 1": exitUsage, "--text nowhere": exitFailed, "--text " + text("d", "x") + " --at 2999-01-01": exitUsage,
	} {
		if got, _, _ := r.run(append([]string{"incident", "update", "breach"}, strings.Fields(args)...)...); got != status {
			t.Errorf("incident update breach %s: %d, want %d", args, got, status)
		}
	}
	if why := r.fails(exitUsage, "incident", "set", "breach", "--notice", "-", "--advice", "-"); !strings.Contains(why, "standard input") {
		t.Error(why)
	}
	if why := r.fails(exitUsage, "incident", "set", "breach", "--unexposed", "Names"); !strings.Contains(why, "both") {
		t.Error(why)
	}
}

// The notice as served: what the mails are known by is what the settings and the mail templates say, and taking it back works at once.
func TestNoticeIsServed(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.env["REKEY_MAIL_FROM"], r.env["REKEY_SERVICE_NAME"] = "Example Security <security@example.com>", "Example"
	s := r.serve()
	r.ok("incident", "set", "breach", "--title", "Data was copied", "--classes", "names", "--unexposed", "payment data", "--publish")
	status, page := s.get(s.public + "/incidents/breach?lang=de")
	for _, part := range []string{"Example Security", "security@example.com", "@example.com", "Example: Bitte legen Sie ein neues Passwort fest", "Namen", "Zahlungsdaten"} {
		if status != http.StatusOK || !strings.Contains(page, part) {
			t.Errorf("%d, %q is not in\n%s", status, part, page)
		}
	}
	if status, feed := s.get(s.public + "/incidents/breach/feed"); status != http.StatusOK || !strings.Contains(feed, "Data was copied") {
		t.Errorf("feed: %d %s", status, feed)
	}
	r.ok("incident", "set", "breach", "--no-publish")
	for _, path := range []string{"/incidents/breach", "/incidents/breach/feed"} {
		if status, _ := s.get(s.public + path); status != http.StatusNotFound {
			t.Errorf("%s after it was taken back: %d", path, status)
		}
	}
}
