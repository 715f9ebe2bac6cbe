package main

import (
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// Every command beside the database before there is somebody who can approve, after, and with the reason for acting past them: what is destructive is refused
// without it, on record, and marked with it; nothing else is.
func TestDirectAuthorisation(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	rows := in.rows()
	for _, row := range rows {
		if got := in.says(row.args...); got.code == errBreakGlass.Code {
			t.Errorf("rekey %s before anybody can approve: %+v", strings.Join(row.args, " "), got)
		}
	}
	in.appoint("grace")
	for _, row := range rows {
		in.withoutReason(row)
	}
	marked := 0
	for _, row := range rows {
		marked += in.withReason(row)
	}
	if marked == 0 {
		t.Error("nothing that was done past the approver is marked so")
	}
}

// appoint has somebody enrolled who can approve.
func (in *installation) appoint(name string) {
	in.t.Helper()
	who := operator.CommandLine("test", "")
	o, _, err := operator.NewPeople(in.db).Create(in.t.Context(), operator.CreateRequest{Name: name, Email: name + "@example.org", Roles: operator.Roles{operator.Approver}}, who.Actor())
	if err == nil {
		way := operator.Ways{Issuer: "https://login.example.org", Subject: name}
		err = in.db.AddWay(in.t.Context(), o.ID, way, audit.New(who.Actor(), audit.OwnOIDC, operator.Object(name), nil))
	}
	if err != nil {
		in.t.Fatal(err)
	}
}

func (in *installation) withoutReason(row sampleRun) {
	in.t.Helper()
	what := "rekey " + strings.Join(row.args, " ")
	before := in.newest()
	got := in.says(row.args...)
	refused := got.code == errBreakGlass.Code
	if got.status == exitOK && got.dry != row.looksOnly() {
		in.t.Errorf("%s: dry %t, and it declares another thing", what, got.dry)
	}
	if refused != (row.destructive && row.yes) || refused && got.status != exitFailed {
		in.t.Errorf("%s once somebody can approve: %+v", what, got)
	}
	if !refused {
		return
	}
	e := in.newest()
	if e.ID == before.ID || e.Actor.Kind != audit.KindCLI || string(e.Action) != string(row.act) || e.Object != row.object || e.Detail["refused"] != errBreakGlass.Code {
		in.t.Errorf("%s: the denial left %d %s %s %s %v", what, e.ID, e.Actor, e.Action, e.Object, e.Detail)
	}
}

// withReason gives how many entries are marked.
func (in *installation) withReason(row sampleRun) (marked int) {
	in.t.Helper()
	const reason = "nobody answers"
	what := "rekey " + strings.Join(row.args, " ")
	before, _, err := in.db.AuditSearch(in.t.Context(), audit.Query{Limit: 1})
	if err != nil {
		in.t.Fatal(err)
	}
	if got := in.says(append(row.args, "--break-glass", reason)...); got.code == errBreakGlass.Code {
		in.t.Errorf("%s with a reason: %+v", what, got)
	}
	entries, _, err := in.db.AuditSearch(in.t.Context(), audit.Query{Limit: 20})
	if err != nil {
		in.t.Fatal(err)
	}
	for _, e := range entries {
		if e.ID <= before[0].ID {
			continue
		}
		if e.Detail["break_glass"] == reason {
			marked++
		}
		if is := e.Detail["break_glass"] == reason; is != (row.destructive && row.yes) {
			in.t.Errorf("%s: %s on %s marked: %t", what, e.Action, e.Object, is)
		}
	}
	return marked
}
