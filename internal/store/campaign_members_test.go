package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

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

// TestPrepareAtOnce shows that two who prepare the same campaign don't mix: each gets the whole report, or is told to wait.
func TestPrepareAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		base(t, s)
		id := create(t, s, "subject\ns-1\ns-2\nnobody\n").ID
		want := campaign.Report{Listed: 3, Matched: 2, Unmatched: 1}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				report, err := on(s).Prepare(t.Context(), id, responder)
				if err != nil && !problem.Is(err, problem.Conflict) {
					t.Error(err)
				}
				if err == nil && report != want {
					t.Errorf("report %+v", report)
				}
			})
		}
		wg.Wait()
		if diff := cmp.Diff("s-1 pending ; s-2 pending ; ", memberList(t, s, id)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestPrepareBesideReader shows that a long read of the members neither fails a repeated prepare nor lets others wait behind it.
func TestPrepareBesideReader(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t, store.Options{})
	base(t, s)
	id := prepared(t, s, "subject\ns-1\n")
	reading, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- s.HoldRead(t.Context(), "SELECT count(*) FROM campaign_members", reading)
	}()
	<-reading
	again := make(chan error, 1)
	go func() {
		_, err := on(s).Prepare(t.Context(), id, responder)
		again <- err
	}()
	for range 20 { // some of these fall into the waits of the other
		must(t, s.Exec(t.Context(), "SELECT count(*) FROM credential_status"))
	}
	select {
	case err := <-again:
		t.Fatalf("prepared while the members were read: %v", err)
	default:
	}
	reading <- struct{}{}
	must(t, <-done)
	must(t, <-again)
}
