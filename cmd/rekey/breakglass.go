package main

import (
	"context"
	"fmt"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

var errBreakGlass = &problem.Error{Kind: problem.Forbidden, Code: "break_glass", Text: "There is an operator who can approve this. Do it in the console, or say why it must be done past them: --break-glass REASON. Every operator is written to."}

// alone is asked by the runner before a destructive act that one person does beside the database. Once somebody enrolled can approve, it takes a reason, which goes
// into the audit log with the act, and every operator is written to after it (design: roles are for people, and this is the way past them).
func (s *session) alone(ctx context.Context, act operator.Act, object string) (context.Context, error) {
	people, err := s.people(ctx)
	if err != nil {
		return ctx, err
	}
	approver, err := people.HasApprover(ctx)
	if err != nil || !approver && s.breakGlass == "" {
		return ctx, err
	}
	if s.breakGlass == "" {
		entry := operator.Denied(operator.CommandLine(s.actor().Name, ""), act, object, errBreakGlass)
		if err := s.opened.Record(ctx, entry); err != nil {
			return ctx, err
		}
		return ctx, errBreakGlass
	}
	s.alarms = append(s.alarms, fmt.Sprintf("%s did %s on %s at the command line, without a second person. Reason given: %s", s.actor(), act, object, s.breakGlass))
	return audit.WithDetail(ctx, audit.Detail{"break_glass": s.breakGlass}), nil
}

// soundAlarms writes to every operator of what was done alone. That they could not be told is said and does not undo what was done.
func (s *session) soundAlarms(ctx context.Context) {
	if len(s.alarms) == 0 {
		return
	}
	a, err := newAlarm(s.settings, operator.NewPeople(s.opened))
	for _, text := range s.alarms {
		if err == nil {
			err = a.sound(ctx, text)
		}
	}
	if err != nil {
		s.logger.ErrorContext(ctx, "operators could not be told that one person acted alone", "error", err)
	}
}
