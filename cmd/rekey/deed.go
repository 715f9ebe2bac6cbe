package main

import (
	"context"
	"errors"

	"github.com/alecthomas/kong"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// place is where a command acts.
type place int

const (
	_              place = iota
	nowhere              // on files, or on nothing: it needs neither database nor server
	besideDatabase       // on the database alone
	inOffice             // on the database, or through the API of a running Rekey
)

// deed is what a run of a command does, as the command declares it from its arguments. The runner goes by it, and the table of who may do what is
// generated from it: a command that declares nothing is not run.
type deed struct {
	place place
	// act is what the rules call it, or the audit log where they do not speak of it; "" where neither does.
	act operator.Act
	// dry is what it takes to see what the act would do; "" where it is done without --yes.
	dry operator.Act
	// destructive acts are not for one person alone once somebody can approve them: beside the database they take --break-glass, on the object.
	destructive bool
	object      string // as the audit log names it
}

// declared is every command.
type declared interface{ deed() deed }

// reads is the deed of a command that looks at something, does of one that acts at once.
func reads(a operator.Act) deed { return deed{place: inOffice, act: a} }
func does(a operator.Act) deed  { return deed{place: inOffice, act: a} }

// destroys is the deed of a command that says what it would do, and with --yes does what cannot simply be undone.
func destroys(a, dry operator.Act, object string) deed {
	return deed{place: inOffice, act: a, dry: dry, destructive: true, object: object}
}

// beside is the deed of a command that needs the database. The rules do not speak of most of those.
func beside[Act ~string](a Act) deed { return deed{place: besideDatabase, act: operator.Act(a)} }

func (*serveCmd) deed() deed { return beside(audit.ServeStart) }

// deedOf is what the command that was understood declares.
func deedOf(node *kong.Node) (deed, error) {
	if node != nil {
		if c, ok := node.Target.Addr().Interface().(declared); ok {
			if d := c.deed(); d.place != 0 {
				return d, nil
			}
		}
	}
	return deed{}, errors.New("this command does not say what it does, so it is not run")
}

// do runs a command as it declares itself: in the place that it takes, and past who could approve it only with the reason.
func (s *session) do(ctx context.Context, server string, parsed *kong.Context) error {
	d, err := deedOf(parsed.Selected())
	if err != nil {
		return err
	}
	if err := s.reach(server, parsed.Command(), d.place); err != nil {
		return err
	}
	if s.remote == nil && d.destructive && (s.yes || d.dry == "") {
		if ctx, err = s.alone(ctx, d.act, d.object); err != nil {
			return err
		}
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return parsed.Run()
}
