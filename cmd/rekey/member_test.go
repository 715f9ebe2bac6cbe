package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/operator"
)

// idOf is a member's number.
func (r *terminal) idOf(subject string) string {
	r.t.Helper()
	found := r.object("member", "find", subject)["members"].([]any)
	if len(found) != 1 {
		r.t.Fatalf("%s: found %v", subject, found)
	}
	return fmt.Sprint(found[0].(map[string]any)["id"])
}

var spoken = regexp.MustCompile(`^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$`)

// A member is found, looked at and helped, beside the database and through the server alike; every look and act is on record, the address and the code never.
func TestMemberBothWays(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.active()
	far := r.at(r.serve("--no-delivery").admin, r.tokenOf("ann", true, operator.Responder, operator.Approver))
	for _, at := range []*terminal{r, far} {
		id := at.idOf("t-003")
		m := at.object("member", "show", id)
		same(t, "state", numbers{"subject": "t-003", "state": "dead"}, pick(m["account"].(map[string]any), "subject", "state"))
		address := m["account"].(map[string]any)["email"].(string)
		same(t, "found by address", at.ok("member", "find", "t-003"), at.ok("member", "find", address))
		if text := at.ok("member", "show", id); !strings.Contains(text, "killed the password") {
			t.Error(text)
		}
		same(t, "dead", true, at.object("member", "dead-address", id)["dead"])
		if why := at.fails(exitFailed, "member", "link", id); !strings.Contains(why, "marked as dead") {
			t.Error(why)
		}
		if m = at.object("member", "show", id); m["suppressed"] == nil {
			t.Errorf("%v", m)
		}
		same(t, "undone", false, at.object("member", "dead-address", id, "--undo")["dead"])
		at.fails(exitFailed, "member", "dead-address", id, "--undo")

		at.fails(exitUsage, "member", "code", id, "--yes")
		dry := at.object("member", "code", id, "--identity", "callback")
		same(t, "dry", numbers{"dry_run": true, "subject": "t-003", "email": address}, pick(dry, "dry_run", "subject", "email"))
		code := at.object("member", "code", id, "--identity", "callback", "--note", "ticket 7", "--yes")
		if !spoken.MatchString(code["code"].(string)) || code["email"] != address {
			t.Errorf("%v", code)
		}
		log := r.ok("audit", "export")
		if strings.Contains(log, code["code"].(string)) || strings.Contains(log, address) || !strings.Contains(log, "ticket 7") {
			t.Error("the log has the code or the address, or not the proof")
		}
	}
	waits := map[bool]int{}
	for range 8 { // both ways count the same caps
		for _, at := range []*terminal{r, far} {
			waits[at.object("member", "link", at.idOf("t-003"))["waits_seconds"].(float64) > 0]++
		}
	}
	if waits[true] == 0 || waits[false] == 0 || waits[false] > 8 {
		t.Errorf("links that wait for the cap: %v", waits)
	}
}

// Where codes are for two, one asks, another approves, and who asked has it shown once; beside the database it takes the reason.
func TestMemberCodeForTwo(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.env["REKEY_SECOND_PERSON_CODES"] = "true"
	admin := in.serve("--no-delivery").admin
	ann, bob := in.at(admin, in.tokenOf("ann", true, operator.Responder, operator.Approver)), in.at(admin, in.tokenOf("bob", true, operator.Approver))
	id := in.idOf("t-003")
	asked := ann.object("member", "code", id, "--identity", "callback", "--reason", "on the line", "--yes")
	same(t, "asked", numbers{"state": "pending", "act": "support.code", "code": nil}, pick(asked, "state", "act", "code"))
	request := fmt.Sprint(asked["id"])
	ann.fails(exitFailed, "member", "code", "--approved", request)
	bob.ok("approval", "approve", request, "--yes")
	for _, other := range []*terminal{bob, in.terminal} {
		if why := other.fails(exitFailed, "member", "code", "--approved", request); !strings.Contains(why, "Only who asked") {
			t.Error(why)
		}
	}
	if code := ann.object("member", "code", "--approved", request); !spoken.MatchString(code["code"].(string)) {
		t.Errorf("%v", code)
	}
	ann.fails(exitFailed, "member", "code", "--approved", request)

	in.appoint("grace")
	beside := []string{"member", "code", id, "--identity", "vouched", "--yes"}
	if why := in.fails(exitFailed, beside...); !strings.Contains(why, "--break-glass") {
		t.Error(why)
	}
	in.ok(append(beside, "--break-glass", "nobody answers")...)
}

// What is read of a campaign's mails and of how it goes is the same through the server.
func TestServerShowsMailAndProgress(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	far := in.at(in.serve("--no-delivery").admin, in.tokenOf("ann", false, operator.Responder))
	for _, c := range [][]string{{"campaign", "preview", "2", "--show-mail", "--locale", "de"}, {"campaign", "preview", "2", "--show-mail", "--mail", "notice"},
		{"campaign", "status", "1", "--by", "hour"}, {"campaign", "status", "1", "--by", "locale"}} {
		same(t, strings.Join(c, " "), in.ok(c...), far.ok(c...))
	}
	mail := far.object("campaign", "preview", "2", "--show-mail", "--locale", "de")["mail"].(map[string]any)
	if mail["subject"] == "" || !strings.Contains(mail["html"].(string), `lang="de"`) || len(mail["languages"].([]any)) < 2 {
		t.Errorf("%v", mail)
	}
	same(t, "no mail unless asked for", nil, far.object("campaign", "preview", "2")["mail"])
	for _, at := range []*terminal{in.terminal, far} {
		progress := at.object("campaign", "status", "1", "--by", "locale")
		same(t, "still a status", numbers{"id": 1.0, "state": "active", "reset": 0.0}, pick(progress, "id", "state", "reset"))
		if members := progress["locales"].([]any)[0].(map[string]any)["members"].(float64); members < 1 || progress["hours"] == nil {
			t.Errorf("%v", progress)
		}
		at.fails(exitUsage, "campaign", "status", "1", "--by", "day")
	}
}
