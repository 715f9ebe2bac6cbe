package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
)

type accountsCmd struct {
	Import importCmd        `cmd:"" help:"Take in a file of accounts."`
	Export exportCmd        `cmd:"" help:"Hand back the passwords that members set in Rekey."`
	Show   accountShowCmd   `cmd:"" help:"Show one account and whether its password is dead."`
	Delete accountDeleteCmd `cmd:"" help:"Forget one member."`
}

type importCmd struct {
	File        string `arg:"" placeholder:"FILE" help:"CSV or NDJSON; - for standard input."`
	Format      string `enum:",csv,ndjson" default:"" placeholder:"csv|ndjson" help:"The file's format. Unless given it is told by the file's name, else by its first character."`
	Rejects     string `placeholder:"FILE" help:"Where rejected and warned rows go, with line number and reason. Unless given: the file's name with .rejects.csv, in the working directory."`
	AllowRevive bool   `help:"Take in rows that make a dead password live again. Only for passwords that were changed after the breach."`
}

func (importCmd) Help() string {
	return `Columns: subject (the login service's own id), email, password_hash (PHC or modular-crypt string, or the forms of Django, phpass and LDAP), password_set_at, locale, created_at. Only subject is needed; what a file does not have stays as it is.

An import never moves a credential backwards: an older password date changes nothing, and a password set in Rekey stays. A row is rejected only if it cannot be read, its subject is missing or repeated, or it would revive a dead password. The same file can be imported again at any time, also after it was interrupted.

Examples:

    rekey accounts import accounts.csv
    pg_dump-to-csv | rekey accounts import --format csv -`
}

func (*importCmd) deed() deed { return beside(audit.AccountImport) }

func (c *importCmd) Run(ctx context.Context, s *session) error {
	file, err := s.source(c.File)
	if err != nil {
		return err
	}
	defer file.Close() // only read
	db, err := s.open(ctx)
	if err != nil {
		return err
	}
	show, done := s.progress()
	report, err := account.Import(ctx, db, file, account.ImportOptions{
		Format: c.format(), Source: filepath.Base(c.File), Actor: s.actor(), AllowRevive: c.AllowRevive, RejectsPath: c.rejects(),
		Progress: func(p account.Progress) { show("%d rows read, %d taken in", p.Read, p.Merged) },
	})
	done()
	if err != nil {
		return failure{fmt.Errorf("importing %s: %w", c.File, err)}
	}
	return s.show(report, func(p *page) { importText(p, report) })
}

// format goes by the name where it tells, so that a broken first line cannot change it.
func (c *importCmd) format() string {
	if c.Format != "" {
		return c.Format
	}
	switch strings.ToLower(filepath.Ext(c.File)) {
	case ".csv":
		return account.FormatCSV
	case ".ndjson", ".jsonl":
		return account.FormatNDJSON
	}
	return account.FormatAuto
}

func (c *importCmd) rejects() string {
	if c.Rejects != "" {
		return c.Rejects
	}
	name := filepath.Base(c.File)
	if c.File == "-" {
		name = "import"
	}
	return strings.TrimSuffix(name, filepath.Ext(name)) + ".rejects.csv"
}

func importText(p *page, r account.Report) {
	p.row("rows", r.Rows)
	p.row("inserted", r.Inserted)
	p.row("updated", r.Updated)
	p.row("unchanged", r.Unchanged)
	p.row("rejected", r.Rejected)
	p.row("kept", r.Kept)
	p.row("warned", r.Warned)
	p.row("revived", r.Revived)
	counts(p, "scheme", r.Schemes)
	counts(p, "reason", r.Reasons)
	if r.RejectsFile != "" {
		p.line("Rejected and warned rows, with line and reason: %s", r.RejectsFile)
	}
}

func counts(p *page, title string, by map[string]int64) {
	for _, name := range slices.Sorted(maps.Keys(by)) {
		p.row(title+" "+name, by[name])
	}
}

type exportCmd struct {
	ChangedSince string `placeholder:"TIME" help:"Only passwords set at or after it. Unless given: all that were set in Rekey."`
	Format       string `enum:"csv,ndjson" default:"csv" placeholder:"csv|ndjson" help:"The form of the rows."`
	Output       string `placeholder:"FILE" help:"A new file, for its owner alone. Unless given: standard output."`
	Reason       string `placeholder:"TEXT" help:"With --server: ask a second person for it, and say why. Once they approved, export without it, within an hour."`
}

func (exportCmd) Help() string {
	return `For a login service that keeps its own password hashes: run it now and then and write the rows back. It ends by saying, on standard error, the time to ask from next; then no password is missed, and some may come twice. With --json and no --output the rows are NDJSON.

Examples:

    rekey accounts export --output new-passwords.csv
    rekey accounts export --changed-since 2026-03-02T14:05:00Z --format ndjson`
}

func (*exportCmd) deed() deed { return reads(operator.AccountExport) }

func (c *exportCmd) Run(ctx context.Context, s *session) error {
	since, err := parseTime("changed-since", c.ChangedSince)
	if err != nil {
		return err
	}
	if s.json && c.Output == "" {
		c.Format = account.FormatNDJSON
	}
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	if c.Reason != "" && s.remote != nil {
		return s.askExport(ctx, o, false, c.Reason)
	}
	request := account.ExportRequest{Format: c.Format}
	if since != nil {
		request.Since = *since
	}
	var report account.ExportReport
	err = s.sink(c.Output, func(w io.Writer) (err error) {
		report, err = o.ExportAccounts(ctx, request, w)
		return err
	})
	if err != nil {
		return fmt.Errorf("exporting passwords: %w", err)
	}
	return s.after(c.Output, report, func(p *page) {
		p.line("%d passwords. Next time: --changed-since %s", report.Rows, report.Until.UTC().Format(time.RFC3339Nano))
	})
}

// after reports on rows that were written: on standard output if they went to a file, else beside it.
func (s *session) after(output string, report any, text func(*page)) error {
	if output != "" {
		return s.show(report, text)
	}
	if s.json {
		return writeJSON(s.stderr, report)
	}
	return printText(s.stderr, text)
}

type accountShowCmd struct {
	Subject string `arg:"" help:"The login service's id of the account."`
}

func (accountShowCmd) Help() string {
	return `The look is written down in the audit log. Of the password only the scheme is shown.

Example:

    rekey accounts show 48213`
}

func (*accountShowCmd) deed() deed { return reads(operator.SupportFind) }

func (c *accountShowCmd) Run(ctx context.Context, s *session) error {
	o, err := s.office(ctx)
	if err != nil {
		return err
	}
	profile, err := o.ShowAccount(ctx, c.Subject)
	if err != nil {
		return fmt.Errorf("showing the account: %w", err)
	}
	return s.show(profile, func(p *page) { profileText(p, profile) })
}

func profileText(p *page, a account.Profile) {
	p.row("subject", a.Subject)
	p.row("password", a.Explain())
	if a.ID == 0 {
		return
	}
	p.row("e-mail", a.Email)
	p.row("locale", a.Locale)
	p.row("created", a.CreatedAt)
	p.row("deleted", a.DeletedAt)
	p.row("scheme", a.PasswordScheme)
	p.row("set at", a.PasswordSetAt)
	p.row("set by", a.PasswordSource)
	p.row("version", a.Version)
	p.row("disabled", a.DisabledAt)
	p.row("sessions dead until", a.NotBefore)
	p.row("incident", a.Incident)
}

type accountDeleteCmd struct {
	Subject string `arg:"" help:"The login service's id of the account."`
}

func (accountDeleteCmd) Help() string {
	return `Address, locale and password go and sessions end. The row stays without personal data, so that an old file brings nothing back.

Example:

    rekey accounts delete 48213 --yes`
}

func (c *accountDeleteCmd) deed() deed {
	return deed{place: besideDatabase, act: operator.Act(audit.AccountDelete), dry: operator.SupportFind, destructive: true, object: "account:" + c.Subject}
}

func (c *accountDeleteCmd) Run(ctx context.Context, s *session) error {
	directory, err := s.directory(ctx)
	if err != nil {
		return err
	}
	if !s.yes {
		return c.plan(ctx, s, directory)
	}
	change, err := directory.Delete(ctx, c.Subject, s.actor())
	if err != nil {
		return fmt.Errorf("deleting the account: %w", err)
	}
	return s.show(change, func(p *page) { p.line("%s", change.Outcome) })
}

// deletion is what delete would do.
type deletion struct {
	Subject  string `json:"subject"`
	State    string `json:"state"`
	Accounts int64  `json:"accounts"`
}

func (c *accountDeleteCmd) plan(ctx context.Context, s *session, directory *account.Directory) error {
	profile, err := directory.Show(ctx, c.Subject, s.actor())
	if err != nil {
		return fmt.Errorf("showing the account: %w", err)
	}
	plan := deletion{Subject: c.Subject, State: profile.State, Accounts: 1}
	if profile.State == account.StateUnknown || profile.State == account.StateDeleted {
		plan.Accounts = 0
	}
	return s.dry(plan, func(p *page) { p.line("%d account would be deleted; it is %s.", plan.Accounts, plan.State) })
}
