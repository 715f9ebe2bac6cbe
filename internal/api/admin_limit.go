package api

import (
	"slices"
	"strconv"
	"time"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/server"
)

// dear are the acts that pass over up to all accounts, or the whole log, or write to somebody.
var dear = []operator.Act{
	operator.CampaignCreate, operator.CampaignPrepare, operator.CampaignPreview, operator.CampaignActivate, operator.CampaignCancel, operator.CampaignRemind,
	operator.CampaignLines, operator.ReportMake, operator.AuditExport, operator.AccountExport,
}

// charge bounds what one good key costs, whichever of an operator's tokens it is. Whoever may lock everything down is let in to do it in any case.
func (r *asked) charge(act operator.Act) error {
	if act == operator.LockdownOn && r.who.MayAsk(act, time.Now()) == nil {
		return nil
	}
	ctx, limits, key := server.TellLimits(r.ctx, r.Context), r.a.o.Limits, r.who.Kind+":"+strconv.FormatInt(r.who.ID, 10)
	if err := ratelimit.Charge(ctx, limits, ratelimit.AdminKey, key, 1); err != nil {
		return err
	}
	if slices.Contains(dear, act) {
		return ratelimit.Charge(ctx, limits, ratelimit.AdminDear, key, 1)
	}
	return nil
}
