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

// Approve carries the act out, once. The decision is made in the transaction of the act: whenever a process ends, either both stand, or the request waits as if nobody
// had approved it. If what it rests on has changed, or the act is refused, the request is void; if nothing could be done just now, it goes on waiting.
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
		return r, a.void(ctx, p, r, 0, errChanged)
	}
	return a.carryOut(context.WithoutCancel(ctx), p, r, clip(note), entry, acts) // from here on whoever hangs up changes nothing
}

// carryOut does the act with the decision in it. An act that changes nothing by itself, such as a permission to download, is its decision alone.
func (a *Approvals) carryOut(ctx context.Context, p operator.Principal, r Request, note string, entry audit.Entry, acts Acts) (Request, error) {
	decision := Decision{ID: r.ID, From: Pending, To: Approved, By: p.ID, Note: note}
	under, made := a.store.Deciding(ctx, decision, entry)
	if err := acts.CarryOut(under, r, p); err != nil {
		return a.failed(ctx, p, r, entry, err)
	}
	if !made() {
		won, err := a.store.DecideApproval(ctx, decision, entry)
		if err != nil {
			return r, fmt.Errorf("approving request %d: %w", r.ID, err)
		}
		if !won {
			return r, a.refused(ctx, entry, ErrOver)
		}
	}
	return a.store.Approval(ctx, r.ID)
}

// failed judges an act that gave an error: it may have been done all the same, where only the word of its commit was lost.
func (a *Approvals) failed(ctx context.Context, p operator.Principal, r Request, entry audit.Entry, why error) (Request, error) {
	switch problem.KindOf(why) {
	case problem.Unavailable, problem.Internal:
		if now, err := a.store.Approval(ctx, r.ID); err == nil && now.State == Approved && now.DecidedBy == p.ID {
			return now, nil
		}
	}
	switch {
	case problem.Is(why, problem.Unavailable):
		return r, why
	case errors.Is(why, ErrOver):
		return r, a.refused(ctx, entry, ErrOver)
	}
	return r, a.void(ctx, p, r, p.ID, why)
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
		return ErrOver
	}
	return p.May(r.Act, now)
}

// void ends a request with the reason, and gives the reason back; by is who tried to carry it out, 0 for nobody.
func (a *Approvals) void(ctx context.Context, p operator.Principal, r Request, by int64, why error) error {
	d := problem.DetailsOf(why, "")
	note := d.Detail
	if note == "" {
		note = d.Title
	}
	_, err := a.store.DecideApproval(context.WithoutCancel(ctx), Decision{ID: r.ID, From: Pending, To: Void, By: by, Note: clip(note)}, a.entry(p, audit.ApprovalVoid, r, note))
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
		return a.refused(ctx, entry, ErrOver)
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
