// Package approval is the second person: a request shows exactly what would happen, waits for somebody else, and is carried out once or never.
// It promises that nobody approves what they asked for, that a request dies with what it rests on, and that each step leaves an audit entry; desk calls it.
package approval

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// DefaultLife is how long a request waits unless set otherwise.
const DefaultLife = 4 * time.Hour

// State is where a request stands.
type State string

// The states: pending → approved, rejected, withdrawn, expired or void.
const (
	Pending   State = "pending"
	Approved  State = "approved" // and carried out in the same transaction
	Rejected  State = "rejected"
	Withdrawn State = "withdrawn" // by who asked
	Expired   State = "expired"
	Void      State = "void" // what it rests on changed, the act was refused, or who asked may not any more
)

// Request is an act that waits for a second person.
type Request struct {
	ID          int64           `json:"id"`
	Act         operator.Act    `json:"act"`
	Object      string          `json:"object"` // on what, as in the audit log
	Params      json.RawMessage `json:"params"` // what will be carried out
	Effect      json.RawMessage `json:"effect"` // exactly what was shown to both people
	Basis       string          `json:"basis"`  // digest of what the effect rests on
	Accounts    int64           `json:"accounts"`
	Reason      string          `json:"reason"`
	State       State           `json:"state"`
	RequestedBy int64           `json:"requested_by"`
	Requester   string          `json:"requester"` // name
	RequestedAt time.Time       `json:"requested_at"`
	ExpiresAt   time.Time       `json:"expires_at"`
	DecidedBy   int64           `json:"decided_by,omitempty"` // 0: nobody, such as when it expired
	Decider     string          `json:"decider,omitempty"`
	DecidedAt   *time.Time      `json:"decided_at"`
	Note        string          `json:"note"` // what the second person said, or why it is void
	TakenAt     *time.Time      `json:"-"`    // when who asked used what it allows once; nil: not yet, or there is no such thing
}

// Decision moves a request from one state to another, where it is still there.
type Decision struct {
	ID       int64
	From, To State
	By       int64 // the operator; 0: nobody
	Note     string
}

// Store keeps requests.
type Store interface {
	// AddApproval keeps a new one for life; Conflict, Code "pending", if one for the act and object waits already.
	AddApproval(ctx context.Context, r Request, life time.Duration, entry audit.Entry) (Request, error)
	// Approval finds one; NotFound.
	Approval(ctx context.Context, id int64) (Request, error)
	// ApprovalPage gives what the query picks, the newest first, and the Before of the next page; 0: this was the last.
	ApprovalPage(ctx context.Context, q Query) (page []Request, next int64, err error)
	// DecideApproval makes the move if the request is in From, has not expired (where From is Pending), and By, if any, is not disabled. False: it is not.
	DecideApproval(ctx context.Context, d Decision, entry audit.Entry) (bool, error)
	// Deciding gives a context under which the decision is made in the transaction of the first finished act that is recorded: act and decision are both committed,
	// or neither is; where the move can't be made the act is refused with ErrOver. made tells whether it was committed.
	Deciding(ctx context.Context, d Decision, entry audit.Entry) (under context.Context, made func() bool)
	// ExpireApprovals ends what waited too long; entry records each.
	ExpireApprovals(ctx context.Context, entry func(Request) audit.Entry) (int64, error)
}

// Clock is the database's.
type Clock interface {
	Now(ctx context.Context) (time.Time, error)
	Record(ctx context.Context, entries ...audit.Entry) error
}

// Acts is whoever knows what the acts rest on and carries them out: the desk.
type Acts interface {
	// Basis is the digest of what the request's effect rests on, as it is now.
	Basis(ctx context.Context, r Request) (string, error)
	// CarryOut does it, in the name of the second person, in one transaction. An error of kind Unavailable says that nothing was done and that it may be tried again.
	CarryOut(ctx context.Context, r Request, p operator.Principal) error
}

// Approvals are the requests of one installation.
type Approvals struct {
	store Store
	clock Clock
	life  time.Duration
}

// On works on a store that is a clock, too; life is how long a request waits, DefaultLife if 0.
func On[S interface {
	Store
	Clock
}](s S, life time.Duration) *Approvals {
	if life <= 0 {
		life = DefaultLife
	}
	return &Approvals{store: s, clock: s, life: life}
}

// Object names a request in the audit log.
func Object(id int64) string { return "approval:" + strconv.FormatInt(id, 10) }

// maxReason is how long a reason or note may be, in characters.
const maxReason = 1000

// Ask keeps a request. Only people ask: whoever can make a key for a program could otherwise be both persons.
// Errors: Forbidden, Invalid without a reason, Conflict if one for the same waits already.
func (a *Approvals) Ask(ctx context.Context, p operator.Principal, r Request) (Request, error) {
	entry := audit.New(p.Actor(), audit.ApprovalAsk, r.Object, audit.Detail{"act": string(r.Act), "accounts": r.Accounts, "reason": r.Reason, "basis": r.Basis})
	if err := a.mayAsk(ctx, p, r); err != nil {
		return Request{}, a.refused(ctx, entry, err)
	}
	r.State, r.RequestedBy, r.Requester, r.Reason = Pending, p.ID, p.Name, strings.TrimSpace(r.Reason)
	made, err := a.store.AddApproval(ctx, r, a.life, entry)
	if err != nil {
		return Request{}, a.refused(ctx, entry, fmt.Errorf("asking for a second person: %w", err))
	}
	return made, nil
}

func (a *Approvals) mayAsk(ctx context.Context, p operator.Principal, r Request) error {
	now, err := a.clock.Now(ctx)
	if err != nil {
		return err
	}
	if err := p.MayAsk(r.Act, now); err != nil {
		return err
	}
	if p.Kind != audit.KindOperator {
		return errPeople
	}
	if rule, _ := operator.RuleOf(r.Act); !rule.Second {
		return problem.Newf(problem.Invalid, "%s needs no second person.", r.Act)
	}
	if n := len([]rune(strings.TrimSpace(r.Reason))); n == 0 || n > maxReason {
		return problem.Newf(problem.Invalid, "Say why, in at most %d characters.", maxReason)
	}
	return nil
}

var (
	errPeople  = &problem.Error{Kind: problem.Forbidden, Code: "person", Text: "Only a person can ask for this, and only another one can approve it."}
	errSelf    = &problem.Error{Kind: problem.Forbidden, Code: "second_person", Text: "Somebody else has to decide about what you asked for."}
	errChanged = &problem.Error{Kind: problem.Conflict, Code: "changed", Text: "What this request rests on has changed since; it is void. Ask again."}
)

// ErrOver refuses to decide what was decided, or ended, already.
var ErrOver = &problem.Error{Kind: problem.Conflict, Code: "decided", Text: "This request is not pending any more."}

// Show gives one. Errors: NotFound.
func (a *Approvals) Show(ctx context.Context, id int64) (Request, error) {
	return a.store.Approval(ctx, id)
}

// Query picks a page of requests, the newest first.
type Query struct {
	State  State // "": in any
	Before int64 // asked before the request with this number; 0: from the newest
	Limit  int   // 1 to MaxPage; DefaultPage if 0
}

// Sizes of a page.
const (
	DefaultPage = 50
	MaxPage     = 1000
)

// States are all there are.
func States() []State { return []State{Pending, Approved, Rejected, Withdrawn, Expired, Void} }

// Page gives requests, and the Before of the next page; 0: this was the last. Errors: Unprocessable for a state there is none of, or a limit out of bounds.
func (a *Approvals) Page(ctx context.Context, q Query) (page []Request, next int64, err error) {
	if q.State != "" && !slices.Contains(States(), q.State) {
		return nil, 0, &problem.Error{Kind: problem.Unprocessable, Code: "state", Text: "A request is pending, approved, rejected, withdrawn, expired or void."}
	}
	if q.Limit == 0 {
		q.Limit = DefaultPage
	}
	if q.Limit < 1 || q.Limit > MaxPage || q.Before < 0 {
		return nil, 0, problem.Newf(problem.Unprocessable, "A page has 1 to %d requests.", MaxPage)
	}
	return a.store.ApprovalPage(ctx, q)
}

// Expire ends what waited too long, and says how many.
func (a *Approvals) Expire(ctx context.Context) (int64, error) {
	actor := audit.Actor{Kind: audit.KindSystem, Name: "approvals"}
	return a.store.ExpireApprovals(ctx, func(r Request) audit.Entry {
		return audit.New(actor, audit.ApprovalExpire, Object(r.ID), audit.Detail{"act": string(r.Act), "on": r.Object})
	})
}

// refused records what was turned down, and gives the error back.
func (a *Approvals) refused(ctx context.Context, entry audit.Entry, why error) error {
	if k := problem.KindOf(why); k == problem.Internal || k == problem.Unavailable {
		return why
	}
	d := problem.DetailsOf(why, "")
	text := d.Code
	if text == "" {
		text = d.Detail
	}
	if err := a.clock.Record(context.WithoutCancel(ctx), entry.Refuse(text)); err != nil {
		return fmt.Errorf("recording a refusal: %w", err)
	}
	return why
}
