package desk

import (
	"context"
	"io"
	"math"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// UpdateIncident adds to a notice, corrects an update, or retracts one.
func (d *Desk) UpdateIncident(ctx context.Context, p operator.Principal, c incident.UpdateChange) (incident.Incident, error) {
	if err := d.allow(ctx, p, operator.IncidentUpdate, incident.Object(c.Slug)); err != nil {
		return incident.Incident{}, err
	}
	return incident.ChangeUpdate(ctx, d.o.Incidents, c, p.Actor())
}

// PlanReminder says how many members would be written to again.
func (d *Desk) PlanReminder(ctx context.Context, p operator.Principal, id int64, age time.Duration) (campaign.Plan, error) {
	return d.planned(ctx, p, operator.CampaignRemind, id, func(ctx context.Context, id int64) (campaign.Plan, error) {
		return d.o.Campaigns.PlanRemind(ctx, id, age)
	})
}

// RemindCampaign writes again to members who have not acted since a mail at least as old as age.
func (d *Desk) RemindCampaign(ctx context.Context, p operator.Principal, id int64, age time.Duration) (done campaign.Reminded, err error) {
	err = d.onCampaign(ctx, p, operator.CampaignRemind, id, func(ctx context.Context, id int64, actor audit.Actor) error {
		done, err = d.o.Campaigns.Remind(ctx, id, age, actor)
		return err
	})
	return done, err
}

// EffectOfCancel says how many passwords would live again, to whoever may ask for that.
func (d *Desk) EffectOfCancel(ctx context.Context, p operator.Principal, id int64) (campaign.Plan, error) {
	if err := d.MayOpen(ctx, p, operator.CampaignCancel, campaign.Object(id)); err != nil {
		return campaign.Plan{}, err
	}
	return d.o.Campaigns.PlanCancel(ctx, id)
}

// Preview is what an activation's plan counts, as the preview gives it.
func (p Plan) Preview() campaign.Preview {
	count := func(name string) int64 {
		n, _ := p.Detail[name].(int64) // absent from the plan of another act
		return n
	}
	return campaign.Preview{WouldDie: count("would_die"), Covered: count("covered"), AlreadyDead: count("already_dead"), Sample: p.Sample, Warnings: p.Warnings}
}

// TestMail is a mail of a campaign to somebody who wants to see it. Its link and code open nothing.
type TestMail struct {
	Kind   string // reset, notice or reminder; "" is reset
	To     string
	Locale string // BCP 47; "" is the default
}

// known fills in the kind, and refuses one that no campaign sends.
func (m *TestMail) known() error {
	switch m.Kind {
	case "":
		m.Kind = "reset"
	case "reset", "notice", "reminder":
	default:
		return problem.New(problem.Invalid, "The mails of a campaign are reset, notice and reminder.")
	}
	return nil
}

// Mail is one as whoever gets it sees it.
type Mail struct {
	From, Subject string
	Text, HTML    string
	Languages     []string // that there are mails in
}

// TestMail writes one mail without sending it, to be looked at. m.To may be empty. Errors: Invalid for a kind or language there is none of.
func (d *Desk) TestMail(ctx context.Context, p operator.Principal, id int64, m TestMail) (Mail, error) {
	if err := d.allow(ctx, p, operator.CampaignPreview, campaign.Object(id)); err != nil {
		return Mail{}, err
	}
	if d.o.WriteTestMail == nil {
		return Mail{}, problem.New(problem.Unavailable, "No mail can be shown from here.")
	}
	if err := m.known(); err != nil {
		return Mail{}, err
	}
	k, i, err := d.mailed(ctx, id)
	if err != nil {
		return Mail{}, err
	}
	return d.o.WriteTestMail(k, i, m)
}

// mailed is what a campaign's mails speak of.
func (d *Desk) mailed(ctx context.Context, id int64) (k campaign.Campaign, i incident.Incident, err error) {
	if k, err = d.o.Campaigns.Show(ctx, id); err != nil {
		return k, i, err
	}
	i, err = incident.Show(ctx, d.o.Incidents, k.Incident)
	return k, i, err
}

// SendTestMail hands one mail to the mail server, and records that. Errors: Invalid, and what the mail server says.
func (d *Desk) SendTestMail(ctx context.Context, p operator.Principal, id int64, m TestMail) error {
	if err := d.allow(ctx, p, operator.CampaignPreview, campaign.Object(id)); err != nil {
		return err
	}
	if d.o.SendTestMail == nil {
		return problem.New(problem.Unavailable, "No test mail can be sent from here.")
	}
	if err := m.known(); err != nil {
		return err
	}
	k, i, err := d.mailed(ctx, id)
	if err != nil {
		return err
	}
	if err := d.o.SendTestMail(ctx, k, i, m); err != nil {
		return err
	}
	return d.o.Log.Record(ctx, audit.New(p.Actor(), audit.CampaignPreview, campaign.Object(id), audit.Detail{"test_mail": true, "kind": m.Kind}))
}

// ShowAccount gives one account with the state of its password. The look is recorded.
func (d *Desk) ShowAccount(ctx context.Context, p operator.Principal, subject string) (account.Profile, error) {
	if err := d.allow(ctx, p, operator.SupportFind, "account:"+subject); err != nil {
		return account.Profile{}, err
	}
	return d.o.Directory.Show(ctx, subject, p.Actor())
}

// AuditBefore is Audit by the indexes that are shown: a page before the entry with one, or from the newest. Next is the index to go on with, nil after the last.
func (d *Desk) AuditBefore(ctx context.Context, p operator.Principal, q audit.Query, index *int64) (page []audit.Entry, next *int64, err error) {
	if err := d.allow(ctx, p, operator.ReadAudit, "audit"); err != nil {
		return nil, nil, err
	}
	if index != nil {
		e, err := d.o.Log.AuditEntry(ctx, *index)
		if err != nil {
			return nil, nil, err
		}
		q.Before = e.ID
	}
	page, more, err := d.o.Log.AuditSearch(ctx, q)
	for _, e := range page {
		if more != 0 && e.Index != nil {
			next = e.Index
		}
	}
	return page, next, err
}

// AuditTake is an export of the log, whole or filtered.
type AuditTake struct {
	Query  audit.Query
	CSV    bool         // for a spreadsheet, else NDJSON
	Detail audit.Detail // what the entry says of it
	// End gives how far it goes, once it is recorded itself; nil: as far as the log does.
	End func(ctx context.Context) (int64, error)
}

// TakeAudit writes what the query picks. Who may is decided as for ExportAudit: one filter more is one filter away from the whole.
func (d *Desk) TakeAudit(ctx context.Context, p operator.Principal, t AuditTake, w io.Writer) error {
	ctx, err := d.mayTake(ctx, p, &export{Log: true})
	if err != nil {
		return err
	}
	if err := d.o.Log.Record(ctx, audit.New(p.Actor(), audit.AuditExport, "audit", t.Detail)); err != nil {
		return err
	}
	end := int64(math.MaxInt64)
	if t.End != nil {
		if end, err = t.End(ctx); err != nil {
			return err
		}
	}
	write := audit.WriteNDJSON
	if t.CSV {
		write = audit.WriteCSV
	}
	return write(w, d.o.Log.AuditExport(ctx, t.Query, end))
}

// RotateAndRevoke lets a new key sign and refuses everything that older ones signed, or has that wait for a second person.
func (d *Desk) RotateAndRevoke(ctx context.Context, p operator.Principal, reason string) (Outcome, error) {
	return d.run(ctx, p, &keyRevocation{All: true}, reason)
}

// PlanRotateAndRevoke is what both people are shown before every key is revoked.
func (d *Desk) PlanRotateAndRevoke(ctx context.Context, p operator.Principal) (Plan, error) {
	return d.show(ctx, p, &keyRevocation{All: true})
}
