package main

import (
	"context"
	"fmt"
	"io"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/operator"
)

type campaignCmd struct {
	Create   campaignCreateCmd   `cmd:"" help:"Draft a campaign. Nobody is touched."`
	Prepare  campaignPrepareCmd  `cmd:"" help:"Find its members and report what the list holds. Nobody is touched."`
	Preview  campaignPreviewCmd  `cmd:"" help:"Count who would die, and send a test mail."`
	Activate campaignActivateCmd `cmd:"" help:"Kill every password the campaign reaches, in one commit."`
	Status   campaignStatusCmd   `cmd:"" help:"Count mails and resets."`
	Pause    campaignPauseCmd    `cmd:"" help:"Hold the mailing. Dead passwords stay dead."`
	Resume   campaignResumeCmd   `cmd:"" help:"Let the mailing go on."`
	Remind   campaignRemindCmd   `cmd:"" help:"Write again to those who have not set a new password."`
	Close    campaignCloseCmd    `cmd:"" help:"End the mailing for good. Dead passwords stay dead."`
	Cancel   campaignCancelCmd   `cmd:"" help:"Undo it: passwords live again. Sessions and links stay dead."`
	Discard  campaignDiscardCmd  `cmd:"" help:"Forget a campaign that never was active."`
	List     campaignListCmd     `cmd:"" help:"List all campaigns."`
	Show     campaignShowCmd     `cmd:"" help:"Show one campaign."`
	Lines    campaignLinesCmd    `cmd:"" help:"Download the lines of the list that named no account."`
}

// campaignID is the argument of most commands.
type campaignID struct {
	ID int64 `arg:"" help:"The campaign's number."`
}

type campaignCreateCmd struct {
	Incident     string   `required:"" placeholder:"SLUG" help:"The incident it answers; made, unpublished, if it is missing."`
	Scope        string   `required:"" enum:"everyone,list" placeholder:"everyone|list" help:"Whom it covers: everyone, also accounts that arrive later, or those of a list or filter."`
	List         string   `placeholder:"FILE" help:"CSV with a column subject or email; - for standard input."`
	Filter       []string `sep:"none" placeholder:"NAME=VALUE" help:"Instead of a list: created-before, password-set-before, scheme, domain, locale. All that are given must hold."`
	Cutoff       string   `placeholder:"TIME" help:"Only passwords set before it die. Unless given: the moment of activation."`
	KeepSessions bool     `help:"Leave sessions alive. Only where they cannot have been stolen."`
}

func (campaignCreateCmd) Help() string {
	return `Drafts a campaign; the next steps are prepare, preview and activate. A breach that happened years before it was found takes --cutoff, so that passwords changed since stay alive.

Examples:

    rekey campaign create --incident spring-2026 --scope everyone
    rekey campaign create --incident spring-2026 --scope list --list leaked.csv --cutoff 2026-02-27
    rekey campaign create --incident spring-2026 --scope list --filter scheme=md5-crypt --filter domain=example.org`
}

func (*campaignCreateCmd) deed() deed { return does(operator.CampaignCreate) }

func (c *campaignCreateCmd) Run(ctx context.Context, s *session) error {
	request, err := c.request()
	if err != nil {
		return err
	}
	if c.List != "" {
		file, err := s.source(c.List)
		if err != nil {
			return fmt.Errorf("--list: %w", err)
		}
		defer file.Close() // only read
		request.List = s.counting(file)
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	k, err := o.CreateCampaign(ctx, request)
	if err != nil {
		return err
	}
	return s.show(k, func(p *page) {
		campaignText(p, k)
		p.line("Next: rekey campaign prepare %d", k.ID)
	})
}

func (c *campaignCreateCmd) request() (r campaign.CreateRequest, err error) {
	r = campaign.CreateRequest{Incident: c.Incident, Scope: campaign.Scope(c.Scope), KeepSessions: c.KeepSessions}
	if r.Filter, err = campaign.ParseFilter(c.Filter); err != nil {
		return r, fmt.Errorf("--filter: %w", err)
	}
	r.Cutoff, err = parseTime("cutoff", c.Cutoff)
	return r, err
}

// counting shows on a terminal how much of a list was read.
func (s *session) counting(r io.Reader) io.Reader {
	show, done := s.progress()
	return &countingReader{r: r, show: show, done: done}
}

type countingReader struct {
	r           io.Reader
	read, shown int64
	show        func(format string, args ...any)
	done        func()
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.read += int64(n)
	if err != nil {
		c.done()
	} else if c.read-c.shown >= 1<<20 {
		c.shown = c.read
		c.show("%d MiB of the list read", c.read>>20)
	}
	return n, err
}

func campaignText(p *page, k campaign.Campaign) {
	p.row("campaign", k.ID)
	p.row("state", k.State)
	p.row("mailing", k.Mailing)
	p.row("incident", k.Incident)
	p.row("scope", k.Scope)
	if !k.Filter.IsZero() {
		p.row("filter", k.Filter)
	}
	if k.Cutoff == nil {
		p.row("cutoff", "the moment of activation")
	} else {
		p.row("cutoff", k.Cutoff)
	}
	p.row("revokes sessions", k.RevokeSessions)
	if k.PreparedAt != nil {
		reportText(p, k.Report)
	}
	p.row("activated", k.ActivatedAt)
	p.row("died", k.Died)
}

type campaignPrepareCmd struct{ campaignID }

func (campaignPrepareCmd) Help() string {
	return `May be repeated until the campaign is active, for instance after another import. Lines that name no account can be downloaded with "rekey campaign lines".

Example:

    rekey campaign prepare 3`
}

func (*campaignPrepareCmd) deed() deed { return does(operator.CampaignPrepare) }

func (c *campaignPrepareCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	report, err := o.PrepareCampaign(ctx, c.ID)
	if err != nil {
		return err
	}
	return s.show(report, func(p *page) {
		reportText(p, report)
		p.line("Next: rekey campaign preview %d", c.ID)
	})
}

func reportText(p *page, r campaign.Report) {
	p.row("listed", r.Listed)
	p.row("matched", r.Matched)
	p.row("unmatched", r.Unmatched)
	p.row("duplicate", r.Duplicate)
	p.row("already changed", r.AlreadyChanged)
	p.row("no password", r.NoPassword)
	p.row("no address", r.NoAddress)
}

type campaignListCmd struct{}

func (campaignListCmd) Help() string {
	return `The newest first, ended ones too.

Example:

    rekey campaign list`
}

func (*campaignListCmd) deed() deed { return reads(operator.ReadCampaigns) }

func (c *campaignListCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	list, err := o.Campaigns(ctx)
	if err != nil {
		return err
	}
	return s.show(map[string]any{"campaigns": notNil(list)}, func(p *page) {
		p.row("CAMPAIGN", "STATE", "MAILING", "SCOPE", "ACTIVATED", "DIED", "INCIDENT")
		for _, k := range list {
			p.row(k.ID, k.State, k.Mailing, k.Scope, k.ActivatedAt, k.Died, k.Incident)
		}
	})
}

type campaignShowCmd struct{ campaignID }

func (campaignShowCmd) Help() string {
	return `What was drafted, what prepare found, and when it was activated and ended. For mails and resets see status.

Example:

    rekey campaign show 3`
}

func (*campaignShowCmd) deed() deed { return reads(operator.ReadCampaigns) }

func (c *campaignShowCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	k, err := o.Campaign(ctx, c.ID)
	if err != nil {
		return err
	}
	return s.show(k, func(p *page) { campaignText(p, k) })
}

type campaignLinesCmd struct {
	campaignID
	Outcome string `enum:",unmatched,duplicate,invalid" default:"" placeholder:"unmatched|duplicate|invalid" help:"Only these lines."`
	Output  string `placeholder:"FILE" help:"A new file, for its owner alone. Unless given: standard output."`
}

func (campaignLinesCmd) Help() string {
	return `Writes CSV with the columns line, value and outcome, safe to open in a spreadsheet.

Example:

    rekey campaign lines 3 --outcome unmatched --output unmatched.csv`
}

func (*campaignLinesCmd) deed() deed { return reads(operator.CampaignLines) }

func (c *campaignLinesCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if _, err := o.Campaign(ctx, c.ID); err != nil { // before a file is made
		return err
	}
	return s.sink(c.Output, func(w io.Writer) error { return o.CampaignLines(ctx, c.ID, c.Outcome, w) })
}
