// Command bench measures each budget of the design beside its floor in one run and prints one table of ratios; make bench runs it.
// It promises a private database with fsync, both sides measured by the same means, and exit code 1 when a budget is missed or not measured.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/seed-1c168855/rekey/internal/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 4 && os.Args[1] == floorCommand {
		exit(serveFloor(ctx, os.Args[2], os.Args[3]))
	}
	if len(os.Args) == 2 && os.Args[1] == callerCommand {
		exit(serveCaller(ctx, os.Stdin, os.Stdout))
	}
	exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func exit(err error) {
	switch {
	case err == nil:
		os.Exit(0)
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// everybody is the size of the founding case.
const everybody = 1_290_775

// run measures and reports. An error says that something is not as it must be.
func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	full := flags.Bool("full", false, "the whole: 1,290,775 accounts and longer rounds")
	n := flags.Int("n", 0, "accounts; 0: 50,000, or with -full all")
	only := flags.String("only", "", "part of the names of the measures to run; empty: all")
	path := flags.String("json", "bench.json", "where the report goes as JSON; empty: nowhere")
	storm := flags.Bool("storm", false, "nothing but the storm: -n members, 10,000 unless set, reset their passwords, 200 at once")
	within := flags.Duration("within", time.Hour, "with -storm: how long it may take")
	if err := flags.Parse(args); err != nil {
		return errors.Join(flag.ErrHelp, err)
	}
	b := &suite{full: *full, n: *n, progress: progress}
	if *storm {
		return b.runStorm(ctx, *within, out, *path)
	}
	if b.n == 0 {
		b.n = 50_000
		if b.full {
			b.n = everybody
		}
	}
	began := time.Now()
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(ctx); err != nil {
		return err
	}
	b.measure(ctx, *only)
	b.report.Seconds = time.Since(began).Seconds()
	return b.finish(out, *path)
}

// measures are all of them, in an order in which each leaves what the next needs. The names are for -only and for failures.
var measures = []struct {
	name string
	run  func(*suite, context.Context) error
}{
	{"mint", (*suite).mint},
	{"activation", (*suite).activation},
	{"import", (*suite).imports},
	{"prepare", (*suite).prepare},
	{"gate", (*suite).gate},
	{"submits", (*suite).submits},
	{"delivery", (*suite).delivery},
}

func (b *suite) measure(ctx context.Context, only string) {
	for _, m := range measures {
		if !strings.Contains(m.name, only) || ctx.Err() != nil {
			continue
		}
		began := time.Now()
		if err := m.run(b, ctx); err != nil {
			b.add(bench.Row{What: m.name, Verdict: bench.NotMeasured, Note: err.Error()})
		}
		fmt.Fprintf(b.progress, "%-10s %5.1f s\n", m.name, time.Since(began).Seconds())
	}
}

func (b *suite) finish(out io.Writer, path string) error {
	if err := b.report.Print(out); err != nil {
		return err
	}
	fmt.Fprintf(out, "%.0f s in all\n", b.report.Seconds)
	if path != "" {
		if err := b.report.WriteFile(path); err != nil {
			return err
		}
	}
	if failed := b.report.Failed(); failed > 0 {
		return fmt.Errorf("%d of %d budgets are missed or not measured", failed, len(b.report.Rows))
	}
	return nil
}
