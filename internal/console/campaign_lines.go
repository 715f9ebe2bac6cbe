package console

import (
	"fmt"

	"github.com/seed-1c168855/rekey/internal/campaign"
)

// strayed is the report of the lines of a list that named no account of their own.
type strayed struct {
	Campaign campaign.Campaign
	Outcome  string // "" all
	Lines    []campaign.Line
	More     bool // than are shown
}

// shownLines bounds the lines on the page; the download has them all.
const shownLines = 200

func (c *Console) unmatchedLines(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	ctx := r.Request.Context()
	page := strayed{Outcome: r.Query("outcome")}
	if page.Campaign, err = c.o.Desk.Campaign(ctx, r.who, id); err != nil {
		return err
	}
	if page.Lines, err = c.o.Desk.FirstCampaignLines(ctx, r.who, id, page.Outcome, shownLines+1); err != nil {
		return err
	}
	if page.More = len(page.Lines) > shownLines; page.More {
		page.Lines = page.Lines[:shownLines]
	}
	return r.page("campaign-lines", page)
}

// campaignLines downloads the lines of the list that named no account of their own.
func (c *Console) campaignLines(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	if err := r.allowTime(longTime); err != nil {
		return err
	}
	r.Header("Content-Disposition", fmt.Sprintf(`attachment; filename="campaign-%d-lines.csv"`, id))
	r.Header("Content-Type", "text/csv; charset=utf-8")
	return c.o.Desk.CampaignLines(r.Request.Context(), r.who, id, r.Query("outcome"), r.Writer)
}
