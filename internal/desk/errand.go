package desk

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// activation kills: the gravest act there is. The count is taken again at the decision and must be within the tolerance of what was shown.
type activation struct {
	Campaign  int64      `json:"campaign"`
	Expect    *int64     `json:"expect"`
	Tolerance *int64     `json:"tolerance,omitempty"`
	Prepared  *time.Time `json:"prepared"`
}

func (a *activation) act() operator.Act { return operator.CampaignActivate }
func (a *activation) object() string    { return campaign.Object(a.Campaign) }

func (a *activation) plan(ctx context.Context, d *Desk) (Plan, error) {
	k, err := d.o.Campaigns.Show(ctx, a.Campaign)
	if err != nil {
		return Plan{}, err
	}
	p, err := d.o.Campaigns.Preview(ctx, a.Campaign)
	if err != nil {
		return Plan{}, err
	}
	if a.Prepared == nil {
		a.Prepared = k.PreparedAt
	}
	if a.Expect == nil {
		a.Expect = &p.WouldDie
	}
	if err := (campaign.ActivateRequest{Expect: a.Expect, Tolerance: a.Tolerance}).Compare(p.WouldDie); err != nil {
		return Plan{}, err // nobody is asked for what would be refused, and a request dies when the count leaves the tolerance
	}
	warnings, err := d.warnOfOwn(ctx, a.Campaign, p.Warnings)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{
		Text:     fmt.Sprintf("%d passwords die at once, on every replica; mailing begins.", p.WouldDie),
		Accounts: p.WouldDie,
		Facts: []Fact{
			{"campaign", strconv.FormatInt(k.ID, 10)}, {"incident", k.Incident}, {"scope", scopeText(k)}, {"cutoff", cutoffText(k)},
			{"covered accounts", strconv.FormatInt(p.Covered, 10)}, {"dead already", strconv.FormatInt(p.AlreadyDead, 10)}, {"sessions", sessionsText(k)},
		},
		Warnings: warnings,
		Basis:    activationBasis(k),
		Sample:   p.Sample,
		Detail:   map[string]any{"would_die": p.WouldDie, "covered": p.Covered, "already_dead": p.AlreadyDead},
	}
	return plan, nil
}

func (a *activation) carry(ctx context.Context, d *Desk, actor audit.Actor) (any, error) {
	return d.o.Campaigns.Activate(ctx, a.Campaign, campaign.ActivateRequest{Expect: a.Expect, Tolerance: a.Tolerance, Prepared: a.Prepared}, actor)
}

// activationBasis is all that decides whom an activation kills but the accounts themselves.
func activationBasis(k campaign.Campaign) string {
	return basis(string(k.State), string(k.Scope), k.Filter.String(), k.ListSHA256, moment(k.Cutoff), moment(k.PreparedAt), strconv.FormatBool(k.RevokeSessions))
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func scopeText(k campaign.Campaign) string {
	switch {
	case k.Scope == campaign.Everyone:
		return "everyone, also accounts that come later with an older password"
	case k.ListSHA256 != "":
		return "the list with SHA-256 " + k.ListSHA256
	}
	return "accounts with " + k.Filter.String()
}

func cutoffText(k campaign.Campaign) string {
	if k.Cutoff == nil {
		return "the moment of activation: every password dies"
	}
	return "passwords set before " + k.Cutoff.UTC().Format("2006-01-02 15:04:05 UTC")
}

func sessionsText(k campaign.Campaign) string {
	if k.RevokeSessions {
		return "end"
	}
	return "go on"
}

// cancellation revives passwords.
type cancellation struct {
	Campaign int64  `json:"campaign"`
	Reason   string `json:"reason"`
}

func (c *cancellation) act() operator.Act { return operator.CampaignCancel }
func (c *cancellation) object() string    { return campaign.Object(c.Campaign) }

func (c *cancellation) plan(ctx context.Context, d *Desk) (Plan, error) {
	k, err := d.o.Campaigns.Show(ctx, c.Campaign)
	if err != nil {
		return Plan{}, err
	}
	p, err := d.o.Campaigns.PlanCancel(ctx, c.Campaign)
	if err != nil {
		return Plan{}, err
	}
	return Plan{
		Text:     fmt.Sprintf("%d exposed passwords work again. Sessions and links that it ended stay dead. To end the mailing alone, close the campaign.", p.Accounts),
		Accounts: p.Accounts,
		Facts:    []Fact{{"campaign", strconv.FormatInt(k.ID, 10)}, {"incident", k.Incident}, {"scope", scopeText(k)}, {"state", string(k.State)}},
		Basis:    basis(string(k.State), moment(k.ActivatedAt)),
		Detail:   map[string]any{"accounts": p.Accounts},
	}, nil
}

func (c *cancellation) carry(ctx context.Context, d *Desk, actor audit.Actor) (any, error) {
	if err := d.o.Campaigns.Cancel(ctx, c.Campaign, c.Reason, actor); err != nil {
		return nil, err
	}
	return d.o.Campaigns.Show(ctx, c.Campaign)
}

// lifting ends a lockdown.
type lifting struct {
	Reason string `json:"reason"`
}

func (l *lifting) act() operator.Act { return operator.LockdownOff }
func (l *lifting) object() string    { return "lockdown" }

func (l *lifting) plan(ctx context.Context, d *Desk) (Plan, error) {
	now, err := d.o.Campaigns.Lockdown(ctx)
	if err != nil {
		return Plan{}, err
	}
	if !now.On {
		return Plan{}, campaign.ErrNotLocked
	}
	return Plan{
		Text: "Logins and resets go on; mail with links that waited goes out.", Accounts: NoAccounts,
		Facts: []Fact{{"locked since", moment(now.Since)}, {"by", now.By}, {"because", now.Reason}}, Basis: basis(moment(now.Since)),
	}, nil
}

func (l *lifting) carry(ctx context.Context, d *Desk, actor audit.Actor) (any, error) {
	return d.o.Campaigns.LockdownOff(ctx, l.Reason, actor)
}

// keyRevocation refuses every link a key has signed, or all of them.
type keyRevocation struct {
	KID string `json:"kid"`
	All bool   `json:"all,omitempty"` // every key there is; a new one signs
}

func (k *keyRevocation) act() operator.Act { return operator.KeyRevoke }

func (k *keyRevocation) object() string {
	if k.All {
		return "keys"
	}
	return "key:" + k.KID
}

func (k *keyRevocation) plan(ctx context.Context, d *Desk) (Plan, error) {
	keys, err := d.o.Keys.List(ctx)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Text: "Every link that this key signed is refused from now on; whoever holds one asks for another.", Accounts: NoAccounts}
	if k.All {
		plan.Text = "A new key signs from now on, and every link that older ones signed is refused; whoever holds one asks for another."
	}
	var rests []string
	for _, key := range keys {
		if k.All || key.ID == k.KID {
			plan.Facts = append(plan.Facts, Fact{"key", key.ID}, Fact{"state", fmt.Sprint(key.State(time.Now()))})
			rests = append(rests, key.ID)
		}
	}
	if len(rests) == 0 {
		return Plan{}, problem.New(problem.NotFound, "There is no such live key.")
	}
	plan.Basis = basis(rests...)
	return plan, nil
}

func (k *keyRevocation) carry(ctx context.Context, d *Desk, actor audit.Actor) (any, error) {
	if k.All {
		_, err := d.o.Keys.Rotate(ctx, true, actor)
		return nil, err
	}
	return nil, d.o.Keys.Revoke(ctx, k.KID, actor)
}

// checkReason is for acts whose reason the audit log keeps.
func checkReason(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" {
		return "", &problem.Error{Kind: problem.Unprocessable, Code: "reason", Text: "Say why, for the audit log."}
	}
	return reason, nil
}
