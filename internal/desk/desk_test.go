package desk_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// world is a base of 30 accounts, a prepared campaign for all of them, and four people.
type world struct {
	*testing.T
	desk     *desk.Desk
	store    *store.Store
	campaign int64

	mu     sync.Mutex
	alarms []string
}

// ann responds, bob and cid approve, eve manages; all just showed their second factor.
func (w *world) person(name string) operator.Principal {
	w.Helper()
	o, err := operator.NewPeople(w.store).Named(w.Context(), name)
	if err != nil {
		w.Fatal(err)
	}
	return o.Person(time.Now().Add(operator.FreshFor))
}

func stale(p operator.Principal) operator.Principal {
	p.FreshUntil = time.Time{}
	return p
}

const accounts = 30

func each(t *testing.T, change func(*desk.Options), f func(w *world)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := &world{T: t, store: s}
		campaigns := campaign.On(s, account.EmailKey, nil)
		o := desk.Options{
			Campaigns: campaigns, Incidents: s, Clients: s, Keys: reset.NewKeys(s, secret.Master{}, "http://localhost:8080"),
			Approvals: approval.On(s, 0), People: operator.NewPeople(s), Directory: account.NewDirectory(s), Log: s,
			Alarm: func(_ context.Context, text string) error {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.alarms = append(w.alarms, text)
				return nil
			},
		}
		if change != nil {
			change(&o)
		}
		d, err := desk.New(o)
		w.must(err)
		w.desk = d
		root := audit.Actor{Kind: audit.KindCLI, Name: "root"}
		for name, roles := range map[string]operator.Roles{"ann": {operator.Responder}, "bob": {operator.Approver}, "cid": {operator.Approver, operator.Responder}, "eve": {operator.Admin}} {
			_, _, err := o.People.Create(t.Context(), operator.CreateRequest{Name: name, Email: name + "@example.com", Roles: roles}, root)
			w.must(err)
		}
		var rows strings.Builder
		rows.WriteString("subject,email,password_hash\n")
		for n := range accounts {
			fmt.Fprintf(&rows, "s-%d,s%d@example.com,5f4dcc3b5aa765d61d8327deb882cf%02x\n", n, n, n)
		}
		_, err = account.Import(t.Context(), s, strings.NewReader(rows.String()), account.ImportOptions{Actor: root})
		w.must(err)
		k, err := campaigns.Create(t.Context(), campaign.CreateRequest{Incident: "breach", Scope: campaign.Everyone}, root)
		w.must(err)
		_, err = campaigns.Prepare(t.Context(), k.ID, root)
		w.must(err)
		w.campaign = k.ID
		f(w)
	})
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) refused(err error, kind problem.Kind, code string) {
	w.Helper()
	if !problem.Is(err, kind) || code != "" && problem.DetailsOf(err, "").Code != code {
		w.Errorf("got %v (code %q), want kind %v, code %q", err, problem.DetailsOf(err, "").Code, kind, code)
	}
}

func (w *world) state() campaign.State {
	w.Helper()
	k, err := w.desk.Campaign(w.Context(), w.person("ann"), w.campaign)
	w.must(err)
	return k.State
}

func (w *world) activate(p operator.Principal, expect int64, reason string) (desk.Outcome, error) {
	return w.desk.Activate(w.Context(), p, w.campaign, campaign.ActivateRequest{Expect: &expect}, reason)
}

// ask has ann ask for the activation.
func (w *world) ask() approval.Request {
	w.Helper()
	outcome, err := w.activate(w.person("ann"), accounts, "the base was stolen")
	w.must(err)
	if outcome.Pending == nil || w.state() != campaign.Prepared {
		w.Fatalf("outcome %+v, campaign %s: nothing may happen before the second person", outcome, w.state())
	}
	return *outcome.Pending
}

// log gives the entries of an action, oldest first.
func (w *world) log(action audit.Action) []audit.Entry {
	w.Helper()
	page, _, err := w.store.AuditSearch(w.Context(), audit.Query{Action: string(action), Limit: 100})
	w.must(err)
	slices.Reverse(page)
	return page
}

func TestTwoPeopleActivate(t *testing.T) {
	each(t, nil, func(w *world) {
		r := w.ask()
		_, err := w.desk.Approve(w.Context(), w.person("ann"), r.ID, "")
		w.refused(err, problem.Forbidden, "second_person")
		_, err = w.desk.Approve(w.Context(), stale(w.person("bob")), r.ID, "")
		w.refused(err, problem.Forbidden, operator.NeedsFresh)
		_, err = w.desk.Approve(w.Context(), w.person("eve"), r.ID, "")
		w.refused(err, problem.Forbidden, operator.NeedsRole)
		if w.state() != campaign.Prepared {
			t.Fatal("activated by somebody who may not")
		}
		if _, err = w.activate(w.person("cid"), accounts, "again"); !problem.Is(err, problem.Conflict) {
			t.Errorf("a second request for the same: %v", err)
		}
		outcome, err := w.desk.Approve(w.Context(), w.person("bob"), r.ID, "seen")
		w.must(err)
		if done, ok := outcome.Done.(campaign.Activated); !ok || done.Died == nil || *done.Died != accounts || w.state() != campaign.Active {
			t.Errorf("outcome %+v", outcome)
		}
		log := w.log(audit.CampaignActivate)
		last := log[len(log)-1]
		if last.Actor.Name != "bob" || last.Outcome != audit.Done || last.Detail["asked_by"] != "ann" || fmt.Sprint(last.Detail["approval"]) != fmt.Sprint(r.ID) {
			t.Errorf("the log says %+v", last)
		}
		_, err = w.desk.Approve(w.Context(), w.person("cid"), r.ID, "")
		w.refused(err, problem.Conflict, "")
		if len(w.alarms) != 0 {
			t.Errorf("two people acted, and an alarm went off: %q", w.alarms)
		}
	})
}

// Two who approve at the same moment carry it out once.
func TestApprovedOnce(t *testing.T) {
	each(t, nil, func(w *world) {
		r := w.ask()
		var wins sync.Map
		var all sync.WaitGroup
		for _, name := range []string{"bob", "cid"} {
			p := w.person(name)
			all.Go(func() {
				if _, err := w.desk.Approve(w.Context(), p, r.ID, ""); err == nil {
					wins.Store(name, true)
				}
			})
		}
		all.Wait()
		won := 0
		wins.Range(func(any, any) bool { won++; return true })
		if done := w.log(audit.CampaignActivate); won != 1 || len(slices.DeleteFunc(done, func(e audit.Entry) bool { return e.Outcome != audit.Done })) != 1 {
			t.Errorf("%d won", won)
		}
	})
}

// A request dies with what it rests on.
func TestRequestsDie(t *testing.T) {
	each(t, nil, func(w *world) {
		r := w.ask()
		_, err := w.desk.PrepareCampaign(w.Context(), w.person("ann"), w.campaign) // the same members, found anew
		w.must(err)
		_, err = w.desk.Approve(w.Context(), w.person("bob"), r.ID, "")
		w.refused(err, problem.Conflict, "")
		if got, err := w.desk.Approval(w.Context(), w.person("bob"), r.ID); err != nil || got.State != approval.Void || w.state() != campaign.Prepared {
			t.Errorf("%+v, %v; campaign %s", got, err, w.state())
		}

		r = w.ask() // the count leaves the tolerance of 10
		for n := range 11 {
			_, err := account.NewDirectory(w.store).Delete(w.Context(), fmt.Sprint("s-", n), audit.Actor{Kind: audit.KindCLI, Name: "root"})
			w.must(err)
		}
		_, err = w.desk.Approve(w.Context(), w.person("bob"), r.ID, "")
		w.refused(err, problem.Conflict, "")
		if got, err := w.desk.Approval(w.Context(), w.person("bob"), r.ID); err != nil || got.State != approval.Void || w.state() != campaign.Prepared {
			t.Errorf("%+v, %v; campaign %s", got, err, w.state())
		}
	})
}

func TestWhoMayNot(t *testing.T) {
	each(t, nil, func(w *world) {
		_, err := w.activate(w.person("eve"), accounts, "I can")
		w.refused(err, problem.Forbidden, operator.NeedsRole)
		_, err = w.activate(stale(w.person("ann")), accounts, "I can")
		w.refused(err, problem.Forbidden, operator.NeedsFresh)
		_, err = w.activate(w.person("ann"), accounts, " ")
		if err == nil {
			t.Error("asked without a reason")
		}
		_, err = w.activate(operator.Program(1, "script"), accounts, "I can")
		w.refused(err, problem.Forbidden, "")
		var refused int
		for _, e := range w.log(audit.CampaignActivate) {
			if e.Outcome == audit.Refused {
				refused++
			}
		}
		if refused < 3 {
			t.Errorf("%d refusals are in the log, want 3 at least", refused)
		}
	})
}

func TestLockdownOnIsOnePress(t *testing.T) {
	each(t, nil, func(w *world) {
		_, err := w.desk.LockdownOn(w.Context(), stale(w.person("ann")), "under attack")
		w.must(err)
		_, err = w.desk.LockdownOff(w.Context(), w.person("eve"), "over")
		w.refused(err, problem.Forbidden, operator.NeedsRole)
		outcome, err := w.desk.LockdownOff(w.Context(), w.person("bob"), "over")
		w.must(err)
		if outcome.Pending == nil {
			t.Fatal("one approver lifted the lockdown alone")
		}
		_, err = w.desk.Approve(w.Context(), w.person("cid"), outcome.Pending.ID, "")
		w.must(err)
		if now, err := w.desk.Lockdown(w.Context(), w.person("eve")); err != nil || now.On {
			t.Errorf("%+v, %v", now, err)
		}
	})
}

// Below the number set one person suffices; what no number weighs still takes two.
func TestAboveTheNumberSet(t *testing.T) {
	each(t, func(o *desk.Options) { o.Above = accounts }, func(w *world) {
		outcome, err := w.activate(w.person("ann"), accounts, "please")
		w.must(err)
		if outcome.Pending == nil {
			t.Fatal("a responder activated alone")
		}
		outcome, err = w.activate(w.person("bob"), accounts, "")
		w.must(err)
		if outcome.Pending != nil || w.state() != campaign.Active {
			t.Errorf("%+v", outcome)
		}
		eve := w.person("eve")
		outcome, err = w.desk.SetRoles(w.Context(), eve, eve.ID, operator.Roles{operator.Admin, operator.Approver}, "more")
		if err == nil && outcome.Pending == nil {
			t.Error("somebody raised their own roles alone")
		}
	})
}

// One person alone is possible where it was set, and loud.
func TestSingleHandedIsLoud(t *testing.T) {
	each(t, func(o *desk.Options) { o.SingleHanded = true }, func(w *world) {
		_, err := w.activate(w.person("bob"), accounts, "")
		w.refused(err, problem.Unprocessable, "reason")
		_, err = w.activate(w.person("bob"), accounts, "nobody else is awake")
		w.must(err)
		log := w.log(audit.CampaignActivate)
		if last := log[len(log)-1]; last.Detail["single_handed"] != true || last.Detail["reason"] != "nobody else is awake" {
			t.Errorf("the log says %+v", last)
		}
		if len(w.alarms) != 1 || !strings.Contains(w.alarms[0], "bob") {
			t.Errorf("alarms: %q", w.alarms)
		}
	})
}

// The command line beside the database needs no second person; where people could have been asked it says why, and they hear of it.
func TestBreakingTheGlass(t *testing.T) {
	each(t, nil, func(w *world) {
		_, err := w.activate(operator.CommandLine("root", "the console is down"), accounts, "")
		w.must(err)
		log := w.log(audit.CampaignActivate)
		if last := log[len(log)-1]; last.Detail["break_glass"] != "the console is down" || last.Actor.Kind != audit.KindCLI {
			t.Errorf("the log says %+v", last)
		}
		if len(w.alarms) != 1 {
			t.Errorf("alarms: %q", w.alarms)
		}
	})
}

// A download follows a second person's yes, for who asked alone.
func TestExportsTakeTwo(t *testing.T) {
	each(t, nil, func(w *world) {
		root := audit.Actor{Kind: audit.KindCLI, Name: "root"}
		_, _, err := operator.NewPeople(w.store).Create(w.Context(), operator.CreateRequest{Name: "fay", Email: "fay@example.com", Roles: operator.Roles{operator.Admin}}, root)
		w.must(err)
		var out strings.Builder
		w.refused(w.desk.ExportAudit(w.Context(), w.person("eve"), false, &out), problem.Forbidden, "second_person")
		outcome, err := w.desk.AskExport(w.Context(), w.person("eve"), true, "for the regulator")
		w.must(err)
		if outcome.Pending == nil || out.Len() != 0 {
			t.Fatalf("%+v, %d bytes", outcome, out.Len())
		}
		_, err = w.desk.Approve(w.Context(), w.person("fay"), outcome.Pending.ID, "")
		w.must(err)
		w.refused(w.desk.ExportAudit(w.Context(), w.person("fay"), false, &out), problem.Forbidden, "second_person")
		_, err = w.desk.ExportAccounts(w.Context(), w.person("eve"), account.ExportRequest{}, &out)
		w.refused(err, problem.Forbidden, "second_person") // it was for the log
		w.must(w.desk.ExportAudit(w.Context(), w.person("eve"), false, &out))
		if !strings.Contains(out.String(), `operator.create`) {
			t.Errorf("exported: %.200s", out.String())
		}
	})
}
