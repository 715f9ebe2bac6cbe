package operator_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// policy is the contract, written down a second time: act, who may, who may ask, and f (fresh), 2 (second person), s (by setting), ! (loud), o (own).
const policy = `
read.incidents any -
read.campaigns any -
read.status any -
read.progress any -
read.audit any -
read.approvals any -
read.reports any -
read.operators any -
read.clients any -
read.keys any -
incident.set responder -
incident.publish responder -
incident.update responder -
incident.clock responder -
incident.fact responder -
report.make responder -
campaign.create responder -
campaign.prepare responder -
campaign.preview responder -
campaign.activate approver responder f2!
campaign.pause responder -
campaign.resume responder -
campaign.remind responder -
campaign.close responder -
campaign.cancel approver responder f2!
campaign.discard responder -
campaign.lines responder -
lockdown.on responder,approver,admin - !
lockdown.off approver responder f2!
support.find responder -
support.link responder -
support.code approver responder f2s
support.dead_address responder -
approval.decide any -
approval.withdraw any -
operator.create admin - f
operator.disable admin - f
operator.invite admin - f
operator.roles admin - f2!
operator.sessions.end admin - f
client.create admin - f
client.revoke admin - f
key.rotate admin - f
key.revoke admin - f2!
key.rewrap admin - f
audit.export admin - f2!
account.export admin - f2!
own.show any - o
own.password any - fo
own.totp any - fo
own.passkeys any - fo
own.oidc any - fo
own.sessions any - fo
own.tokens any - fo
`

// line is a rule as the policy writes it.
func line(r operator.Rule) string {
	who, ask, marks := strings.Join(r.Roles.Names(), ","), strings.Join(r.Ask.Names(), ","), ""
	if len(r.Roles) == len(operator.AllRoles()) {
		who = "any"
	}
	if ask == "" {
		ask = "-"
	}
	for _, m := range []struct {
		on   bool
		mark string
	}{{r.Fresh, "f"}, {r.Second, "2"}, {r.BySetting, "s"}, {r.Loud, "!"}, {r.Own, "o"}} {
		if m.on {
			marks += m.mark
		}
	}
	return strings.TrimSpace(string(r.Act) + " " + who + " " + ask + " " + marks)
}

func TestRulesAreThePolicy(t *testing.T) {
	t.Parallel()
	var got []string
	for _, r := range operator.Rules() {
		got = append(got, line(r))
		if r.Text == "" {
			t.Errorf("%s has no words", r.Act)
		}
	}
	if d := cmp.Diff(strings.Split(strings.TrimSpace(policy), "\n"), got); d != "" {
		t.Errorf("rules (-policy +table):\n%s", d)
	}
}

// Every act × every set of roles × fresh or not × every kind of principal, against the sentence that the contract is.
func TestMay(t *testing.T) {
	t.Parallel()
	now := time.Date(2011, 6, 17, 3, 0, 0, 0, time.UTC)
	tried := 0
	for _, r := range operator.Rules() {
		for set := range 1 << len(operator.AllRoles()) {
			var roles operator.Roles
			for i, one := range operator.AllRoles() {
				if set&(1<<i) != 0 {
					roles = append(roles, one)
				}
			}
			for _, until := range []time.Time{{}, now, now.Add(time.Second)} { // at now it is over
				for _, p := range []operator.Principal{
					{Kind: audit.KindOperator, ID: 1, Name: "ada", Roles: roles, FreshUntil: until},
					{Kind: audit.KindOperator, ID: 1, Name: "ada", Roles: roles, FreshUntil: until, Token: 7},
					{Kind: audit.KindClient, ID: 1, Name: "site", Roles: roles, FreshUntil: until},
					{Kind: audit.KindCLI, Name: "root", Roles: roles},
				} {
					fresh := p.Kind == audit.KindCLI || p.Kind == audit.KindOperator && until.After(now)
					person := p.Kind == audit.KindOperator && (p.Token == 0 || !r.Fresh)
					check := func(what string, has bool, err error) {
						t.Helper()
						tried++
						want := ""
						if !has || r.Own && !person {
							want = operator.NeedsRole
						} else if r.Fresh && !fresh {
							want = operator.NeedsFresh
						}
						if got := code(err); got != want {
							t.Errorf("%s %s by %+v: %q, want %q", what, r.Act, p, got, want)
						}
					}
					overlap := func(any operator.Roles) bool {
						return slices.ContainsFunc(any, func(one operator.Role) bool { return slices.Contains(roles, one) })
					}
					check("doing", overlap(r.Roles), p.May(r.Act, now))
					check("asking for", overlap(r.Roles) || overlap(r.Ask), p.MayAsk(r.Act, now))
				}
			}
		}
	}
	if want := len(operator.Rules()) * 16 * 3 * 4 * 2; tried != want {
		t.Errorf("%d cases tried, want %d", tried, want)
	}
}

func code(err error) string {
	var e *problem.Error
	if errors.As(err, &e) && e.Kind == problem.Forbidden {
		return e.Code
	}
	return ""
}

func TestWhatNoRuleNamesIsForbidden(t *testing.T) {
	t.Parallel()
	for _, p := range []operator.Principal{operator.CommandLine("root", ""), {Kind: audit.KindOperator, Roles: operator.AllRoles(), FreshUntil: time.Now().Add(time.Hour)}} {
		if err := p.May("campaign.undo", time.Now()); code(err) != operator.NeedsRole {
			t.Errorf("an act without a rule: %v", err)
		}
	}
}

// A denial carries the act's own name where the log knows it, and never a cause.
func TestDenied(t *testing.T) {
	t.Parallel()
	p := operator.Operator{ID: 3, Name: "ada", Roles: operator.Roles{operator.Auditor}}.Person(time.Time{})
	for _, r := range operator.Rules() {
		e := operator.Denied(p, r.Act, "campaign:3", p.May(operator.CampaignCancel, time.Now()))
		known := slices.Contains(audit.Actions(), audit.Action(r.Act))
		if known != (string(e.Action) == string(r.Act)) || !known && (e.Action != audit.ActRefused || e.Detail["act"] != string(r.Act)) {
			t.Errorf("denied %s: %+v", r.Act, e)
		}
		if e.Outcome != audit.Refused || e.Detail["refused"] != operator.NeedsRole || e.Actor.String() != "operator:ada" {
			t.Errorf("denied %s: %+v", r.Act, e)
		}
		if !known && !strings.HasPrefix(string(r.Act), "read.") && !strings.HasPrefix(string(r.Act), "own.show") && r.Act != operator.ApprovalDecide {
			t.Errorf("%s changes something and has no action in the audit log", r.Act)
		}
	}
	if e := operator.Denied(p, operator.ReadAudit, "", errors.New("secret cause")); strings.Contains(e.EncodeDetail(), "secret") {
		t.Errorf("a cause was written down: %s", e.EncodeDetail())
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	r, err := operator.ParseRoles("admin", "auditor", "admin")
	if d := cmp.Diff(operator.Roles{operator.Auditor, operator.Admin}, r); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
	for _, bad := range [][]string{nil, {"root"}, {"admin", ""}} {
		if _, err := operator.ParseRoles(bad...); !problem.Is(err, problem.Invalid) {
			t.Errorf("roles %q: %v", bad, err)
		}
	}
	again, err := operator.DecodeRoles(r.Encode())
	if d := cmp.Diff(r, again); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
	for _, bad := range []string{"", "{}", `["root"]`, "[]"} {
		if _, err := operator.DecodeRoles(bad); err == nil {
			t.Errorf("%q gave roles", bad)
		}
	}
}
