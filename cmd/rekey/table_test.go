package main

import (
	"context"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/store"
)

// sampleRuns are the arguments that the table runs each command with: one line for each thing that it can do. A new command without a line fails the table.
// Words in braces are filled in from the installation; what is dry without --yes is also run with it, then on what stands after the arrow, if anything does.
var sampleRuns = map[string][]string{
	"accounts delete":      {"t-001"},
	"accounts export":      {""},
	"accounts import":      {"{accounts} --rejects {new}"},
	"accounts show":        {"t-003"},
	"approval approve":     {"1 → 999"},
	"approval list":        {""},
	"approval reject":      {"999"},
	"approval show":        {"1"},
	"approval withdraw":    {"999"},
	"audit checkpoint":     {"", "--list"},
	"audit export":         {"", "--reason why"},
	"audit key":            {"", "--rotate"},
	"audit list":           {""},
	"audit prove":          {"0", "--consistency 1"},
	"audit verify":         {""},
	"breached build":       {"--from {missing} --out {new}"},
	"campaign activate":    {"2 --expect 0 --reason why"},
	"campaign cancel":      {"1 --reason why"},
	"campaign close":       {"1"},
	"campaign create":      {"--incident july --scope everyone"},
	"campaign discard":     {"3"},
	"campaign lines":       {"1"},
	"campaign list":        {""},
	"campaign pause":       {"1"},
	"campaign prepare":     {"2"},
	"campaign preview":     {"2", "2 --show-mail"},
	"campaign remind":      {"1"},
	"campaign resume":      {"1"},
	"campaign show":        {"1"},
	"campaign status":      {"1", "1 --by hour"},
	"client create":        {"shop --scope login"},
	"client list":          {""},
	"client revoke":        {"website"},
	"demo":                 {"--accounts 1"},
	"health":               {"--listen {taken}"},
	"incident clock list":  {"breach"},
	"incident clock set":   {"breach --name GDPR --due 2011-06-20"},
	"incident fact list":   {"breach"},
	"incident fact set":    {"breach nature copied"},
	"incident list":        {""},
	"incident report list": {"breach"},
	"incident report make": {"breach"},
	"incident report show": {"breach 1"},
	"incident set":         {"june --title Copied", "june --publish"},
	"incident show":        {"breach"},
	"incident update":      {"breach --text {text}"},
	"key list":             {""},
	"key revoke":           {"{key} → none"},
	"key rewrap":           {"--to {missing}/new"},
	"key rotate":           {"", "--revoke --reason leaked"},
	"lockdown off":         {"--reason over"},
	"lockdown on":          {"--reason drill"},
	"lockdown status":      {""},
	"member code":          {"1 --identity callback --reason why", "--approved 1"},
	"member dead-address":  {"1", "1 --undo"},
	"member find":          {"t-003"},
	"member link":          {"1"},
	"member show":          {"1"},
	"migrate status":       {""},
	"migrate up":           {""},
	"operator create":      {"newcomer --email newcomer@example.org --role auditor"},
	"operator disable":     {"victim"},
	"operator invite":      {"victim"},
	"operator list":        {""},
	"operator roles":       {"victim --role auditor --reason why"},
	"serve":                {"--breached-filter {missing}"},
	"version":              {""},
}

// harmless acts are dry without --yes and destroy nothing: a reminder is mail that cannot be taken back, and a second person looks before they decide.
var harmless = []operator.Act{operator.CampaignRemind, operator.ApprovalDecide}

// sampleRun is one row of the table: what to type, and what the command then declares.
type sampleRun struct {
	args []string
	deed
	yes bool
}

// looksOnly is a run that changes nothing and needs no fresh factor.
func (r sampleRun) looksOnly() bool { return r.dry != "" && !r.yes }

// needs is the act that the run takes.
func (r sampleRun) needs() operator.Act {
	if r.looksOnly() {
		return r.dry
	}
	return r.act
}

// installation is where the table is run: campaign 1 is in force, 2 is prepared, 3 a draft, and there is something for every other command.
type installation struct {
	*terminal
	db    *store.Store
	words *strings.Replacer
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	in := &installation{terminal: atTerminal(t)}
	in.active()
	in.ok("campaign", "create", "--incident", "breach", "--scope", "everyone")
	in.ok("campaign", "create", "--incident", "breach", "--scope", "everyone")
	in.ok("campaign", "prepare", "2")
	in.ok("client", "create", "website", "--scope", "login")
	in.ok("operator", "create", "victim", "--email", "victim@example.org", "--role", "auditor")
	in.ok("incident", "set", "breach", "--title", "Copied", "--found", "2011-06-16")
	in.ok("incident", "report", "make", "breach")
	in.ok("key", "rotate")
	in.ok("audit", "checkpoint")
	db, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + in.dataFile("rekey.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	in.db = db
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken.Close() // and free again: nobody answers there
	kid := in.object("key", "list")["keys"].([]any)[0].(map[string]any)["kid"].(string)
	dir := t.TempDir()
	in.words = strings.NewReplacer("{accounts}", trickyFile, "{new}", filepath.Join(dir, "new"), "{missing}", filepath.Join(dir, "missing"), "{taken}", taken.Addr().String(),
		"{key}", kid, "{text}", in.file("More is known."))
	return in
}

// rows are generated from the commands that there are.
func (in *installation) rows() []sampleRun {
	in.t.Helper()
	parser, err := kong.New(&cli{}, kong.BindTo(context.Background(), (*context.Context)(nil)))
	if err != nil {
		in.t.Fatal(err)
	}
	left := maps.Clone(sampleRuns)
	var rows []sampleRun
	for _, leaf := range parser.Model.Leaves(false) {
		path := strings.TrimPrefix(leaf.Path(), "rekey ")
		if len(left[path]) == 0 {
			in.t.Errorf("rekey %s is not in the table: give it a line in sampleRuns", path)
		}
		for _, line := range left[path] {
			rows = append(rows, in.rowsOf(path, line)...)
		}
		delete(left, path)
	}
	if len(left) > 0 {
		in.t.Errorf("there are no such commands: %v", slices.Collect(maps.Keys(left)))
	}
	return rows
}

// rowsOf is one command without --yes and, where that is dry, with it.
func (in *installation) rowsOf(path, line string) []sampleRun {
	in.t.Helper()
	dry, done, other := strings.Cut(in.words.Replace(line), " → ")
	first := in.declares(path, dry, false)
	if first.dry == "" {
		return []sampleRun{first}
	}
	if !other {
		done = dry
	}
	return []sampleRun{first, in.declares(path, done, true)}
}

func (in *installation) declares(path, line string, yes bool) sampleRun {
	in.t.Helper()
	row := sampleRun{args: append(strings.Fields(path), strings.Fields(line)...), yes: yes}
	if yes {
		row.args = append(row.args, "--yes")
	}
	var c cli
	s := &session{getenv: in.getenv, stdout: &strings.Builder{}, stderr: &strings.Builder{}, settings: &c.Settings}
	parsed, _ := parse(in.t.Context(), &c, s, row.args)
	if parsed == nil {
		in.t.Fatalf("rekey %s is not understood: %s", strings.Join(row.args, " "), s.stderr)
	}
	var err error
	if row.deed, err = deedOf(parsed.Selected()); err != nil {
		in.t.Errorf("rekey %s: %v", path, err)
	}
	in.checkDeed(path, row.deed)
	return row
}

// checkDeed holds what a command declares against the rules.
func (in *installation) checkDeed(path string, d deed) {
	in.t.Helper()
	rule, ruled := operator.RuleOf(d.act)
	_, dryRuled := operator.RuleOf(d.dry)
	export := d.act == operator.AuditExport || d.act == operator.AccountExport
	switch {
	case d.place == inOffice && (!ruled || d.dry != "" && !dryRuled):
		in.t.Errorf("rekey %s goes through the server, and there is no rule for %q", path, d.act)
	case ruled && rule.Second && !rule.BySetting && !export && !d.destructive:
		in.t.Errorf("rekey %s does %s, which is for two, and does not say that it is destructive", path, d.act)
	case d.dry != "" && !d.destructive && !slices.Contains(harmless, d.act):
		in.t.Errorf("rekey %s is dry without --yes, and does not say that it is destructive", path)
	case d.destructive && (d.dry == "" || d.object == "" || d.place == nowhere):
		in.t.Errorf("rekey %s is destructive: it has to be dry without --yes, and to name its object", path)
	}
}
