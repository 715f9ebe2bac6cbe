package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

var responder = audit.Actor{Kind: audit.KindCLI, Name: "responder"}

// seat is an account of a test; zero fields are NULL.
type seat struct {
	subject, email, locale, scheme string // scheme "" = no password
	created                        time.Time
	setAt                          *time.Time
}

func on(s *store.Store) *campaign.Campaigns { return campaign.On(s, account.EmailKey, nil) }

// day is a date of the year of the breach.
func day(month time.Month, d int) time.Time { return time.Date(2011, month, d, 0, 0, 0, 0, time.UTC) }

func moment(t time.Time) *time.Time { return &t }

// seatAll inserts accounts, in the order given.
func seatAll(t *testing.T, s *store.Store, seats ...seat) {
	t.Helper()
	text := func(v string) *string {
		if v == "" {
			return nil
		}
		return &v
	}
	for _, a := range seats {
		key := ""
		if a.email != "" {
			var err error
			if key, err = account.EmailKey(a.email); err != nil {
				t.Fatalf("folding %s: %v", a.email, err)
			}
		}
		hash := ""
		if a.scheme != "" {
			hash = "hash of " + a.subject
		}
		if a.created.IsZero() {
			a.created = day(time.January, 1)
		}
		var setAt any
		if a.setAt != nil {
			setAt = *a.setAt
		}
		must(t, s.Exec(t.Context(), `INSERT INTO accounts (subject, email, email_key, locale, created_at, password_hash, password_scheme, password_set_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, a.subject, text(a.email), text(key), text(a.locale), a.created, text(hash), text(a.scheme), setAt))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func got[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// base are five accounts: two share an address, one has no password, one no address, one an unknown date.
func base(t *testing.T, s *store.Store) {
	t.Helper()
	june := day(time.June, 1)
	seatAll(t, s,
		seat{subject: "s-1", email: "amy@example.com", scheme: "md5", setAt: &june},
		seat{subject: "s-2", email: "Tails@EXAMPLE.com", scheme: "md5", setAt: &june},
		seat{subject: "s-3", email: "tails@example.com", scheme: "md5"},
		seat{subject: "s-4", email: "sso@example.com"},
		seat{subject: "s-5", scheme: "md5", setAt: &june})
}

// create drafts a campaign over a list, everyone if it is empty.
func create(t *testing.T, s *store.Store, list string, change ...func(*campaign.CreateRequest)) campaign.Campaign {
	t.Helper()
	r := campaign.CreateRequest{Incident: "sega-pass", Scope: campaign.Everyone}
	if list != "" {
		r.Scope, r.List = campaign.Listed, strings.NewReader(list)
	}
	for _, f := range change {
		f(&r)
	}
	return got[campaign.Campaign](t)(on(s).Create(t.Context(), r, responder))
}

func prepared(t *testing.T, s *store.Store, list string, change ...func(*campaign.CreateRequest)) int64 {
	t.Helper()
	k := create(t, s, list, change...)
	got[campaign.Report](t)(on(s).Prepare(t.Context(), k.ID, responder))
	return k.ID
}

func active(t *testing.T, s *store.Store, list string, change ...func(*campaign.CreateRequest)) int64 {
	t.Helper()
	id := prepared(t, s, list, change...)
	got[campaign.Activated](t)(on(s).Activate(t.Context(), id, campaign.ActivateRequest{}, responder))
	return id
}

// deadSubjects lists the subjects that credential_status calls dead.
func deadSubjects(t *testing.T, s *store.Store) string {
	t.Helper()
	rows := got[[]struct{ Subject string }](t)(store.RowsRaw[struct{ Subject string }](t.Context(), s,
		"SELECT a.subject FROM accounts a JOIN credential_status c ON c.account_id = a.id WHERE c.dead ORDER BY a.subject"))
	var list []string
	for _, r := range rows {
		list = append(list, r.Subject)
	}
	return strings.Join(list, " ")
}

// entries lists the audit log as "action outcome", oldest first.
func entries(t *testing.T, s *store.Store) []string {
	t.Helper()
	type row struct{ Action, Outcome string }
	var list []string
	for _, r := range got[[]row](t)(store.RowsRaw[row](t.Context(), s, "SELECT action, outcome FROM audit_entries ORDER BY id")) {
		list = append(list, r.Action+" "+r.Outcome)
	}
	return list
}

func TestCampaignLife(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		base(t, s)
		k := create(t, s, "")
		if diff := cmp.Diff("sega-pass everyone draft running", fmt.Sprint(k.Incident, " ", k.Scope, " ", k.State, " ", k.Mailing)); diff != "" {
			t.Error(diff)
		}
		report := got[campaign.Report](t)(on(s).Prepare(t.Context(), k.ID, responder))
		if diff := cmp.Diff(campaign.Report{Listed: 5, Matched: 5, NoPassword: 1, NoAddress: 1}, report); diff != "" {
			t.Error(diff)
		}
		p := got[campaign.Preview](t)(on(s).Preview(t.Context(), k.ID))
		if p.WouldDie != 4 || p.Covered != 5 || p.AlreadyDead != 0 || len(p.Sample) != 4 || p.Sample[0].Email != "a…@example.com" {
			t.Errorf("preview %+v", p)
		}
		if d := deadSubjects(t, s); d != "" {
			t.Errorf("dead before the activation: %s", d)
		}
		expect := int64(4)
		done := got[campaign.Activated](t)(on(s).Activate(t.Context(), k.ID, campaign.ActivateRequest{Expect: &expect}, responder))
		if done.Died == nil || *done.Died != 4 || done.Epoch != 1 || !done.Cutoff.Equal(done.ActivatedAt) {
			t.Errorf("activated %+v", done)
		}
		if d := deadSubjects(t, s); d != "s-1 s-2 s-3 s-5" {
			t.Errorf("dead after the activation: %s", d)
		}
		must(t, on(s).Pause(t.Context(), k.ID, responder))
		must(t, on(s).Resume(t.Context(), k.ID, responder))
		if p := got[campaign.Plan](t)(on(s).PlanClose(t.Context(), k.ID)); p.Accounts != 4 {
			t.Errorf("closing would keep %d mails, want 4", p.Accounts)
		}
		must(t, on(s).Close(t.Context(), k.ID, responder))
		if d := deadSubjects(t, s); d != "s-1 s-2 s-3 s-5" {
			t.Errorf("dead after closing: %s", d)
		}
		st := got[campaign.Status](t)(on(s).Status(t.Context(), k.ID))
		if diff := cmp.Diff(campaign.Delivery{Skipped: 5}, st.Delivery); diff != "" || st.State != campaign.Closed || st.Mailing != campaign.Done || *st.Died != 4 {
			t.Errorf("status %+v %s", st, diff)
		}
		if p := got[campaign.Plan](t)(on(s).PlanCancel(t.Context(), k.ID)); p.Accounts != 4 {
			t.Errorf("cancelling would revive %d, want 4", p.Accounts)
		}
		must(t, on(s).Cancel(t.Context(), k.ID, "wrong dump", responder))
		if d := deadSubjects(t, s); d != "" {
			t.Errorf("dead after cancelling: %s", d)
		}
		var sessions, epochs int64
		must(t, s.ScanRaw(t.Context(), "SELECT count(not_before), sum(epoch) FROM credential_status", nil, &sessions, &epochs))
		if sessions != 5 || epochs != 5 {
			t.Errorf("cancelling revived sessions or links: %d of 5 not before, epochs %d", sessions, epochs)
		}
		want := []string{"incident.set done", "campaign.create done", "campaign.prepare done", "campaign.activate done", "campaign.count done",
			"campaign.pause done", "campaign.resume done", "campaign.close done", "campaign.cancel done"}
		if diff := cmp.Diff(want, entries(t, s)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestWrongStates tries every act in every state. What the state forbids is refused by the plan and by the act alike, changes nothing, and leaves
// an entry.
func TestWrongStates(t *testing.T) {
	t.Parallel()
	reach := map[campaign.State]func(t *testing.T, s *store.Store) int64{
		campaign.Draft:    func(t *testing.T, s *store.Store) int64 { return create(t, s, "").ID },
		campaign.Prepared: func(t *testing.T, s *store.Store) int64 { return prepared(t, s, "") },
		campaign.Active:   func(t *testing.T, s *store.Store) int64 { return active(t, s, "") },
		campaign.Closed: func(t *testing.T, s *store.Store) int64 {
			id := active(t, s, "")
			must(t, on(s).Close(t.Context(), id, responder))
			return id
		},
		campaign.Cancelled: func(t *testing.T, s *store.Store) int64 {
			id := active(t, s, "")
			must(t, on(s).Cancel(t.Context(), id, "mistake", responder))
			return id
		},
		campaign.Discarded: func(t *testing.T, s *store.Store) int64 {
			id := prepared(t, s, "")
			must(t, on(s).Discard(t.Context(), id, responder))
			return id
		},
	}
	type act struct {
		name    string
		allowed string
		do      func(c *campaign.Campaigns, ctx context.Context, id int64) error
		plan    func(c *campaign.Campaigns, ctx context.Context, id int64) error
	}
	acts := []act{
		{"prepare", "draft prepared", func(c *campaign.Campaigns, ctx context.Context, id int64) error {
			_, err := c.Prepare(ctx, id, responder)
			return err
		}, nil},
		{"activate", "prepared", func(c *campaign.Campaigns, ctx context.Context, id int64) error {
			_, err := c.Activate(ctx, id, campaign.ActivateRequest{}, responder)
			return err
		}, func(c *campaign.Campaigns, ctx context.Context, id int64) error {
			_, err := c.Preview(ctx, id)
			return err
		}},
		{"pause", "draft prepared active", func(c *campaign.Campaigns, ctx context.Context, id int64) error { return c.Pause(ctx, id, responder) }, nil},
		{"resume", "", func(c *campaign.Campaigns, ctx context.Context, id int64) error { return c.Resume(ctx, id, responder) }, nil},
		{"close", "active", func(c *campaign.Campaigns, ctx context.Context, id int64) error { return c.Close(ctx, id, responder) },
			func(c *campaign.Campaigns, ctx context.Context, id int64) error {
				_, err := c.PlanClose(ctx, id)
				return err
			}},
		{"cancel", "active closed", func(c *campaign.Campaigns, ctx context.Context, id int64) error {
			return c.Cancel(ctx, id, "x", responder)
		},
			func(c *campaign.Campaigns, ctx context.Context, id int64) error {
				_, err := c.PlanCancel(ctx, id)
				return err
			}},
		{"discard", "draft prepared", func(c *campaign.Campaigns, ctx context.Context, id int64) error { return c.Discard(ctx, id, responder) },
			func(c *campaign.Campaigns, ctx context.Context, id int64) error {
				_, err := c.PlanDiscard(ctx, id)
				return err
			}},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		base(t, s)
		for state, make := range reach {
			for _, a := range acts {
				id := make(t, s)
				allowed := strings.Contains(a.allowed, string(state))
				if a.plan != nil {
					if err := a.plan(on(s), t.Context(), id); (err == nil) != allowed || (err != nil && !problem.Is(err, problem.Conflict)) {
						t.Errorf("planning to %s a %s campaign: %v", a.name, state, err)
					}
				}
				before := got[campaign.Campaign](t)(on(s).Show(t.Context(), id))
				written := len(entries(t, s))
				err := a.do(on(s), t.Context(), id)
				if (err == nil) != allowed {
					t.Errorf("%s of a %s campaign: %v, allowed %v", a.name, state, err, allowed)
				}
				if err == nil {
					continue
				}
				log := entries(t, s)
				if !problem.Is(err, problem.Conflict) || len(log) != written+1 || log[written] != "campaign."+a.name+" refused" {
					t.Errorf("%s of a %s campaign: %v, log %v", a.name, state, err, log[written:])
				}
				if diff := cmp.Diff(before, got[campaign.Campaign](t)(on(s).Show(t.Context(), id))); diff != "" {
					t.Errorf("a refused %s changed a %s campaign: %s", a.name, state, diff)
				}
			}
		}
		for _, a := range acts {
			if err := a.do(on(s), t.Context(), 999_999); !problem.Is(err, problem.NotFound) {
				t.Errorf("%s of no campaign: %v", a.name, err)
			}
		}
	})
}

// TestStatusCounts puts one member in each state.
func TestStatusCounts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for n := range 7 {
			seatAll(t, s, seat{subject: fmt.Sprint("s-", n), email: fmt.Sprint("s", n, "@example.com"), scheme: "md5"})
		}
		id := active(t, s, "")
		set := func(subject, what string, args ...any) {
			must(t, s.Exec(t.Context(), "UPDATE campaign_members SET "+what+" WHERE account_id = (SELECT id FROM accounts WHERE subject = ?)", append(args, subject)...))
		}
		now := got[time.Time](t)(s.Now(t.Context()))
		set("s-1", "state = 'leased'")
		set("s-2", "state = 'sent', sent_at = ?, reset_at = ?", now.Add(-time.Second), now)
		set("s-3", "state = 'sent', sent_at = ?, reset_at = ?", now.Add(-30*time.Minute), now.Add(-2*time.Hour))
		set("s-4", "state = 'skipped'")
		set("s-5", "state = 'failed'")
		set("s-6", "state = 'bounced', sent_at = ?", now.Add(-2*time.Hour))
		st := got[campaign.Status](t)(on(s).Status(t.Context(), id))
		if diff := cmp.Diff(campaign.Delivery{Pending: 2, Sent: 2, Skipped: 1, Failed: 1, Bounced: 1}, st.Delivery); diff != "" {
			t.Error(diff)
		}
		if st.Members != 7 || st.Reset != 2 || st.SentLastMinute != 1 || st.SentLastHour != 2 || st.ResetLastHour != 1 {
			t.Errorf("status %+v", st)
		}
	})
}
