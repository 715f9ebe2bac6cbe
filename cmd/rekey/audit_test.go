package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/delivery"
)

// file puts text into a new file.
func (r *terminal) file(text string) string {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// A year later there is the export, a checkpoint and the key; database and master key are gone.
func TestVerifiedAYearLater(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.active()
	key := strings.TrimSpace(r.ok("audit", "key"))
	early := r.file(r.ok("audit", "checkpoint"))
	r.ok("lockdown", "on", "--reason", "drill")
	dir := t.TempDir()
	export, checkpoint := filepath.Join(dir, "audit.ndjson"), filepath.Join(dir, "audit.checkpoint")
	r.ok("audit", "export", "--output", export, "--checkpoint", checkpoint)
	proof := r.file(r.ok("audit", "prove", "6"))
	consistency := r.file(r.ok("audit", "prove", "--consistency", "3"))

	later := atTerminal(t)
	later.env["REKEY_DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/none"
	verify := func(args ...string) []string { return append([]string{"audit", "verify", "--key", key}, args...) }
	same(t, "export", numbers{"ok": true, "entries": 11.0, "checkpoints": 2.0, "unsealed": 0.0, "newer": 0.0},
		pick(later.object(verify("--export", export, "--checkpoint", checkpoint, "--checkpoint", early)...), "ok", "entries", "checkpoints", "unsealed", "newer"))
	same(t, "inclusion", true, later.object(verify("--proof-file", proof)...)["ok"])
	same(t, "consistency", true, later.object(verify("--proof-file", consistency)...)["ok"])

	text, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	other := strings.TrimSpace(atTerminal(t).ok("audit", "key"))
	edited := later.file(strings.Replace(string(text), `"reason":"drill"`, `"reason":"panic"`, 1))
	for what, args := range map[string][]string{
		"edited":                 verify("--export", edited, "--checkpoint", checkpoint),
		"entry 4 is m":           verify("--export", later.file(strings.Join(append(lines[:4:4], lines[5:]...), "")), "--checkpoint", checkpoint),
		"cut short":              verify("--export", later.file(strings.Join(lines[:5], "")), "--checkpoint", checkpoint),
		"one more":               verify("--export", export, "--checkpoint", early),
		"none of the given keys": {"audit", "verify", "--key", other, "--export", export, "--checkpoint", checkpoint},
		"does not fit":           verify("--export", export, "--checkpoint", later.file(strings.Replace(r.ok("audit", "checkpoint"), "\n11\n", "\n12\n", 1))),
		"signed over":            verify("--proof-file", later.file(strings.Replace(r.ok("audit", "prove", "6"), "campaign.activate", "campaign.discard", 1))),
	} {
		if why := later.fails(exitFailed, args...); !strings.Contains(why, what) {
			t.Errorf("%s: %s", what, why)
		}
	}
	same(t, "newer allowed", 2.0, later.object(verify("--export", export, "--checkpoint", early, "--allow-newer")...)["newer"])
	if _, err := os.Stat(later.dataFile("master.key")); err == nil {
		t.Error("verifying offline made a master key")
	}
}

// A database rolled back to what it was before shows against the checkpoint that was kept, and gets no new one.
func TestRolledBackDatabaseShows(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.active()
	key := strings.TrimSpace(r.ok("audit", "key"))
	r.ok("audit", "checkpoint")
	backup := r.file("")
	copyFile(t, r.dataFile("rekey.db"), backup)
	r.ok("lockdown", "on", "--reason", "drill")
	kept := r.file(r.ok("audit", "checkpoint"))
	same(t, "before", true, r.object("audit", "verify", "--checkpoint", kept, "--key", key)["ok"])
	for _, rest := range []string{"rekey.db-wal", "rekey.db-shm"} {
		_ = os.Remove(r.dataFile(rest))
	}
	copyFile(t, backup, r.dataFile("rekey.db"))
	same(t, "the database alone", true, r.object("audit", "verify")["ok"])
	if why := r.fails(exitFailed, "audit", "verify", "--checkpoint", kept, "--key", key); !strings.Contains(why, "not what was sealed") {
		t.Error(why)
	}
	r.alter(`UPDATE audit_entries SET actor = 'x' WHERE idx = 2`)
	r.alter(`UPDATE audit_head SET size = 3`)
	if why := r.fails(exitFailed, "audit", "checkpoint"); !strings.Contains(why, "rolled back or cut short") {
		t.Error(why)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// After a rotation a checkpoint signed by both keys hands over; a rewrapped master key opens all of them.
func TestAuditKeyRotates(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.ok("lockdown", "on", "--reason", "drill")
	before := strings.TrimSpace(r.ok("audit", "key"))
	old := r.file(r.ok("audit", "checkpoint"))
	r.env["REKEY_AUDIT_ORIGIN"] = "renamed.example.org/audit"
	same(t, "a setting alone renames nothing", before, strings.TrimSpace(r.ok("audit", "key")))
	delete(r.env, "REKEY_AUDIT_ORIGIN")
	after := r.object("audit", "key", "--rotate")["key"].(string)
	handover := r.file(r.object("audit", "checkpoint", "--list", "--limit", "1")["checkpoints"].([]any)[0].(numbers)["note"].(string))
	r.ok("lockdown", "off", "--reason", "drill", "--yes")
	now := r.file(r.ok("audit", "checkpoint"))
	for file, keys := range map[string][]string{old: {before}, handover: {before, after}, now: {after}} {
		for _, key := range []string{before, after} {
			status, _, why := r.run("audit", "verify", "--checkpoint", file, "--key", before, "--key", after)
			if status != exitOK {
				t.Error(why)
			}
			fits := cmp.Equal(keys, []string{key}) || len(keys) == 2
			if _, err := openFile(t, file, key); fits != (err == nil) {
				t.Errorf("%v under %s: %v", keys, key, err)
			}
		}
	}
	next := filepath.Join(t.TempDir(), "next.key")
	r.ok("key", "rotate")
	r.ok("key", "rewrap", "--to", next)
	r.env["REKEY_MASTER_KEY_FILE"] = next
	if _, err := openFile(t, r.file(r.ok("audit", "checkpoint")), after); err != nil {
		t.Errorf("after the rewrap: %v", err)
	}
}

func openFile(t *testing.T, path, key string) (audit.Checkpoint, error) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return audit.OpenCheckpoint(string(text), key)
}

func TestAuditListPages(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.active()
	var indices []float64
	args := []string{"audit", "list", "--limit", "4"}
	for {
		page := r.object(args...)
		for _, e := range page["entries"].([]any) {
			indices = append(indices, e.(numbers)["index"].(float64))
		}
		next := page["next"]
		if next == nil {
			break
		}
		args = []string{"audit", "list", "--limit", "4", "--before", cell(next)}
	}
	same(t, "indices", []float64{7, 6, 5, 4, 3, 2, 1, 0}, indices)
	r.fails(exitFailed, "audit", "list", "--before", "99")
	rows, err := csv.NewReader(strings.NewReader(r.ok("audit", "export", "--format", "csv", "--action", "campaign.activate"))).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][0] != "6" || rows[1][4] != "campaign.activate" {
		t.Errorf("%q, %v", rows, err)
	}
}

// The serving process makes the key and brings what waits to its places.
func TestServeSendsCheckpoints(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.ok("lockdown", "on", "--reason", "drill")
	note := r.ok("audit", "checkpoint")
	kept := filepath.Join(t.TempDir(), "checkpoints")
	r.env["REKEY_AUDIT_CHECKPOINT_FILE"] = kept
	s := r.serve()
	deadline := time.Now().Add(20 * time.Second)
	for metrics := ""; !strings.Contains(metrics, `rekey_audit_outside_total{outcome="sent",place="file"} 1`); _, metrics = s.get(s.admin + "/metrics") {
		if time.Now().After(deadline) {
			t.Fatalf("nothing is counted as sent: %s", s.log)
		}
	}
	if status := s.stop(); status != exitOK {
		t.Errorf("exit %d: %s", status, s.log)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != note+"\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
	place := r.object("audit", "checkpoint", "--list")["places"].([]any)[0].(numbers)
	same(t, "place", numbers{"place": "file", "tries": 0.0, "fault": ""}, pick(place, "place", "tries", "fault"))
}

// post is a mail server that keeps what it is given.
type post struct{ got []*delivery.Message }

func (p *post) Dial(context.Context) (delivery.Conn, error) { return p, nil }
func (p *post) Usable() bool                                { return true }
func (p *post) Close()                                      {}
func (p *post) Deliver(m *delivery.Message, clear func() error) error {
	p.got = append(p.got, m)
	return clear()
}

// The mail's text, saved as a file, is a checkpoint; sent again it is the same mail.
func TestCheckpointMail(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.ok("lockdown", "on", "--reason", "drill")
	key := strings.TrimSpace(r.ok("audit", "key"))
	signed, err := openFile(t, r.file(r.ok("audit", "checkpoint")), key)
	if err != nil {
		t.Fatal(err)
	}
	var settings config.Settings
	settings.SMTPURL, settings.MailFrom, settings.AuditCheckpointMail = config.NewSecret("smtp://localhost:25"), "Rekey <no-reply@bücher.example>", "Auditor <audit@example.net>"
	place, err := newCheckpointMail(&settings)
	if err != nil {
		t.Fatal(err)
	}
	office := &post{}
	place.dialer = office
	for range 2 {
		if err := place.Send(t.Context(), signed); err != nil {
			t.Fatal(err)
		}
	}
	m := office.got[0]
	if m.ID != office.got[1].ID || m.From != "no-reply@xn--bcher-kva.example" || m.To != "audit@example.net" {
		t.Errorf("%s from %s to %s", m.ID, m.From, m.To)
	}
	read, err := mail.ReadMessage(bytes.NewReader(m.Data))
	if err != nil || read.Header.Get("Message-ID") != m.ID || !strings.Contains(read.Header.Get("Subject"), signed.Origin) {
		t.Fatalf("%v %v", read, err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(read.Body))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "verified from the mail", true, r.object("audit", "verify", "--checkpoint", r.file(string(text)), "--key", key)["ok"])
	settings.AuditCheckpointMail = "evil\r\nBcc: x@example.org <a@example.net>"
	if _, err := newCheckpointMail(&settings); err == nil {
		t.Error("an address with a line break was taken")
	}
}
