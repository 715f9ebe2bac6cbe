package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// usageError is a command or setting that was not understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(err error) error { return usageError{err} }

func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// failure keeps what a file holds from counting as a usage error.
type failure struct{ error }

func (e failure) Unwrap() error { return e.error }

// report says on standard error what went wrong, on one line, and gives the exit status. The user of the command line holds the
// database, so the cause is shown; no error holds a secret.
func (s *session) report(err error) int {
	if err == nil {
		return exitOK
	}
	text := oneLine(err.Error())
	if errors.Is(err, context.Canceled) {
		text = "interrupted: " + text
	}
	if s.json {
		d := problem.DetailsOf(classified(err), "")
		d.Detail = text
		if bad := writeJSON(s.stderr, d); bad != nil {
			return exitFailed
		}
	} else {
		fmt.Fprintln(s.stderr, "rekey: "+text)
	}
	return exitStatus(err)
}

// classified makes a usage error a problem of its kind.
func classified(err error) error {
	if exitStatus(err) == exitUsage {
		return problem.Wrap(problem.Invalid, "", err)
	}
	return err
}

func exitStatus(err error) int {
	var u usageError
	var f failure
	switch {
	case errors.As(err, &u):
		return exitUsage
	case errors.As(err, &f):
		return exitFailed
	case problem.Is(err, problem.Invalid):
		return exitUsage
	}
	return exitFailed
}

func oneLine(text string) string {
	return strings.Map(printable, strings.ReplaceAll(strings.TrimSpace(text), "\n", "; "))
}

// usageOf makes a refused argument a usage error.
func usageOf(flag string, err error) error {
	if problem.Is(err, problem.Invalid) {
		return usagef("--%s: %w", flag, err)
	}
	return err
}
