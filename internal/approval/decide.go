package approval

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Approve carries the act out, once: the move from pending to approved is taken by one caller, who then carries it out. If what it rests on
// has changed, or the act is refused, the request is void; if nothing could be done just now, it waits again. A process that ends between
// the move and the act leaves an approved request without the act's own entry in the audit log, and nothing done: ask again.
// Errors: NotFound, Forbidden, Conflict, and the act's own.
func (a *Approvals) Approve(ctx context.Context, p operator.Principal, id int64, note string, acts Acts) (Request, error) {
	r, err := a.store.Approval(ctx, id)
	if err != nil {
		return Request{}, err
	}
	entry := a.entry(p, audit.ApprovalApprove, r, note)
	if err := a.mayApprove(ctx, p, r); err != nil {
		return r, a.refused(ctx, entry, err)
	}
	basis, err := acts.Basis(ctx, r)
	switch {
	case err != nil && problem.Is(err, problem.Unavailable):
		return r, err
	case err != nil || basis != r.Basis:
		return r, a.void(ctx, p, r, Pending, errChanged)
	}
	ctx = context.WithoutCancel(ctx) // from here on whoever hangs up changes nothing
	won, err := a.store.DecideApproval(ctx, Decision{ID: id, From: Pending, To: Approved, By: p.ID, Note: clip(note)}, entry)
	if err != nil {
		return r, fmt.Errorf("approving request %d: %w", id, err)
	}
	if !won {
		return r, a.refused(ctx, entry, errOver)
	}
	if err := acts.CarryOut(ctx, r, p); err != nil {
		return r, a.undo(ctx, p, r, err)
	}
	return a.store.Approval(ctx, id)
}

func (a *Approvals) mayApprove(ctx context.Context, p operator.Principal, r Request) error {
	now, err := a.clock.Now(ctx)
	if err != nil {
		return err
	}
	switch {
	case p.Kind != audit.KindOperator:
		return errPeople
	case p.ID == r.RequestedBy:
		return errSelf
	case r.State != Pending || !now.Before(r.ExpiresAt):
		return errOver
	}
	return p.May(r.Act, now)
}

// undo moves a request that was taken and not carried out: back to waiting where nothing was done and it can be tried again, else to void.
func (a *Approvals) undo(ctx context.Context, p operator.Principal, r Request, why error) error {
	if problem.Is(why, problem.Unavailable) {
		entry := a.entry(p, audit.ApprovalApprove, r, "").Refuse("not carried out: it waits again")
		back, err := a.store.DecideApproval(ctx, Decision{ID: r.ID, From: Approved, To: Pending}, entry)
		if err == nil && back {
			return why
		}
	}
	return a.void(ctx, p, r, Approved, why)
}

// void ends a request with the reason, and gives the reason back.
func (a *Approvals) void(ctx context.Context, p operator.Principal, r Request, from State, why error) error {
	d := problem.DetailsOf(why, "")
	note := d.Detail
	if note == "" {
		note = d.Title
	}
	ctx = context.WithoutCancel(ctx)
	by := int64(0)
	if from == Approved { // who approved stays on record
		by = p.ID
	}
	_, err := a.store.DecideApproval(ctx, Decision{ID: r.ID, From: from, To: Void, By: by, Note: clip(note)}, a.entry(p, audit.ApprovalVoid, r, note))
	return errors.Join(why, err)
}

// Reject ends a request; whoever may do the act may reject it, except who asked, who withdraws. Errors: NotFound, Forbidden, Conflict.
func (a *Approvals) Reject(ctx context.Context, p operator.Principal, id int64, note string) error {
	return a.end(ctx, p, id, Rejected, audit.ApprovalReject, note, func(r Request) error {
		rule, _ := operator.RuleOf(r.Act)
		switch {
		case p.Kind != audit.KindOperator:
			return errPeople
		case p.ID == r.RequestedBy:
			return errSelf
		case !p.Roles.Has(rule.Roles...): // no fresh factor: what rejects only holds back
			return &problem.Error{Kind: problem.Forbidden, Code: operator.NeedsRole, Text: "Your role does not cover this."}
		}
		return nil
	})
}

// Withdraw takes back what the caller asked for. Errors: NotFound, Forbidden, Conflict.
func (a *Approvals) Withdraw(ctx context.Context, p operator.Principal, id int64) error {
	return a.end(ctx, p, id, Withdrawn, audit.ApprovalWithdraw, "", func(r Request) error {
		if p.Kind != audit.KindOperator || p.ID != r.RequestedBy {
			return &problem.Error{Kind: problem.Forbidden, Code: "asker", Text: "Only who asked can take a request back; others reject it."}
		}
		return nil
	})
}

func (a *Approvals) end(ctx context.Context, p operator.Principal, id int64, to State, action audit.Action, note string, may func(Request) error) error {
	r, err := a.store.Approval(ctx, id)
	if err != nil {
		return err
	}
	entry := a.entry(p, action, r, note)
	if err := may(r); err != nil {
		return a.refused(ctx, entry, err)
	}
	won, err := a.store.DecideApproval(ctx, Decision{ID: id, From: Pending, To: to, By: p.ID, Note: clip(note)}, entry)
	switch {
	case err != nil:
		return fmt.Errorf("ending request %d: %w", id, err)
	case !won:
		return a.refused(ctx, entry, errOver)
	}
	return nil
}

func (a *Approvals) entry(p operator.Principal, action audit.Action, r Request, note string) audit.Entry {
	detail := audit.Detail{"act": string(r.Act), "on": r.Object, "asked_by": r.Requester}
	if note != "" {
		detail["note"] = note
	}
	return audit.New(p.Actor(), action, Object(r.ID), detail)
}

func clip(note string) string {
	note = strings.TrimSpace(note)
	if runes := []rune(note); len(runes) > maxReason {
		note = string(runes[:maxReason])
	}
	return note
}
