package campaign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Campaigns are the acts of operators.
type Campaigns struct {
	store  Store
	key    KeyFunc
	logger *slog.Logger
}

// On gives the acts on a store. The key folds addresses as the accounts' are folded; a nil logger is silent.
func On(store Store, key KeyFunc, logger *slog.Logger) *Campaigns {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Campaigns{store: store, key: key, logger: logger}
}

// New is a campaign to be drafted.
type New struct {
	Incident       string // slug
	Scope          Scope
	Filter         Filter
	Cutoff         *time.Time // nil: the moment of activation
	RevokeSessions bool
}

// CreateRequest is what an operator asks for. Scope list needs either List or Filter, scope everyone neither.
type CreateRequest struct {
	Incident     string
	Scope        Scope
	List         io.Reader // read to its end; nil: none
	Filter       Filter
	Cutoff       *time.Time // not in the future; nil: the moment of activation
	KeepSessions bool
}

// Create drafts a campaign and stages its list. It kills nobody, and neither does preparing it.
func (c *Campaigns) Create(ctx context.Context, r CreateRequest, actor audit.Actor) (Campaign, error) {
	entry := audit.New(actor, audit.CampaignCreate, "campaign:new", audit.Detail{"incident": r.Incident, "scope": string(r.Scope), "keep_sessions": r.KeepSessions})
	if r.Cutoff != nil {
		entry = entry.With("cutoff", r.Cutoff.UTC().Format(time.RFC3339Nano))
	}
	if !r.Filter.IsZero() {
		entry = entry.With("filter", r.Filter.String())
	}
	k, err := c.create(ctx, r, entry)
	if err != nil {
		return Campaign{}, c.refused(ctx, entry, fmt.Errorf("creating a campaign: %w", err))
	}
	return k, nil
}

func (c *Campaigns) create(ctx context.Context, r CreateRequest, entry audit.Entry) (Campaign, error) {
	if err := r.check(); err != nil {
		return Campaign{}, err
	}
	filter, err := r.Filter.normal(c.key)
	if err != nil {
		return Campaign{}, err
	}
	var list *List
	if r.List != nil {
		if list, err = ReadList(r.List, c.key); err != nil {
			return Campaign{}, err
		}
	}
	n := New{Incident: r.Incident, Scope: r.Scope, Filter: filter, Cutoff: r.Cutoff, RevokeSessions: !r.KeepSessions}
	return c.store.CreateCampaign(ctx, n, list, entry)
}

func (r CreateRequest) check() error {
	given := 0
	if r.List != nil {
		given++
	}
	if !r.Filter.IsZero() {
		given++
	}
	switch {
	case r.Scope != Everyone && r.Scope != Listed:
		return problem.New(problem.Invalid, "a campaign's scope is everyone or list")
	case r.Scope == Everyone && given > 0:
		return problem.New(problem.Invalid, "scope everyone takes neither a list nor a filter")
	case r.Scope == Listed && given != 1:
		return problem.New(problem.Invalid, "scope list takes either a list or a filter")
	}
	return nil
}

// Prepare finds the members of a draft, or again of a prepared campaign, and reports.
func (c *Campaigns) Prepare(ctx context.Context, id int64, actor audit.Actor) (Report, error) {
	entry := audit.New(actor, audit.CampaignPrepare, Object(id), nil)
	report, err := c.store.PrepareCampaign(ctx, id, entry)
	if err != nil {
		return Report{}, c.refused(ctx, entry, fmt.Errorf("preparing campaign %d: %w", id, err))
	}
	return report, nil
}

// sampleSize is how many accounts a preview shows: enough to see that it is the wrong list.
const sampleSize = 5

// Preview says what an activation now would do. It changes nothing and needs a prepared campaign.
func (c *Campaigns) Preview(ctx context.Context, id int64) (Preview, error) {
	k, err := c.store.Campaign(ctx, id)
	if err != nil {
		return Preview{}, fmt.Errorf("previewing campaign %d: %w", id, err)
	}
	p, err := c.store.PreviewCampaign(ctx, id, sampleSize)
	if err != nil {
		return Preview{}, fmt.Errorf("previewing campaign %d: %w", id, err)
	}
	for i := range p.Sample {
		p.Sample[i].Email = mask(p.Sample[i].Email)
	}
	p.Warnings = warnings(k, p)
	return p, nil
}

// warnings say what an operator may have overlooked.
func warnings(k Campaign, p Preview) []string {
	var list []string
	warn := func(when bool, format string, args ...any) {
		if when {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	warn(p.WouldDie == 0, "no live password would die")
	warn(k.Report.Unmatched > 0, "%d of %d lines of the list name no account", k.Report.Unmatched, k.Report.Listed)
	warn(k.Report.NoAddress > 0, "%d accounts have no address: nobody can write to them", k.Report.NoAddress)
	warn(k.Report.AlreadyChanged > 0, "%d accounts have changed their password since the cutoff: it stays alive", k.Report.AlreadyChanged)
	warn(!k.RevokeSessions, "sessions stay alive")
	warn(k.Mailing == Paused, "mailing is paused: nobody is written to until it is resumed")
	return list
}

// Covered picks from addresses, of operators say, those whose own accounts the campaign would kill. What is no address is in no account.
func (c *Campaigns) Covered(ctx context.Context, id int64, addresses []string) ([]string, error) {
	by := map[string][]string{}
	for _, address := range addresses {
		if key, err := c.key(address); err == nil {
			by[key] = append(by[key], address)
		}
	}
	keys, err := c.store.CoveredAddresses(ctx, id, slices.Sorted(maps.Keys(by)))
	if err != nil {
		return nil, fmt.Errorf("looking for addresses in campaign %d: %w", id, err)
	}
	var found []string
	for _, key := range keys {
		found = append(found, by[key]...)
	}
	return found, nil
}

// mask keeps the first character and the domain.
func mask(email string) string {
	at := strings.LastIndexByte(email, '@')
	if at <= 0 {
		return ""
	}
	for _, r := range email {
		return string(r) + "…" + email[at:]
	}
	return ""
}

// Discard ends a campaign that never was active.
func (c *Campaigns) Discard(ctx context.Context, id int64, actor audit.Actor) error {
	entry := audit.New(actor, audit.CampaignDiscard, Object(id), nil)
	if err := c.store.DiscardCampaign(ctx, id, entry); err != nil {
		return c.refused(ctx, entry, fmt.Errorf("discarding campaign %d: %w", id, err))
	}
	return nil
}

// refused keeps an entry of an act that was turned away, and returns why. A failure of a part is no refusal.
func (c *Campaigns) refused(ctx context.Context, entry audit.Entry, why error) error {
	var named *problem.Error
	if !errors.As(why, &named) || named.Kind == problem.Internal || named.Kind == problem.Unavailable {
		return why
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := c.store.Record(ctx, entry.Refuse(named.Text)); err != nil {
		return errors.Join(why, err)
	}
	return why
}
