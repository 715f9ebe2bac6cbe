package api_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/progress"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// Programs that poll share one count, which says when it was made; what an act changed shows at once.
func TestPollingCountsOnce(t *testing.T) {
	t.Parallel()
	var counts atomic.Int64
	b := staffed(t, storetest.SQLite(t, store.Options{}), func(o *desk.Options) {
		count := o.Progress
		o.Progress = func(ctx context.Context, id int64) (campaign.Progress, error) {
			counts.Add(1)
			return count(ctx, id)
		}
	})
	b.accounts(3)
	ann := b.person("ann", true, operator.Responder)
	gets[api.Campaign](b, http.StatusOK, http.MethodPost, "/campaigns", ann, `{"incident":"breach","scope":"everyone"}`)
	draft := gets[api.CampaignStatus](b, http.StatusOK, http.MethodGet, "/campaigns/1/status", ann, "")
	campaigns := campaign.On(b.store, account.EmailKey, nil)
	_, err := campaigns.Prepare(t.Context(), 1, tester)
	b.must(err)
	_, err = campaigns.Activate(t.Context(), 1, campaign.ActivateRequest{}, tester)
	b.must(err)
	began := time.Now()
	for range 20 {
		p := gets[api.CampaignProgress](b, http.StatusOK, http.MethodGet, "/campaigns/1/progress", ann, "")
		status := gets[api.CampaignStatus](b, http.StatusOK, http.MethodGet, "/campaigns/1/status", ann, "")
		if draft.State != "draft" || draft.CountedAt == 0 || status.State != "active" || status.Died == nil || *status.Died != 3 || p.Status.State != "active" || status.CountedAt < draft.CountedAt {
			t.Fatalf("%+v, then %+v", draft, status)
		}
	}
	if n, most := counts.Load(), 2+int64(time.Since(began)/progress.Fastest); n > most {
		t.Errorf("41 looks were counted %d times, want %d at most", n, most)
	}
	if w := b.call(http.MethodGet, "/campaigns/99/status", ann, ""); w.Code != http.StatusNotFound {
		t.Errorf("an unknown one: %d", w.Code)
	}
}
