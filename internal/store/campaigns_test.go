package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
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

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		tomorrow := time.Now().Add(24 * time.Hour)
		for name, r := range map[string]campaign.CreateRequest{
			"no scope":             {Incident: "a"},
			"everyone with list":   {Incident: "a", Scope: campaign.Everyone, List: strings.NewReader("email\n")},
			"everyone with filter": {Incident: "a", Scope: campaign.Everyone, Filter: campaign.Filter{Locale: "de"}},
			"list without":         {Incident: "a", Scope: campaign.Listed},
			"list with both":       {Incident: "a", Scope: campaign.Listed, Filter: campaign.Filter{Locale: "de"}, List: strings.NewReader("email\n")},
			"no header":            {Incident: "a", Scope: campaign.Listed, List: strings.NewReader("amy@example.com\n")},
			"bad slug":             {Incident: "../a", Scope: campaign.Everyone},
			"future cutoff":        {Incident: "a", Scope: campaign.Everyone, Cutoff: &tomorrow},
		} {
			if _, err := on(s).Create(t.Context(), r, responder); !problem.Is(err, problem.Invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if list := got[[]campaign.Campaign](t)(on(s).List(t.Context())); len(list) != 0 {
			t.Errorf("refused requests left %d campaigns", len(list))
		}
		if _, err := incident.Show(t.Context(), s, "a"); !problem.Is(err, problem.NotFound) {
			t.Errorf("a refused request left its incident: %v", err)
		}
		for _, e := range entries(t, s) {
			if e != "campaign.create refused" {
				t.Errorf("entry %s", e)
			}
		}
	})
}

// TestListReadError shows that half a list is none.
func TestListReadError(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		broken := errors.New("the disk is gone")
		_, err := on(s).Create(t.Context(), campaign.CreateRequest{Incident: "a", Scope: campaign.Listed,
			List: &brokenReader{text: "email\namy@example.com\n", err: broken}}, responder)
		if !errors.Is(err, broken) {
			t.Errorf("creating from a broken list: %v", err)
		}
		var campaigns, lines int
		must(t, s.ScanRaw(t.Context(), "SELECT (SELECT count(*) FROM campaigns), (SELECT count(*) FROM campaign_list_lines)", nil, &campaigns, &lines))
		if campaigns+lines != 0 {
			t.Errorf("%d campaigns and %d lines left", campaigns, lines)
		}
	})
}

type brokenReader struct {
	text string
	err  error
}

func (b *brokenReader) Read(p []byte) (int, error) {
	if b.text == "" {
		return 0, b.err
	}
	n := copy(p, b.text)
	b.text = b.text[n:]
	return n, nil
}

func TestPrepareList(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		base(t, s)
		must(t, s.Exec(t.Context(), "INSERT INTO suppressions (email_key, reason, created_at) VALUES ('amy@example.com', 'bounced', ?)", day(time.July, 1)))
		list := "name,E-Mail,Email\n" + // line 1
			"Amy,,AMY@example.COM\n" + // 2
			"Tails,,tails@example.com\n" + // 3: two accounts
			"\n" + // blank lines are none
			"Tails again,,TAILS@example.com\n" + // 5: duplicate
			"Nobody,,stranger@example.net\n" + // 6: unmatched
			"Broken,,not an address\n" + // 7: invalid
			"\"Quote,,amy@example.com\n" + // 8: invalid; the next is not lost
			"SSO,,sso@example.com\n" + // 9
			"short\n" + // 10: invalid
			"Eve,,=HYPERLINK(\"x\")@example.com\n" // 11: invalid
		k := create(t, s, list)
		report := got[campaign.Report](t)(on(s).Prepare(t.Context(), k.ID, responder))
		want := campaign.Report{Listed: 9, Matched: 4, Unmatched: 5, Duplicate: 1, NoPassword: 1}
		if diff := cmp.Diff(want, report); diff != "" {
			t.Error(diff)
		}
		var out bytes.Buffer
		must(t, on(s).Lines(t.Context(), k.ID, "", &out))
		lines := "\"line\",\"value\",\"outcome\"\r\n\"5\",\"TAILS@example.com\",\"duplicate\"\r\n\"6\",\"stranger@example.net\",\"unmatched\"\r\n" +
			"\"7\",\"not an address\",\"invalid\"\r\n\"8\",\"\"\"Quote,,amy@example.com\",\"invalid\"\r\n\"10\",\"short\",\"invalid\"\r\n" +
			"\"11\",\"Eve,,=HYPERLINK(\"\"x\"\")@example.com\",\"invalid\"\r\n"
		if diff := cmp.Diff(lines, out.String()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff("s-1 skipped address suppressed; s-2 pending ; s-3 pending ; s-4 pending ; ", memberList(t, s, k.ID)); diff != "" {
			t.Error(diff)
		}
	})
}

func memberList(t *testing.T, s *store.Store, id int64) string {
	t.Helper()
	type row struct{ Subject, State, Why string }
	var b strings.Builder
	for _, r := range got[[]row](t)(store.RowsRaw[row](t.Context(), s, `SELECT a.subject, m.state, coalesce(m.last_error, '') AS why
		FROM campaign_members m JOIN accounts a ON a.id = m.account_id WHERE m.campaign_id = ? ORDER BY a.id`, id)) {
		fmt.Fprintf(&b, "%s %s %s; ", r.Subject, r.State, r.Why)
	}
	return b.String()
}

// TestPrepareAgain prepares after more accounts came: members, report and marks are those of the new state, and nothing of the old is left.
func TestPrepareAgain(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		base(t, s)
		other := prepared(t, s, "subject\ns-1\n")
		id := prepared(t, s, "subject\ns-1\nlate\nlate\ns-5\n")
		seatAll(t, s, seat{subject: "late", email: "late@example.com", scheme: "md5"})
		must(t, s.Exec(t.Context(), "UPDATE accounts SET email = NULL, email_key = NULL, locale = NULL, password_hash = NULL, password_scheme = NULL, deleted_at = ? WHERE subject = 's-1'", day(time.August, 1)))
		report := got[campaign.Report](t)(on(s).Prepare(t.Context(), id, responder))
		want := campaign.Report{Listed: 4, Matched: 3, Duplicate: 1, NoPassword: 1, NoAddress: 2}
		if diff := cmp.Diff(want, report); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff("s-1 skipped no address; s-5 skipped no address; late pending ; ", memberList(t, s, id)); diff != "" {
			t.Error(diff)
		}
		var out bytes.Buffer
		must(t, on(s).Lines(t.Context(), id, campaign.Duplicate, &out))
		if !strings.Contains(out.String(), `"4","late"`) || strings.Contains(out.String(), `"3"`) {
			t.Errorf("duplicates after preparing again: %s", out.String())
		}
		if diff := cmp.Diff("s-1 pending ; ", memberList(t, s, other)); diff != "" {
			t.Errorf("another campaign's members changed: %s", diff)
		}
	})
}

func TestFilters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		seatAll(t, s,
			seat{subject: "old", email: "a@BÜCHER.example", locale: "pt-BR", scheme: "bcrypt:10", created: day(time.January, 1), setAt: moment(day(time.March, 1))},
			seat{subject: "new", email: "b@sub.bücher.example", locale: "pt", scheme: "bcrypt_x:5", created: day(time.May, 1), setAt: moment(day(time.May, 1))},
			seat{subject: "undated", email: "c@example.com", locale: "ptx", scheme: "bcrypt", created: day(time.June, 1)},
			seat{subject: "sso", locale: "PT", created: day(time.June, 1)})
		for _, c := range []struct{ terms, want string }{
			{"created-before=2011-05-01", "old"},
			{"password-set-before=2011-05-01", "old undated"},
			{"scheme=bcrypt", "old undated"},
			{"scheme=bcrypt:10", "old"},
			{"domain=Bücher.example", "old"},
			{"domain=example", ""},
			{"locale=pt", "new old sso"},
			{"locale=PT-br", "old"},
			{"locale=pt created-before=2011-06-01 scheme=bcrypt_x", "new"},
		} {
			f := got[campaign.Filter](t)(campaign.ParseFilter(strings.Fields(c.terms)))
			k := create(t, s, "", func(r *campaign.CreateRequest) { r.Scope, r.Filter = campaign.Listed, f })
			report := got[campaign.Report](t)(on(s).Prepare(t.Context(), k.ID, responder))
			rows := got[[]struct{ Subject string }](t)(store.RowsRaw[struct{ Subject string }](t.Context(), s,
				"SELECT a.subject FROM campaign_members m JOIN accounts a ON a.id = m.account_id WHERE m.campaign_id = ? ORDER BY a.subject", k.ID))
			var names []string
			for _, r := range rows {
				names = append(names, r.Subject)
			}
			if have := strings.Join(names, " "); have != c.want || report.Listed != int64(len(names)) || report.Matched != report.Listed {
				t.Errorf("%s: members %q, want %q; report %+v", c.terms, have, c.want, report)
			}
		}
	})
}

// TestCutoffReport holds the report's already_changed, the only place beside the view that compares with a cutoff, to the view.
func TestCutoffReport(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		june := day(time.June, 1)
		seatAll(t, s,
			seat{subject: "before", scheme: "md5", setAt: moment(june.Add(-time.Microsecond))},
			seat{subject: "at", scheme: "md5", setAt: &june},
			seat{subject: "after", scheme: "md5", setAt: moment(june.Add(time.Hour))},
			seat{subject: "undated", scheme: "md5"},
			seat{subject: "sso", setAt: moment(june.Add(time.Hour))})
		k := create(t, s, "", func(r *campaign.CreateRequest) { r.Cutoff = &june })
		report := got[campaign.Report](t)(on(s).Prepare(t.Context(), k.ID, responder))
		var byView int64
		must(t, s.ScanRaw(t.Context(), `SELECT count(*) FROM campaign_reach r JOIN accounts a ON a.id = r.account_id
			WHERE r.campaign_id = ? AND NOT r.kills AND a.password_hash IS NOT NULL`, []any{k.ID}, &byView))
		if report.AlreadyChanged != 2 || byView != 2 {
			t.Errorf("already changed: report %d, view %d, want 2", report.AlreadyChanged, byView)
		}
		done := got[campaign.Activated](t)(on(s).Activate(t.Context(), k.ID, campaign.ActivateRequest{}, responder))
		if d := deadSubjects(t, s); d != "before undated" || *done.Died != 2 || !done.Cutoff.Equal(june) {
			t.Errorf("dead %q, activated %+v", d, done)
		}
	})
}

// TestOverlap counts in three overlapping campaigns and a disabled account: nobody dies twice, and cancelling revives only its own.
func TestOverlap(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for n := range 6 {
			seatAll(t, s, seat{subject: fmt.Sprint("s-", n), scheme: "md5"})
		}
		must(t, s.Exec(t.Context(), "UPDATE accounts SET disabled_at = ? WHERE subject = 's-5'", day(time.May, 1)))
		first := active(t, s, "subject\ns-0\ns-1\ns-2\n")
		second := prepared(t, s, "subject\ns-1\ns-2\ns-3\ns-5\n")
		p := got[campaign.Preview](t)(on(s).Preview(t.Context(), second))
		if p.WouldDie != 1 || p.AlreadyDead != 3 || p.Covered != 4 {
			t.Errorf("preview %+v", p)
		}
		done := got[campaign.Activated](t)(on(s).Activate(t.Context(), second, campaign.ActivateRequest{}, responder))
		if *done.Died != 1 || done.Epoch != 2 {
			t.Errorf("activated %+v", done)
		}
		if p := got[campaign.Plan](t)(on(s).PlanCancel(t.Context(), first)); p.Accounts != 1 {
			t.Errorf("cancelling the first would revive %d, want 1", p.Accounts)
		}
		must(t, on(s).Cancel(t.Context(), first, "mistake", responder))
		if d := deadSubjects(t, s); d != "s-1 s-2 s-3 s-5" {
			t.Errorf("dead after cancelling the first: %s", d)
		}
		if k := got[campaign.Campaign](t)(on(s).Show(t.Context(), first)); *k.Died != 3 || k.CancelReason != "mistake" {
			t.Errorf("first %+v", k)
		}
	})
}

func TestExpect(t *testing.T) {
	t.Parallel()
	n := func(v int64) *int64 { return &v }
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for i := range 30 {
			seatAll(t, s, seat{subject: fmt.Sprint("s-", i), scheme: "md5"})
		}
		id := prepared(t, s, "")
		for _, r := range []campaign.ActivateRequest{{Expect: n(41)}, {Expect: n(19)}, {Expect: n(29), Tolerance: n(0)}, {Expect: n(33), Tolerance: n(2)}} {
			if _, err := on(s).Activate(t.Context(), id, r, responder); !problem.Is(err, problem.Conflict) {
				t.Errorf("expecting %d, tolerance %v, where 30 die: %v", *r.Expect, r.Tolerance, err)
			}
		}
		if d := deadSubjects(t, s); d != "" {
			t.Errorf("a refused activation killed %s", d)
		}
		got[campaign.Activated](t)(on(s).Activate(t.Context(), id, campaign.ActivateRequest{Expect: n(40)}, responder))
	})
}

// TestPreparedAnew shows that the members that die are those that were counted: a campaign prepared between the count and the lock is refused.
func TestPreparedAnew(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		base(t, s)
		id := prepared(t, s, "")
		counted := *got[campaign.Campaign](t)(s.Campaign(t.Context(), id)).PreparedAt
		got[campaign.Report](t)(on(s).Prepare(t.Context(), id, responder))
		_, err := s.ActivateCampaign(t.Context(), id, counted, audit.New(responder, audit.CampaignActivate, campaign.Object(id), nil))
		if !errors.Is(err, campaign.ErrPreparedAnew) {
			t.Errorf("activating what was prepared anew: %v", err)
		}
	})
}

func TestActivateOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		base(t, s)
		id := prepared(t, s, "")
		var wg sync.WaitGroup
		results := make(chan error, 20)
		for range 20 {
			wg.Go(func() {
				_, err := on(s).Activate(t.Context(), id, campaign.ActivateRequest{}, responder)
				results <- err
			})
		}
		wg.Wait()
		close(results)
		won := 0
		for err := range results {
			if err == nil {
				won++
			} else if !problem.Is(err, problem.Conflict) {
				t.Errorf("a loser got %v", err)
			}
		}
		done := 0
		for _, e := range entries(t, s) {
			if e == "campaign.activate done" {
				done++
			}
		}
		if won != 1 || done != 1 {
			t.Errorf("%d activations won, %d entries", won, done)
		}
	})
}

// TestActivateFaults is the fault table of the activation: whatever fails, the answer is the truth.
func TestActivateFaults(t *testing.T) {
	t.Parallel()
	lost := problem.New(problem.Unavailable, "the connection is gone")
	for name, c := range map[string]struct {
		doing         string
		before, after error
		active        bool // what must hold afterwards, and be answered
		counted       bool
	}{
		"no fault":            {active: true, counted: true},
		"commit fails":        {doing: "activating a campaign", before: lost},
		"reply lost":          {doing: "activating a campaign", after: lost, active: true, counted: true},
		"count fails":         {doing: "keeping the count of what died", before: lost, active: true},
		"count's reply lost":  {doing: "keeping the count of what died", after: lost, active: true},
		"refusal not written": {doing: "recording an act", before: lost, active: true, counted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				base(t, s)
				id := prepared(t, s, "")
				fail := func(with error) func(string) error {
					return func(doing string) error {
						if doing != c.doing {
							return nil
						}
						return with
					}
				}
				s.SetHooks(false, nil, fail(c.before), fail(c.after))
				done, err := on(s).Activate(t.Context(), id, campaign.ActivateRequest{}, responder)
				if (err == nil) != c.active || (err == nil && (done.Died != nil) != c.counted) {
					t.Errorf("answer %+v, %v", done, err)
				}
				s.SetHooks(false, nil, nil, nil)
				k := got[campaign.Campaign](t)(on(s).Show(t.Context(), id))
				if (k.State == campaign.Active) != c.active || (deadSubjects(t, s) != "") != c.active {
					t.Errorf("state %s, dead %q", k.State, deadSubjects(t, s))
				}
				written := strings.Contains(strings.Join(entries(t, s), " "), "campaign.activate done")
				if written != c.active {
					t.Errorf("entry written: %v", written)
				}
				if c.active {
					if died := got[int64](t)(on(s).CountDied(t.Context(), id, responder)); died != 4 {
						t.Errorf("counted again: %d died, want 4", died)
					}
				} else if _, err := on(s).Activate(t.Context(), id, campaign.ActivateRequest{}, responder); err != nil {
					t.Errorf("trying again: %v", err)
				}
			})
		})
	}
}

// TestActivationClock shows that an activation is later than every password and every activation before it, though the clock went back.
func TestActivationClock(t *testing.T) {
	t.Parallel()
	back := time.Duration(0)
	storetest.EachWith(t, store.Options{Clock: func(now time.Time) time.Time { return now.Add(-back) }}, func(t *testing.T, s *store.Store) {
		future := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Microsecond)
		seatAll(t, s, seat{subject: "s-1", scheme: "md5", setAt: &future})
		first := prepared(t, s, "")
		second := prepared(t, s, "")
		a := got[campaign.Activated](t)(on(s).Activate(t.Context(), first, campaign.ActivateRequest{}, responder))
		b := got[campaign.Activated](t)(on(s).Activate(t.Context(), second, campaign.ActivateRequest{}, responder))
		if !a.ActivatedAt.Equal(future.Add(time.Microsecond)) || !b.ActivatedAt.Equal(future.Add(2*time.Microsecond)) {
			t.Errorf("activated at %s and %s, the password was set at %s", a.ActivatedAt, b.ActivatedAt, future)
		}
		if d := deadSubjects(t, s); d != "s-1" {
			t.Errorf("dead: %q", d)
		}
	})
}

// TestActivationWaits shows that a lock that is not given is an answer, and no change.
func TestActivationWaits(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t, store.Options{LockTimeout: 50 * time.Millisecond})
	base(t, s)
	id := prepared(t, s, "")
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.SetHooks(false, func(bool) {
		once.Do(func() {
			close(held)
			<-release
		})
	}, nil, nil)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := on(s).LockdownOn(t.Context(), "holding the lock", responder); err != nil {
			t.Error(err)
		}
	})
	<-held
	_, err := on(s).Activate(t.Context(), id, campaign.ActivateRequest{}, responder)
	close(release)
	wg.Wait()
	if !problem.Is(err, problem.Unavailable) {
		t.Errorf("activating while another holds the lock: %v", err)
	}
	if k := got[campaign.Campaign](t)(on(s).Show(t.Context(), id)); k.State != campaign.Prepared {
		t.Errorf("it is %s", k.State)
	}
	got[campaign.Activated](t)(on(s).Activate(t.Context(), id, campaign.ActivateRequest{}, responder))
}

func TestLockdown(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := on(s)
		if _, err := c.LockdownOff(t.Context(), "never was", responder); !errors.Is(err, campaign.ErrNotLocked) {
			t.Errorf("lifting none: %v", err)
		}
		if _, err := c.LockdownOn(t.Context(), "  ", responder); !problem.Is(err, problem.Invalid) {
			t.Errorf("without a reason: %v", err)
		}
		got[campaign.Lockdown](t)(c.LockdownOn(t.Context(), "breach", responder))
		if _, err := c.LockdownOn(t.Context(), "again", responder); !errors.Is(err, campaign.ErrLocked) {
			t.Errorf("locking twice: %v", err)
		}
		l := got[campaign.Lockdown](t)(c.Lockdown(t.Context()))
		if !l.On || l.Since == nil || l.Reason != "breach" || l.By != "cli:responder" {
			t.Errorf("lockdown %+v", l)
		}
		got[campaign.Lockdown](t)(c.LockdownOff(t.Context(), "contained", responder))
		if l := got[campaign.Lockdown](t)(c.Lockdown(t.Context())); l.On {
			t.Errorf("lockdown after lifting %+v", l)
		}
		want := []string{"lockdown.off refused", "lockdown.on refused", "lockdown.on done", "lockdown.on refused", "lockdown.off done"}
		if diff := cmp.Diff(want, entries(t, s)); diff != "" {
			t.Error(diff)
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

func TestIncidents(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		title, notice, yes, no := "Sega Pass", "what happened", true, false
		june, july := day(time.June, 16), day(time.July, 1)
		got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "sega-pass", Title: &title, OccurredAt: &june, Classes: []string{"names", "e-mail addresses"}}, responder))
		if _, err := incident.Published(t.Context(), s, "sega-pass"); !problem.Is(err, problem.NotFound) {
			t.Errorf("an unpublished notice: %v", err)
		}
		i := got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "sega-pass", FoundAt: &july, Notice: &notice, Publish: &yes}, responder))
		if i.Title != title || i.Notice != notice || !i.OccurredAt.Equal(june) || !i.FoundAt.Equal(july) || len(i.Classes) != 2 || i.PublishedAt == nil {
			t.Errorf("incident %+v", i)
		}
		again := got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "sega-pass", Classes: []string{}, Publish: &yes}, responder))
		if !again.PublishedAt.Equal(*i.PublishedAt) || len(again.Classes) != 0 {
			t.Errorf("published again %+v", again)
		}
		if _, err := incident.Set(t.Context(), s, incident.Change{Slug: "sega-pass", FoundAt: moment(june.Add(-time.Hour))}, responder); !problem.Is(err, problem.Invalid) {
			t.Errorf("found before it happened: %v", err)
		}
		got[incident.Incident](t)(incident.Published(t.Context(), s, "sega-pass"))
		got[incident.Incident](t)(incident.Set(t.Context(), s, incident.Change{Slug: "sega-pass", Publish: &no}, responder))
		if _, err := incident.Published(t.Context(), s, "sega-pass"); !problem.Is(err, problem.NotFound) {
			t.Errorf("a notice taken back: %v", err)
		}
		create(t, s, "", func(r *campaign.CreateRequest) { r.Incident = "later" })
		create(t, s, "")
		list := got[[]incident.Incident](t)(incident.List(t.Context(), s))
		if len(list) != 2 || list[0].Slug != "later" || list[0].PublishedAt != nil || list[1].Title != title {
			t.Errorf("incidents %+v", list)
		}
	})
}
