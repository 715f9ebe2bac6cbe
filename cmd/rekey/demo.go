package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/seed-1c168855/rekey/internal/demo"
)

type demoCmd struct {
	Accounts int    `default:"2000" placeholder:"N" help:"How many accounts the breached base has, 20 to 5000000."`
	Once     bool   `help:"Play a whole incident without a browser, check every step, and exit."`
	Keep     string `placeholder:"DIR" help:"Where database, base and log go, a new or empty directory; it stays. Unless given: a temporary one that goes with the demo."`
}

func (demoCmd) Help() string {
	return `Everything in one process, with nothing to install and no mail sent: a made-up base of an old breach, a campaign that is ready to be activated, the members' pages, a sample login site and a mailbox that catches every mail. It prints what to open and what to try. Settings for databases and mail servers are not read, so it touches nothing else. Ctrl-C ends it.

Examples:

    rekey demo
    rekey demo --accounts 50000 --listen 127.0.0.1:9080
    rekey demo --once --json`
}

// demoSeed makes the base the same each time.
const demoSeed = 2011

func (*demoCmd) deed() deed { return deed{place: besideDatabase} }

func (c *demoCmd) Run(ctx context.Context, s *session) error {
	if c.Accounts < demo.Least || c.Accounts > 5_000_000 {
		return usagef("--accounts: must be %d to 5000000", demo.Least)
	}
	dir, remove, err := c.directory()
	if err != nil {
		return err
	}
	err = c.in(ctx, s, dir)
	if _, begun := os.Stat(filepath.Join(dir, demoLog)); err != nil && begun == nil && ctx.Err() == nil {
		return fmt.Errorf("%w; the log is %s", err, filepath.Join(dir, demoLog))
	}
	return errors.Join(err, remove())
}

// directory makes the demo's own, and says how to remove it if it is temporary.
func (c *demoCmd) directory() (dir string, remove func() error, err error) {
	if c.Keep == "" {
		dir, err = os.MkdirTemp("", "rekey-demo-")
		if err != nil {
			return "", nil, fmt.Errorf("making a temporary directory: %w", err)
		}
		return dir, func() error { return os.RemoveAll(dir) }, nil
	}
	if dir, err = filepath.Abs(c.Keep); err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return "", nil, fmt.Errorf("--keep: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", nil, fmt.Errorf("--keep: %w", err)
	}
	if len(entries) > 0 {
		return "", nil, usagef("--keep: %s is not empty; name a new directory", dir)
	}
	return dir, func() error { return nil }, nil
}

// in runs the demo in its directory.
func (c *demoCmd) in(ctx context.Context, s *session, dir string) (err error) {
	w, err := newWorld(s, worldOptions{dir: dir, listen: c.listen(s), population: demo.Population{N: c.Accounts, Seed: demoSeed}})
	if err != nil {
		return err
	}
	if err := w.start(ctx); err != nil {
		return errors.Join(err, w.stop())
	}
	defer func() { err = errors.Join(err, w.stop()) }()
	if c.Once {
		return c.once(ctx, s, w)
	}
	return c.stay(ctx, s, w)
}

// listen is the address of the members' pages. The story needs no particular one.
func (c *demoCmd) listen(s *session) string {
	if c.Once && s.settings.Listen == "127.0.0.1:8080" {
		return "127.0.0.1:0"
	}
	return s.settings.Listen
}

// once plays the story and exits.
func (c *demoCmd) once(ctx context.Context, s *session, w *world) error {
	w.story.Tell = w.tell
	result, err := w.story.Play(ctx)
	if s.json {
		return errors.Join(err, writeJSON(s.stdout, result))
	}
	if err == nil {
		fmt.Fprintf(s.stdout, "\n%d of %d steps are as they must be, in %s.\n", len(result.Steps), len(result.Steps), seconds(result.TookMS))
	}
	return err
}

// stay sets everything up, says what to try, and serves until the context ends.
func (c *demoCmd) stay(ctx context.Context, s *session, w *world) error {
	w.story.Tell = w.tell
	if _, err := w.story.SetUp(ctx); err != nil {
		return err
	}
	sites, err := w.openSites()
	if err != nil {
		return err
	}
	if s.json {
		err = writeJSON(s.stdout, sites)
	} else {
		err = w.explain(s.stdout, sites)
	}
	if err != nil {
		return err
	}
	return w.wait(ctx)
}

// tell prints a step for people.
func (w *world) tell(st demo.Step) {
	if w.session.json {
		return
	}
	mark := "✓"
	if !st.OK {
		mark = "✗"
	}
	fmt.Fprintf(w.session.stdout, "%s %-56s %8s  %s\n", mark, st.Name, seconds(st.TookMS), st.Detail)
}

func seconds(ms int64) string {
	return fmt.Sprintf("%.2f s", (time.Duration(ms) * time.Millisecond).Seconds())
}

// explain is what to open and what to try.
func (w *world) explain(out io.Writer, at sites) error {
	_, err := fmt.Fprintf(out, guide, at.Login, at.Mailbox, at.Rekey, at.Rekey+"/incidents/"+demo.Slug,
		at.Login, at.Email, at.Password, at.Preview, at.Activate, at.Mailbox, at.Email, at.Login, at.Status, w.dir)
	if err != nil {
		return fmt.Errorf("printing what to try: %w", err)
	}
	return nil
}

const guide = `
Rekey's demo is ready. Open in a browser:

  Login site      %s/      a sample service that asks Rekey about every sign-in
  Mailbox         %s/      every mail to every member; none leaves this machine
  Members' pages  %s/      where passwords are reset
  Public notice   %s

Try this:

  1. Sign in at %s/ as
         %s
         %s
     The old, breached password still works.

  2. In a second terminal look at what would happen:
         %s

  3. Do it. Every password on the leaked list dies at once:
         %s

  4. Reload the login site: you are signed out. Sign in again: the old password is refused.

  5. Read the mail at %s/?to=%s
     and follow its link, or type its code by hand. Set a new password.

  6. Sign in at %s/ with it. Open the link again: it is used.

  7. See the numbers:
         %s

Everything is in %s. Ctrl-C ends the demo.
`
