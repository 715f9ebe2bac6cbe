package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// numbers is an object as JSON gives it.
type numbers = map[string]any

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", what, diff)
	}
}

// The whole course of a campaign on the command line, with the field names that scripts rely on.
func TestCampaignFromImportToCancel(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	same(t, "import", numbers{"rows": 31.0, "inserted": 26.0, "updated": 0.0, "unchanged": 0.0, "rejected": 5.0, "kept": 0.0, "warned": 12.0, "revived": 0.0},
		pick(r.imported(), "rows", "inserted", "updated", "unchanged", "rejected", "kept", "warned", "revived"))
	again := r.imported()
	same(t, "the same file again", numbers{"inserted": 0.0, "unchanged": 26.0, "rejected": 5.0}, pick(again, "inserted", "unchanged", "rejected"))
	if text, err := os.ReadFile(again["rejects_file"].(string)); err != nil || !strings.HasPrefix(string(text), `"line","subject","verdict"`) {
		t.Errorf("the rejects file: %q %v", text, err)
	}

	same(t, "create", numbers{"id": 1.0, "state": "draft"}, pick(r.object("campaign", "create", "--incident", "breach", "--scope", "everyone"), "id", "state"))
	r.fails(exitFailed, "campaign", "activate", "1")
	same(t, "prepare", numbers{"listed": 26.0, "matched": 26.0, "unmatched": 0.0, "duplicate": 0.0, "already_changed": 0.0, "no_password": 1.0, "no_address": 5.0},
		r.object("campaign", "prepare", "1"))
	counts := numbers{"would_die": 25.0, "covered": 26.0, "already_dead": 0.0}
	same(t, "preview", counts, pick(r.object("campaign", "preview", "1"), "would_die", "covered", "already_dead"))
	counts["dry_run"] = true
	same(t, "dry activate", counts, pick(r.object("campaign", "activate", "1"), "would_die", "covered", "already_dead", "dry_run"))

	r.fails(exitUsage, "campaign", "activate", "1", "--yes")
	if why := r.fails(exitFailed, "campaign", "activate", "1", "--yes", "--expect", "2500"); !strings.Contains(why, "25 live passwords would die") {
		t.Error(why)
	}
	same(t, "still", "prepared", r.object("campaign", "show", "1")["state"])
	active := r.object("campaign", "activate", "1", "--yes", "--expect", "20")
	same(t, "activate", numbers{"id": 1.0, "state": "active", "died": 25.0}, pick(active, "id", "state", "died"))
	if active["activated_at"] == nil {
		t.Error("activate says no activated_at")
	}

	status := r.object("campaign", "status", "1")
	same(t, "status", numbers{"id": 1.0, "state": "active", "activated_at": active["activated_at"], "reset": 0.0,
		"delivery": numbers{"pending": 21.0, "sent": 0.0, "skipped": 5.0, "failed": 0.0, "bounced": 0.0}}, pick(status, "id", "state", "activated_at", "delivery", "reset"))
	same(t, "show", "dead", r.object("accounts", "show", "t-003")["state"])
	same(t, "pause", "paused", r.object("campaign", "pause", "1")["mailing"])
	r.fails(exitFailed, "campaign", "pause", "1")
	same(t, "resume", "running", r.object("campaign", "resume", "1")["mailing"])

	same(t, "close", "closed", r.object("campaign", "close", "1", "--yes")["state"])
	same(t, "closed still kills", "dead", r.object("accounts", "show", "t-003")["state"])
	same(t, "dry cancel", numbers{"accounts": 25.0, "dry_run": true}, pick(r.object("campaign", "cancel", "1"), "accounts", "dry_run"))
	r.fails(exitUsage, "campaign", "cancel", "1", "--yes")
	same(t, "cancel", "cancelled", r.object("campaign", "cancel", "1", "--yes", "--reason", "a drill")["state"])
	same(t, "cancelled revives", "live", r.object("accounts", "show", "t-003")["state"])
	same(t, "verify", numbers{"ok": true, "unsealed": 0.0}, pick(r.object("audit", "verify"), "ok", "unsealed"))
}

// Each act left its entry, refused ones too, and the log is sealed when the command has ended.
func TestActsAreRecordedAndSealed(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.active()
	r.fails(exitFailed, "campaign", "discard", "1", "--yes")
	r.ok("lockdown", "on", "--reason", "drill")
	r.ok("client", "create", "web", "--scope", "login")
	r.ok("accounts", "export")
	var got []string
	for _, e := range r.object("audit", "list")["entries"].([]any) {
		e := e.(numbers)
		if e["index"] == nil {
			t.Errorf("not sealed: %v", e)
		}
		if actor := e["actor"].(string); !strings.HasPrefix(actor, "cli:") {
			t.Errorf("done by %s: %v", actor, e)
		}
		got = append(got, e["action"].(string)+" "+e["outcome"].(string))
	}
	slices.Reverse(got) // the newest come first
	same(t, "entries", []string{"migrate.up done", "account.import done", "account.import done", "incident.set done", "campaign.create done", "campaign.prepare done",
		"campaign.activate done", "campaign.count done", "campaign.discard refused", "lockdown.on done", "client.create done", "account.export done"}, got)
	same(t, "filtered", 1, len(r.object("audit", "list", "--action", "campaign", "--limit", "1")["entries"].([]any)))
	same(t, "of one noun", 5, len(r.object("audit", "list", "--action", "campaign")["entries"].([]any)))

	head := r.object("audit", "verify")["head"].(string)
	r.ok("audit", "verify", "--head", head)
	size, root, _ := strings.Cut(head, ":")
	other := size + ":" + strings.ToUpper(root[:20]) + strings.ToLower(root[20:])
	if why := r.fails(exitFailed, "audit", "verify", "--head", other); !strings.Contains(why, "not what was sealed") {
		t.Error(why)
	}
	r.fails(exitUsage, "audit", "verify", "--head", "nonsense")
}

// Destructive commands change nothing and say so, until they are told to.
func TestDestructiveCommandsAreDryByDefault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare [][]string
		act     []string
		look    []string // what it changes
	}{
		"activate":       {prepare: [][]string{{"campaign", "create", "--incident", "x", "--scope", "everyone"}, {"campaign", "prepare", "2"}}, act: []string{"campaign", "activate", "2", "--expect", "0"}, look: []string{"campaign", "show", "2"}},
		"close":          {act: []string{"campaign", "close", "1"}, look: []string{"campaign", "show", "1"}},
		"cancel":         {act: []string{"campaign", "cancel", "1", "--reason", "drill"}, look: []string{"accounts", "show", "t-003"}},
		"discard":        {prepare: [][]string{{"campaign", "create", "--incident", "x", "--scope", "everyone"}}, act: []string{"campaign", "discard", "2"}, look: []string{"campaign", "show", "2"}},
		"lockdown off":   {prepare: [][]string{{"lockdown", "on", "--reason", "drill"}}, act: []string{"lockdown", "off", "--reason", "over"}, look: []string{"lockdown", "status"}},
		"client revoke":  {prepare: [][]string{{"client", "create", "web", "--scope", "login"}}, act: []string{"client", "revoke", "web"}, look: []string{"client", "list"}},
		"key rotate":     {prepare: [][]string{{"key", "rotate"}}, act: []string{"key", "rotate", "--revoke"}, look: []string{"key", "list"}},
		"account delete": {act: []string{"accounts", "delete", "t-003"}, look: []string{"accounts", "show", "t-003"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := atTerminal(t)
			r.active()
			for _, p := range c.prepare {
				r.ok(p...)
			}
			before := r.object(c.look...)
			if plan := r.object(c.act...); plan["dry_run"] != true {
				t.Errorf("the plan does not say that it is one: %v", plan)
			}
			if text := r.ok(c.act...); !strings.HasSuffix(text, "Nothing was done. With --yes it will be.\n") {
				t.Errorf("the text does not say that nothing was done: %s", text)
			}
			same(t, "after the dry run", before, r.object(c.look...))
			if done := r.object(append(c.act, "--yes")...); done["dry_run"] != nil {
				t.Errorf("done, and called dry: %v", done)
			}
			if cmp.Equal(before, r.object(c.look...)) {
				t.Error("--yes changed nothing")
			}
		})
	}
}

func TestKeyRevoke(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.ok("key", "rotate")
	kid := r.object("key", "list")["keys"].([]any)[0].(numbers)["kid"].(string)
	same(t, "dry", true, r.object("key", "revoke", kid)["dry_run"])
	r.ok("key", "revoke", kid, "--yes")
	var states []string
	for _, k := range r.object("key", "list")["keys"].([]any) {
		states = append(states, k.(numbers)["state"].(string))
	}
	same(t, "states, newest first", []string{"signing", "revoked"}, states)
	r.fails(exitFailed, "key", "revoke", kid)

	next := filepath.Join(t.TempDir(), "next.key")
	same(t, "rewrap", 2.0, r.object("key", "rewrap", "--to", next)["keys"])
	r.fails(exitFailed, "key", "list") // the old master key opens them no more
	r.env["REKEY_MASTER_KEY_FILE"] = next
	r.ok("key", "list")
}

// What is not understood ends with 2, before anything is done.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.imported()
	for _, args := range []string{
		"", "nonsense", "campaign", "campaign activate", "campaign activate one", "campaign create --scope everyone",
		"campaign create --incident x --scope some", "campaign create --incident x --scope list", "campaign create --incident x --scope everyone --list " + trickyFile,
		"campaign create --incident x --scope everyone --cutoff 2999-01-01", "campaign create --incident x --scope everyone --cutoff yesterday",
		"campaign create --incident x --scope list --filter colour=red", "campaign create --incident Not_A_Slug --scope everyone",
		"accounts export --changed-since yesterday", "accounts import --format xml -", "client create web", "client create web --scope root",
		"audit list --limit 0", "audit list --outcome maybe", "audit list --since soon", "audit prove", "audit prove 1 --consistency 1", "audit verify --export x", "audit verify --older x", "audit export --checkpoint x --action campaign", "incident set breach --occurred soon", "lockdown on", "--listen nowhere version", "version --no-such-flag", "serve --no-delivery --only-delivery",
	} {
		r.fails(exitUsage, strings.Fields(args)...)
	}
	same(t, "campaigns", 0, len(r.object("campaign", "list")["campaigns"].([]any)))
}

// What was understood and cannot be done ends with 1; with --json the problem is on standard error.
func TestFailures(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	for _, args := range []string{
		"campaign show 7", "campaign status 7", "campaign lines 7", "campaign prepare 7", "campaign cancel 7 --reason x --yes", "incident show nothing",
		"client revoke nobody", "client revoke nobody --yes", "lockdown off", "lockdown off --reason x --yes", "key revoke nothing", "accounts import no-such-file.csv", "health --listen 127.0.0.1:1",
	} {
		r.fails(exitFailed, strings.Fields(args)...)
		var d problem.Details
		if err := json.Unmarshal([]byte(r.fails(exitFailed, append(strings.Fields(args), "--json")...)), &d); err != nil || d.Detail == "" {
			t.Errorf("%s --json: %v %v", args, d, err)
		}
	}
	if status, _, stderr := r.feed("\xff\xfes\x00u\x00b\x00", "accounts", "import", "-"); status != exitFailed || !strings.Contains(stderr, "UTF") {
		t.Errorf("a file in UTF-16: %d %s", status, stderr)
	}
}

func TestIncident(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	status, stdout, stderr := r.feed("What happened.\n", "incident", "set", "breach", "--title", "Data was copied", "--occurred", "2026-02-27", "--classes", "names,e-mail addresses", "--notice", "-", "--publish", "--json")
	var set numbers
	if err := json.Unmarshal([]byte(stdout), &set); err != nil || status != exitOK {
		t.Fatalf("%d %s %v", status, stderr, err)
	}
	same(t, "set", numbers{"slug": "breach", "title": "Data was copied", "occurred_at": "2026-02-27T00:00:00Z", "classes": []any{"names", "e-mail addresses"}, "notice": "What happened.\n"},
		pick(set, "slug", "title", "occurred_at", "classes", "notice"))
	if set["published_at"] == nil {
		t.Error("not published")
	}
	back := r.object("incident", "set", "breach", "--no-publish")
	same(t, "taken back, the rest as it was", numbers{"published_at": nil, "title": "Data was copied"}, pick(back, "published_at", "title"))
	same(t, "list", 1, len(r.object("incident", "list")["incidents"].([]any)))
}

func TestListCampaign(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.imported()
	list := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(list, []byte("subject\nt-003\nt-004\nt-003\nnobody\n=cmd()\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.ok("campaign", "create", "--incident", "breach", "--scope", "list", "--list", list)
	same(t, "prepare", numbers{"listed": 5.0, "matched": 2.0, "unmatched": 2.0, "duplicate": 1.0, "already_changed": 0.0, "no_password": 0.0, "no_address": 0.0}, r.object("campaign", "prepare", "1"))
	same(t, "lines", "\"line\",\"value\",\"outcome\"\r\n\"5\",\"nobody\",\"unmatched\"\r\n\"6\",\"'=cmd()\",\"unmatched\"\r\n", r.ok("campaign", "lines", "1", "--outcome", "unmatched"))
	output := filepath.Join(t.TempDir(), "lines.csv")
	r.ok("campaign", "lines", "1", "--output", output)
	if info, err := os.Stat(output); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v %v", info, err)
	}
	r.fails(exitFailed, "campaign", "lines", "1", "--output", output) // what stands there is not written over
}

func TestImportFromStandardInput(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	status, stdout, stderr := r.feed(`{"subject":"one","email":"one@example.org"}`+"\n", "accounts", "import", "-", "--json")
	if status != exitOK || !strings.Contains(stdout, `"inserted":1`) {
		t.Errorf("%d %s %s", status, stdout, stderr)
	}
	same(t, "schema", true, r.object("migrate", "status")["database"] == r.object("migrate", "status")["program"])
}

// A signal ends a command in the middle; what was done is whole, and the same command can be run again.
func TestInterruptedImport(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.ok("migrate")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr strings.Builder
	status := run(ctx, []string{"accounts", "import", trickyFile}, r.getenv, strings.NewReader(""), &stdout, &stderr)
	if status != exitFailed || stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), "rekey: interrupted") {
		t.Errorf("exit %d, %q, %q", status, stdout.String(), stderr.String())
	}
	same(t, "again", 26.0, r.imported()["inserted"])
}

func TestRejectsFileName(t *testing.T) {
	t.Parallel()
	for c, want := range map[importCmd]string{
		{File: "/data/accounts.csv"}:             "accounts.rejects.csv",
		{File: "-"}:                              "import.rejects.csv",
		{File: "/data/x.csv", Rejects: "/y/z"}:   "/y/z",
		{File: "dir/accounts", Format: "ndjson"}: "accounts.rejects.csv",
	} {
		same(t, c.File, want, c.rejects())
	}
}

func TestExportedRowsAreTheResult(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.imported()
	status, stdout, stderr := r.run("accounts", "export")
	if status != exitOK || stdout != "\"subject\",\"password_hash\",\"password_set_at\",\"credential_version\"\r\n" || !strings.Contains(stderr, "--changed-since") {
		t.Errorf("%d %q %q", status, stdout, stderr)
	}
	output := filepath.Join(t.TempDir(), "export.csv")
	same(t, "to a file", 0.0, r.object("accounts", "export", "--output", output)["rows"])
	log := r.ok("audit", "export")
	for _, line := range strings.Split(strings.TrimSpace(log), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}
