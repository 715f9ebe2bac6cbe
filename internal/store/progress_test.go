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
		must(t, s.Exec(t.Context(), "UPDATE campaign_members SET sent_at = ? WHERE account_id = 3", got[time.Time](t)(s.Now(t.Context()))))
		if p, err = campaign.ReadProgress(t.Context(), s, 1); err != nil || p.Ends == nil || p.Ends.At.Sub(p.At) != time.Minute {
			t.Errorf("one mail in the last minute and one to go end in a minute, not %+v (%v)", p.Ends, err)
		}
	})
}
