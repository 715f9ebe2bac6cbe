package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
	"github.com/seed-1c168855/rekey/internal/support"
)

func lookAt(a audit.Action) func(string) audit.Entry {
	return func(subject string) audit.Entry { return audit.New(responder, a, support.Object(subject), nil) }
}

func anyMember(support.Member) error { return nil }

// A member's state, campaigns, mails and acts are read as they are, and nobody else's; the look is recorded under the subject.
func TestMemberHasEverything(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		base(t, s)
		seatAll(t, s, seat{subject: "1", email: "other@example.com", scheme: "md5"}) // its subject is the first account's number
		k := active(t, s, "email\namy@example.com\n")
		ctx, june := t.Context(), day(time.June, 20)
		insert := `INSERT INTO outbox (kind, account_id, email_key, state, attempts, next_attempt_at, created_at, last_error) VALUES (?, ?, ?, ?, 1, ?, ?, ?)`
		must(t, s.Exec(ctx, insert, "reissue", 1, nil, "failed", june, june, "550 no such user"))
		must(t, s.Exec(ctx, insert, "asked", nil, "amy@example.com", "pending", june, june, nil))
		must(t, s.Exec(ctx, insert, "asked", nil, "tails@example.com", "pending", june, june, nil))
		must(t, s.Exec(ctx, insert, "changed", 2, nil, "pending", june, june, nil))
		must(t, s.Record(ctx, audit.New(audit.Actor{Kind: audit.KindMember, Name: "1"}, audit.ResetRedeemed, "account:1", nil),
			audit.New(responder, audit.AccountPut, "account:s-1", nil), audit.New(responder, audit.AccountPut, "account:1", nil)))

		m := got[support.Member](t)(s.Member(ctx, 1, lookAt(audit.SupportFind)))
		if m.Subject != "s-1" || m.Looks != 1 || len(m.Covered) != 1 || m.Covered[0].Campaign != k || !m.Covered[0].Kills || !m.Covered[0].Listed || m.KilledBy != k {
			t.Errorf("%+v", m)
		}
		var mails, acts []string
		for _, mail := range m.Mails {
			mails = append(mails, strings.TrimSpace(mail.Text()+", "+mail.State+" "+mail.Why))
		}
		for _, e := range m.Acts {
			acts = append(acts, string(e.Action))
		}
		slices.Sort(mails)
		if diff := cmp.Diff([]string{"Fresh link, failed 550 no such user", "Link that was asked for by this address, pending", "Mail of campaign 1, pending"}, mails); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"account.put", "reset.redeemed"}, acts); diff != "" {
			t.Error(diff)
		}
		other := got[support.Member](t)(s.Member(ctx, 6, nil))
		if len(other.Acts) != 1 || len(other.Mails) != 0 || len(other.Covered) != 0 || other.Looks != 0 {
			t.Errorf("an account whose subject is another's number: %+v", other)
		}
		if _, err := s.Member(ctx, 999, lookAt(audit.SupportFind)); !problem.Is(err, problem.NotFound) {
			t.Errorf("nobody: %v", err)
		}
	})
}

func TestFindMembersBySubjectOrAddress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		base(t, s)
		find := func(subject, key string) (names []string) {
			t.Helper()
			entry := func(f []support.Found) []audit.Entry {
				return []audit.Entry{audit.New(responder, audit.SupportFind, "members", audit.Detail{"found": len(f)})}
			}
			for _, f := range got[[]support.Found](t)(s.FindMembers(t.Context(), subject, key, 20, entry)) {
				names = append(names, f.Subject)
			}
			return names
		}
		for _, c := range []struct {
			subject, key string
			want         []string
		}{
			{"s-5", "", []string{"s-5"}},
			{"tails@example.com", "tails@example.com", []string{"s-2", "s-3"}},
			{"s-1", "amy@example.com", []string{"s-1"}},
			{"nobody", "", nil},
		} {
			if diff := cmp.Diff(c.want, find(c.subject, c.key)); diff != "" {
				t.Error(diff)
			}
		}
		if n := got[int64](t)(s.Count(t.Context(), `SELECT count(*) FROM audit_entries WHERE action = 'support.find'`)); n != 4 {
			t.Errorf("%d looks recorded", n)
		}
	})
}

// An address is dead until that is taken back, a link is one row, and what the check refuses changes nothing.
func TestSupportChangesMembers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		base(t, s)
		ctx := t.Context()
		dead := func() bool { return got[support.Member](t)(s.Member(ctx, 2, nil)).Suppressed != nil }
		must(t, s.MarkAddress(ctx, 3, "marked dead by operator:ann", anyMember, lookAt(audit.SupportDeadAddress)))
		if m := got[support.Member](t)(s.Member(ctx, 2, nil)); m.Suppressed == nil || m.Suppressed.Reason != "marked dead by operator:ann" || m.Suppressed.At.IsZero() {
			t.Errorf("the address of two accounts is not dead for the other: %+v", m.Suppressed)
		}
		must(t, s.MarkAddress(ctx, 2, "", anyMember, lookAt(audit.SupportDeadAddress)))
		if dead() {
			t.Error("taking it back does nothing")
		}
		must(t, s.SendLink(ctx, 2, time.Hour, anyMember, lookAt(audit.SupportLink)))
		n := got[int64](t)(s.Count(ctx, `SELECT count(*) FROM outbox WHERE kind = 'reissue' AND account_id = 2 AND state = 'pending' AND next_attempt_at > created_at`))
		if n != 1 {
			t.Errorf("%d links wait", n)
		}
		before := entries(t, s)
		no := problem.New(problem.Conflict, "no")
		refuse := func(support.Member) error { return no }
		for what, err := range map[string]error{
			"link":    s.SendLink(ctx, 2, 0, refuse, lookAt(audit.SupportLink)),
			"address": s.MarkAddress(ctx, 2, "x", refuse, lookAt(audit.SupportDeadAddress)),
		} {
			if !problem.Is(err, problem.Conflict) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if diff := cmp.Diff(before, entries(t, s)); diff != "" || dead() {
			t.Errorf("a refused act did something: %s", diff)
		}
	})
}
