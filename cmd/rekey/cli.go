package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/seed-1c168855/rekey/internal/config"
)

// cli is the command line: the settings, which every command takes, and the commands, one file per noun.
type cli struct {
	config.Settings `embed:""`

	JSON       bool   `help:"Print the result as JSON and nothing else on standard output."`
	Yes        bool   `help:"Do it. Without it a destructive command only says what it would do, and to how many accounts."`
	BreakGlass string `placeholder:"REASON" help:"Do alone what is for two, once there is an operator who can approve. The audit log names it, and every operator is written to."`

	Server string `placeholder:"URL" help:"Do it through the API of a running Rekey, at its admin address, and not beside the database (or REKEY_SERVER). The token stands in REKEY_TOKEN, or in the file REKEY_TOKEN_FILE names."`

	Demo     demoCmd     `cmd:"" help:"Play with all of it: nothing to install, nothing leaves this machine."`
	Serve    serveCmd    `cmd:"" help:"Run pages, API and mail delivery."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the database to this program's schema, or show both."`
	Accounts accountsCmd `cmd:"" help:"Bring accounts in, look at one, hand new passwords back."`
	Incident incidentCmd `cmd:"" help:"Describe the breach and publish the notice about it."`
	Campaign campaignCmd `cmd:"" help:"Force a reset: draft, prepare, preview, activate, watch, end."`
	Member   memberCmd   `cmd:"" help:"Help one member: find, a fresh link, a code, a dead address."`
	Lockdown lockdownCmd `cmd:"" help:"Stop all logins and resets at once, and let them go on."`
	Operator operatorCmd `cmd:"" help:"The people who run this: add, invite, change, shut out."`
	Approval approvalCmd `cmd:"" help:"Be the second person, or see what waits for one."`
	Client   clientCmd   `cmd:"" help:"Give keys to the programs that call the API."`
	Key      keyCmd      `cmd:"" help:"Rotate and revoke the keys that sign links."`
	Breached breachedCmd `cmd:"" help:"Make the list of passwords that are known from breaches."`
	Audit    auditCmd    `cmd:"" help:"Prove what was done, and when."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
	Health   healthCmd   `cmd:"" help:"Ask the serving process on this machine whether it is ready."`
}

const description = `Rekey forces password resets after a breach: it kills every exposed password in one commit, writes to every member, and answers the login service.

Settings come from REKEY_* variables, flags and a file; "rekey serve --help" lists them. Exit status: 0 done, 1 failed, 2 not understood.`

// parse gives nothing and an exit status where there is nothing to run: after help, and after a usage error.
func parse(ctx context.Context, c *cli, s *session, args []string) (*kong.Context, int) {
	helped := false
	parser, err := kong.New(c,
		kong.Name("rekey"),
		kong.Description(description),
		kong.Writers(s.stdout, s.stderr),
		kong.Exit(func(int) { helped = true }),
		kong.Resolvers(config.Source(s.getenv)),
		kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
		kong.ValueFormatter(helpOf),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
	)
	if err != nil {
		return nil, s.report(err)
	}
	parsed, err := parser.Parse(args)
	if helped { // kong goes on parsing after it printed help
		return nil, exitOK
	}
	if err != nil {
		return nil, s.report(usage(explain(parser.Model, err)))
	}
	if err := c.Complete(); err != nil {
		return nil, s.report(usage(err))
	}
	return parsed, exitOK
}

// explain names the setting in a parse error, or else the help to read.
func explain(model *kong.Application, err error) error {
	var parse *kong.ParseError
	named, ok := config.Explain(model, err)
	if ok || !errors.As(err, &parse) {
		return named
	}
	command := "rekey"
	if selected := parse.Context.Selected(); selected != nil {
		command += " " + selected.Path()
	}
	return fmt.Errorf("%w; %s --help explains", err, command)
}
