package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// The property test ends on each database after this time, but not before it took as many steps.
const (
	ruleTime  = 6 * time.Second
	ruleSteps = 50
)

// TestRule plays random histories and compares, after each step, what the views say of every account and campaign with what the Go
// rule says. Beside that it holds what no step may do: let not_before, epoch or version fall, or let an import revive.
func TestRule(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		rejects := filepath.Join(t.TempDir(), "rejects.csv")
		end, failed, steps := time.Now().Add(ruleTime), false, 0
		rapid.Check(t, func(r *rapid.T) {
			if !failed && steps >= ruleSteps && time.Now().After(end) {
				return
			}
			defer func() { failed = failed || r.Failed() }() // then let it shrink
			h := &history{ctx: t.Context(), store: s, rejects: rejects, seen: map[int64]facts{}}
			h.clear(r)
			r.Repeat(map[string]func(*rapid.T){
				"import": h.importFile, "import an old file": h.importAgain, "password from the login service": h.putPassword,
				"delete": h.deleteAccount, "disable": h.disable, "reset": h.reset, "lockdown": h.lockdown,
				"create": h.create, "activate at once": h.activateNew, "prepare": h.act("prepare"), "activate": h.act("activate"), "close": h.act("close"),
				"cancel": h.act("cancel"), "discard": h.act("discard"),
				"": func(r *rapid.T) { steps++; h.compare(r) },
			})
		})
		if steps < ruleSteps {
			t.Errorf("only %d steps", steps)
		}
	})
}

// history is one run: a store, and what it was like after the last step.
type history struct {
	ctx     context.Context
	store   *store.Store
	rejects string
	files   []string
	seen    map[int64]facts
}

// facts are what the database holds about an account.
type facts struct {
	id         int64
	subject    string
	version    int64
	credential campaign.Credential
	standing   campaign.Standing
}

var (
	ruleSubjects = []string{"a", "b", "c", "d", "e", "f"}
	ruleDates    = []time.Time{{}, day(time.March, 1), day(time.March, 2), day(time.June, 16)}
)

func drawDate(r *rapid.T, label string) time.Time {
	n := rapid.IntRange(0, len(ruleDates)).Draw(r, label)
	if n == len(ruleDates) {
		return time.Now().UTC().Truncate(time.Microsecond)
	}
	return ruleDates[n]
}

func noError(r *rapid.T, doing string, err error) {
	if err != nil {
		r.Fatalf("%s: %v", doing, err)
	}
}

// clear empties the tables that a history fills; the audit log stays.
func (h *history) clear(r *rapid.T) {
	if h.store.Dialect() == "postgres" {
		noError(r, "dropping partitions", h.store.Exec(h.ctx, `DO $$ DECLARE p regclass; BEGIN
			FOR p IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'campaign_members'::regclass LOOP EXECUTE 'DROP TABLE ' || p; END LOOP; END $$`))
	}
	for _, table := range []string{"campaign_members", "campaign_list_lines", "campaigns", "lockdowns", "outbox", "accounts"} {
		noError(r, "emptying "+table, h.store.Exec(h.ctx, "DELETE FROM "+table))
	}
}

// importFile writes a new file: any subjects, with old, new or changed hashes and dates.
func (h *history) importFile(r *rapid.T) {
	var b strings.Builder
	b.WriteString("subject,email,password_hash,password_set_at\n")
	for _, subject := range rapid.SliceOfNDistinct(rapid.SampledFrom(ruleSubjects), 1, 4, rapid.ID[string]).Draw(r, "subjects") {
		hash, date := "", ""
		if n := rapid.IntRange(0, 3).Draw(r, "hash"); n > 0 {
			hash = fmt.Sprintf("md5$$%032x", n)
		}
		if d := drawDate(r, "date"); !d.IsZero() {
			date = d.Format(time.RFC3339Nano)
		}
		fmt.Fprintf(&b, "%s,%s@example.com,%s,%s\n", subject, rapid.SampledFrom([]string{"x", "y", subject}).Draw(r, "address"), hash, date)
	}
	h.files = append(h.files, b.String())
	h.take(r, b.String())
}

// importAgain takes in a file that was taken in before, whatever has happened since.
func (h *history) importAgain(r *rapid.T) {
	if len(h.files) == 0 {
		r.Skip("no file yet")
	}
	h.take(r, rapid.SampledFrom(h.files).Draw(r, "file"))
}

func (h *history) take(r *rapid.T, file string) {
	revive := rapid.IntRange(0, 4).Draw(r, "revive") == 0
	_, err := account.Import(h.ctx, h.store, strings.NewReader(file), account.ImportOptions{Source: "file", Actor: responder, AllowRevive: revive, RejectsPath: h.rejects})
	noError(r, "importing", err)
	if !revive {
		h.noneRevived(r, "an import")
	}
}

// noneRevived compares with what was seen before the step.
func (h *history) noneRevived(r *rapid.T, by string) {
	for id, now := range h.read(r) {
		if before := h.seen[id]; before.standing.Dead && now.credential.Has && !now.standing.Dead {
			r.Fatalf("%s revived %s: %+v, then %+v", by, now.subject, before, now)
		}
	}
}

func (h *history) putPassword(r *rapid.T) {
	revive := rapid.Bool().Draw(r, "revive")
	_, err := account.NewDirectory(h.store).SetPasswordHash(h.ctx, account.PasswordRequest{Subject: rapid.SampledFrom(ruleSubjects).Draw(r, "subject"),
		Hash: fmt.Sprintf("md5$$%032x", rapid.IntRange(4, 6).Draw(r, "hash")), SetAt: drawDate(r, "date"), AllowRevive: revive}, responder)
	noError(r, "putting a password", err)
	if !revive {
		h.noneRevived(r, "the login service")
	}
}

func (h *history) deleteAccount(r *rapid.T) {
	_, err := account.NewDirectory(h.store).Delete(h.ctx, rapid.SampledFrom(ruleSubjects).Draw(r, "subject"), responder)
	noError(r, "deleting", err)
}

func (h *history) disable(r *rapid.T) {
	noError(r, "disabling", h.store.Exec(h.ctx, "UPDATE accounts SET disabled_at = ? WHERE subject = ? AND password_hash IS NOT NULL",
		time.Now(), rapid.SampledFrom(ruleSubjects).Draw(r, "subject")))
}

// reset uses a fresh token of any account with a password: the credential lives, unless the service is locked down.
func (h *history) reset(r *rapid.T) {
	var with []facts
	for _, f := range h.seen {
		if f.credential.Has {
			with = append(with, f)
		}
	}
	if len(with) == 0 {
		r.Skip("no password to reset")
	}
	slices.SortFunc(with, func(a, b facts) int { return strings.Compare(a.subject, b.subject) })
	f := rapid.SampledFrom(with).Draw(r, "account")
	locked, err := h.store.Locked(h.ctx)
	noError(r, "reading the lockdown", err)
	err = h.store.SetPassword(h.ctx, resetOf(f.id, f.version, f.standing.Epoch, "a new hash"))
	if locked && problem.Is(err, problem.Unavailable) {
		return
	}
	noError(r, "resetting", err)
	if now := h.read(r)[f.id]; locked || now.standing.Dead || now.version != f.version+1 {
		r.Fatalf("after a reset, locked down %v: %+v", locked, now)
	}
	if err := h.store.SetPassword(h.ctx, resetOf(f.id, f.version, f.standing.Epoch, "another")); !problem.Is(err, problem.KindOf(reset.ErrUsed)) {
		r.Fatalf("the same token again: %v", err)
	}
}

func (h *history) lockdown(r *rapid.T) {
	l, err := on(h.store).Lockdown(h.ctx)
	noError(r, "reading the lockdown", err)
	if l.On {
		_, err = on(h.store).LockdownOff(h.ctx, "test", responder)
	} else {
		_, err = on(h.store).LockdownOn(h.ctx, "test", responder)
	}
	noError(r, "switching the lockdown", err)
}

func (h *history) create(r *rapid.T) {
	request := campaign.CreateRequest{Incident: "rule", Scope: campaign.Everyone, KeepSessions: rapid.Bool().Draw(r, "keep sessions")}
	switch rapid.IntRange(0, 3).Draw(r, "scope") {
	case 1:
		request.Scope, request.Filter = campaign.Listed, campaign.Filter{PasswordSetBefore: moment(day(time.March, 2))}
	case 2, 3:
		subjects := rapid.SliceOfN(rapid.SampledFrom(ruleSubjects), 0, 4).Draw(r, "list")
		request.Scope, request.List = campaign.Listed, strings.NewReader("subject\n"+strings.Join(subjects, "\n")+"\n")
	}
	if d := drawDate(r, "cutoff"); !d.IsZero() {
		request.Cutoff = &d
	}
	_, err := on(h.store).Create(h.ctx, request, responder)
	noError(r, "creating", err)
}

func (h *history) activateNew(r *rapid.T) {
	h.create(r)
	k := h.campaigns(r)[0]
	_, err := on(h.store).Prepare(h.ctx, k.ID, responder)
	noError(r, "preparing", err)
	h.activate(r, k.ID)
}

// activate compares the number said to die with those that did.
func (h *history) activate(r *rapid.T, id int64) {
	before := h.read(r)
	p, err := on(h.store).Preview(h.ctx, id)
	noError(r, "previewing", err)
	done, err := on(h.store).Activate(h.ctx, id, campaign.ActivateRequest{Expect: &p.WouldDie, Tolerance: new(int64)}, responder)
	noError(r, "activating", err)
	died := int64(0)
	for id, now := range h.read(r) {
		if now.credential.Has && now.standing.Dead && !before[id].standing.Dead {
			died++
		}
	}
	if done.Died == nil || *done.Died != died || p.WouldDie != died {
		r.Fatalf("%d died, previewed were %d, counted %v", died, p.WouldDie, done.Died)
	}
}

// act tries an act on any campaign; one that its state forbids is refused.
func (h *history) act(name string) func(*rapid.T) {
	return func(r *rapid.T) {
		list := h.campaigns(r)
		if len(list) == 0 {
			r.Skip("no campaign yet")
		}
		k := rapid.SampledFrom(list).Draw(r, "campaign")
		var err error
		switch name {
		case "prepare":
			_, err = on(h.store).Prepare(h.ctx, k.ID, responder)
		case "activate":
			if k.State == campaign.Prepared {
				h.activate(r, k.ID)
				return
			}
			_, err = on(h.store).Activate(h.ctx, k.ID, campaign.ActivateRequest{}, responder)
		case "close":
			err = on(h.store).Close(h.ctx, k.ID, responder)
		case "cancel":
			err = on(h.store).Cancel(h.ctx, k.ID, "test", responder)
		case "discard":
			err = on(h.store).Discard(h.ctx, k.ID, responder)
		}
		if err != nil && !problem.Is(err, problem.Conflict) {
			r.Fatalf("%s: %v", name, err)
		}
	}
}

func (h *history) campaigns(r *rapid.T) []campaign.Campaign {
	list, err := on(h.store).List(h.ctx)
	noError(r, "listing campaigns", err)
	return list
}

// read reads the accounts with what credential_status says of them.
func (h *history) read(r *rapid.T) map[int64]facts {
	type row struct {
		ID, CredentialVersion                        int64
		Subject                                      string
		Has, Dead, Killed                            bool
		PasswordSetAt, SessionsValidFrom, DisabledAt store.Time
		NotBefore                                    store.Time
		Epoch                                        int64
		KilledBy, CoveredBy                          int64
	}
	rows, err := store.RowsRaw[row](h.ctx, h.store, `SELECT a.id, a.subject, a.credential_version, a.password_hash IS NOT NULL AS has, a.password_set_at,
		a.sessions_valid_from, a.disabled_at, c.dead, c.killed, c.not_before, c.epoch, coalesce(c.killed_by, 0) AS killed_by, coalesce(c.covered_by, 0) AS covered_by
		FROM accounts a JOIN credential_status c ON c.account_id = a.id`)
	noError(r, "reading accounts", err)
	all := map[int64]facts{}
	for _, a := range rows {
		all[a.ID] = facts{id: a.ID, subject: a.Subject, version: a.CredentialVersion,
			credential: campaign.Credential{Has: a.Has, SetAt: a.PasswordSetAt.Ptr(), SessionsValidFrom: a.SessionsValidFrom.Ptr(), DisabledAt: a.DisabledAt.Ptr()},
			standing:   campaign.Standing{Dead: a.Dead, Killed: a.Killed, NotBefore: a.NotBefore.Ptr(), Epoch: a.Epoch, KilledBy: a.KilledBy, CoveredBy: a.CoveredBy}}
	}
	return all
}

// reach is a row of campaign_reach.
type reach struct {
	CampaignID, AccountID int64
	Kills, Revokes        bool
}

// compare is the property: both views say what the Go rule says, and nothing fell that only rises.
func (h *history) compare(r *rapid.T) {
	type member struct{ CampaignID, AccountID int64 }
	list := h.campaigns(r)
	now := h.read(r)
	members, err := store.RowsRaw[member](h.ctx, h.store, "SELECT campaign_id, account_id FROM campaign_members")
	noError(r, "reading members", err)
	rows, err := store.RowsRaw[reach](h.ctx, h.store, "SELECT campaign_id, account_id, kills, revokes FROM campaign_reach ORDER BY 1, 2")
	noError(r, "reading reaches", err)
	var byRule []reach
	for id, f := range now {
		in := func(campaign int64) bool { return slices.Contains(members, member{campaign, id}) }
		for _, k := range list {
			if covers, kills, revokes := campaign.Reaches(k, f.credential, in(k.ID)); covers {
				byRule = append(byRule, reach{k.ID, id, kills, revokes})
			}
		}
		if diff := cmp.Diff(campaign.StatusOf(f.credential, list, in), f.standing); diff != "" {
			r.Fatalf("status of %s (-Go +SQL):\n%s", f.subject, diff)
		}
		before := h.seen[id]
		if f.version < before.version || f.standing.Epoch < before.standing.Epoch || fell(before.standing.NotBefore, f.standing.NotBefore) {
			r.Fatalf("%s fell back: %+v, then %+v", f.subject, before, f)
		}
	}
	slices.SortFunc(byRule, func(a, b reach) int {
		if a.CampaignID != b.CampaignID {
			return int(a.CampaignID - b.CampaignID)
		}
		return int(a.AccountID - b.AccountID)
	})
	if diff := cmp.Diff(byRule, rows); diff != "" && len(byRule)+len(rows) > 0 {
		r.Fatalf("reach (-Go +SQL):\n%s", diff)
	}
	h.seen = now
}

func fell(before, now *time.Time) bool {
	return before != nil && (now == nil || now.Before(*before))
}
