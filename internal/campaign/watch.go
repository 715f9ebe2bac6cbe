package campaign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/seed-1c168855/rekey/internal/csvsafe"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Show gives one campaign.
func (c *Campaigns) Show(ctx context.Context, id int64) (Campaign, error) {
	k, err := c.store.Campaign(ctx, id)
	if err != nil {
		return Campaign{}, fmt.Errorf("showing campaign %d: %w", id, err)
	}
	return k, nil
}

// List gives all campaigns, the newest first.
func (c *Campaigns) List(ctx context.Context) ([]Campaign, error) {
	list, err := c.store.Campaigns(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing campaigns: %w", err)
	}
	return list, nil
}

// Status counts mail and resets.
func (c *Campaigns) Status(ctx context.Context, id int64) (Status, error) {
	s, err := c.store.CampaignStatus(ctx, id)
	if err != nil {
		return Status{}, fmt.Errorf("counting campaign %d: %w", id, err)
	}
	return s, nil
}

// errEnough ends a reading early.
var errEnough = errors.New("enough")

// FirstLines gives up to limit of the list's lines that named no account of their own, in order; outcome picks as for Lines.
func (c *Campaigns) FirstLines(ctx context.Context, id int64, outcome string, limit int) ([]Line, error) {
	var list []Line
	err := c.eachLine(ctx, id, outcome, func(l Line) error {
		if len(list) == limit {
			return errEnough
		}
		list = append(list, l)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, err
}

// Lines writes the list's lines that named no account of their own as CSV with the columns line, value, outcome; outcome picks
// Unmatched, Duplicate or Invalid, "" all of them. Values are safe to open in a spreadsheet, so they are not the bytes of the list.
func (c *Campaigns) Lines(ctx context.Context, id int64, outcome string, w io.Writer) error {
	out := csvsafe.NewWriter(w)
	if err := out.Write("line", "value", "outcome"); err != nil {
		return err
	}
	err := c.eachLine(ctx, id, outcome, func(l Line) error { return out.Write(strconv.FormatInt(l.No, 10), l.Value, l.Outcome) })
	if err != nil {
		return err
	}
	return out.Flush()
}

func (c *Campaigns) eachLine(ctx context.Context, id int64, outcome string, each func(Line) error) error {
	switch outcome {
	case "", Unmatched, Duplicate, Invalid:
	default:
		return problem.New(problem.Invalid, "lines are unmatched, duplicate or invalid")
	}
	if err := c.store.CampaignLines(ctx, id, outcome, each); err != nil {
		return fmt.Errorf("reading the lines of campaign %d: %w", id, err)
	}
	return nil
}
