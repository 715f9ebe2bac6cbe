package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// Hours and languages are counted as they fall, and the first opening of a link is kept.
func TestProgress(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		mailing(t, s, 4, "everyone")
		ten := time.Date(2011, 6, 17, 10, 0, 0, 0, time.UTC)
		must(t, s.Exec(t.Context(), "UPDATE campaign_members SET state = 'sent', sent_at = ? WHERE account_id IN (1, 2)", ten.Add(59*time.Minute)))
		must(t, s.Exec(t.Context(), "UPDATE campaign_members SET state = 'sent', sent_at = ?, reset_at = ? WHERE account_id = 3", ten.Add(time.Hour), ten.Add(25*time.Hour)))
		must(t, s.Exec(t.Context(), "UPDATE accounts SET locale = 'de' WHERE id IN (2, 3)"))
		must(t, s.MarkOpened(t.Context(), 1, []int64{1, 3, 4}, ten.Add(time.Hour))) // 4 was never written to: whose link was that?
		must(t, s.MarkOpened(t.Context(), 1, []int64{1}, ten.Add(5*time.Hour)))

		p, err := campaign.ReadProgress(t.Context(), s, 1)
		must(t, err)
		if diff := cmp.Diff([]campaign.Hour{
			{Start: ten, Sent: 2}, {Start: ten.Add(time.Hour), Sent: 1, Opened: 2}, {Start: ten.Add(25 * time.Hour), Reset: 1},
		}, p.Hours); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]campaign.Locale{{Locale: "", Members: 2, Sent: 1}, {Locale: "de", Members: 2, Sent: 2, Reset: 1}}, p.Locales); diff != "" {
			t.Error(diff)
		}
		if p.Opened != 2 || p.Members != 4 || p.Delivery.Pending != 1 || p.Ends != nil {
			t.Errorf("%+v", p)
		}
	})
}

// A rate counts from the first mail of the last minute, reminders too.
func TestProgressRate(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		mailing(t, s, 12, "everyone")
		now := got[time.Time](t)(s.Now(t.Context()))
		set := func(what string, at time.Time, accounts string) {
			t.Helper()
			must(t, s.Exec(t.Context(), "UPDATE campaign_members SET state = 'sent', "+what+" = ? WHERE account_id IN ("+accounts+")", at))
		}
		set("sent_at", now.Add(-20*time.Second), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11")
		p, err := campaign.ReadProgress(t.Context(), s, 1)
		must(t, err)
		if p.SentLastMinute != 11 || p.SentSince == nil || !p.SentSince.Equal(now.Add(-20*time.Second)) || p.Ends == nil || p.Ends.Rate > 11.0/20 || p.Ends.Rate < 11.0/40 {
			t.Errorf("eleven mails in twenty seconds: %+v %+v", p.Status, p.Ends)
		}
		set("sent_at", now.Add(-2*time.Hour), "1")
		set("reminded_at", now.Add(-30*time.Second), "1")
		st := got[campaign.Status](t)(s.CampaignStatus(t.Context(), 1))
		if st.SentLastMinute != 11 || st.SentSince == nil || !st.SentSince.Equal(now.Add(-30*time.Second)) {
			t.Errorf("with a reminder: %+v since %s", st, st.SentSince)
		}
	})
}
