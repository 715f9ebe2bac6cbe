// Command rekey forces password resets after a breach: the service itself, and the commands of whoever runs it.
// It is wiring only; the rules are in internal.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/seed-1c168855/rekey/internal/password/process"
)

// version is set when a release is built.
var version = "unknown"

func main() {
	if isHashProcess(os.Args[1:]) {
		os.Exit(process.Main())
	}
	syscall.Umask(0o077) // whatever it writes holds personal data or secrets: for the owner alone
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks to end, the second one kills
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// run is the whole program: the context ends it, the result is its exit status.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c cli
	s := &session{getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr, settings: &c.Settings, json: slices.Contains(args, "--json")}
	parsed, status := parse(ctx, &c, s, args)
	if parsed == nil {
		return status
	}
	s.begin(&c)
	return s.report(s.end(ctx, s.do(ctx, c.Server, parsed)))
}
