package signin

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Claims are those of an ID token whose signature, audience, nonce and times were verified (OpenID Connect Core §3.1.3.7).
type Claims struct {
	Issuer, Subject string
	Email           string
	EmailVerified   bool
	AuthTime        time.Time // zero: the provider does not say
}

// noTime is never.
var noTime time.Time

// clockLeeway is how far the provider's clock may be off ours.
const clockLeeway = time.Minute

var errStranger = &problem.Error{Kind: problem.Forbidden, Code: "oidc", Text: "This identity belongs to no operator. Ask an administrator to add you with the address that your company's sign-in knows."}

// OIDC signs in by a verified identity: bound, by issuer and subject alone; not bound, the one operator who has its verified address, was never bound
// and is not disabled becomes its owner. It never makes operators. Errors: Forbidden, Limited.
func (d *Door) OIDC(ctx context.Context, c Claims, v Visitor) (Entered, error) {
	t, err := d.begin(ctx, "", operator.ByOIDC, v)
	if err != nil {
		return Entered{}, err
	}
	who, why, err := d.owner(ctx, c, t)
	if err != nil {
		return Entered{}, errors.Join(err, t.giveBack(ctx))
	}
	if why != "" {
		return Entered{}, d.stranger(ctx, t, who, why)
	}
	now, err := d.o.Store.Now(ctx)
	if err != nil {
		return Entered{}, err
	}
	e := Entered{Operator: who, By: operator.ByOIDC}
	if c.AuthTime.After(now.Add(-operator.FreshFor)) && !c.AuthTime.After(now.Add(clockLeeway)) {
		e.FreshUntil = c.AuthTime.Add(operator.FreshFor)
	}
	return e, t.giveBack(ctx)
}

// ConfirmOIDC is signing in at the provider again, asked for with max_age=0 at since: auth_time must not be before that. Errors: Forbidden, Limited.
func (d *Door) ConfirmOIDC(ctx context.Context, p operator.Principal, c Claims, since time.Time, v Visitor) (Entered, error) {
	t, err := d.begin(ctx, "", operator.ByOIDC, v)
	if err != nil {
		return Entered{}, err
	}
	t.action = audit.OperatorConfirm
	if c.AuthTime.Before(since.Add(-clockLeeway)) {
		return Entered{}, d.stranger(ctx, t, operator.Operator{ID: p.ID, Name: p.Name}, "auth_time too old or missing")
	}
	if err := d.accept(c); err != nil {
		return Entered{}, errors.Join(err, t.giveBack(ctx))
	}
	who, bound, err := d.o.Store.UseOIDC(context.WithoutCancel(ctx), c.Issuer, c.Subject, p.ID, func(o operator.Operator) audit.Entry { return t.entry(o.Name) })
	if err != nil {
		return Entered{}, errors.Join(err, t.giveBack(ctx))
	}
	if !bound {
		return Entered{}, d.stranger(ctx, t, operator.Operator{ID: p.ID, Name: p.Name}, "identity of somebody else")
	}
	now, err := d.o.Store.Now(ctx)
	if err != nil {
		return Entered{}, err
	}
	return Entered{Operator: who, By: operator.ByOIDC, FreshUntil: now.Add(operator.FreshFor)}, t.giveBack(ctx)
}

// stranger records a refusal with why; the answer is the same for all of them, and names what helps.
func (d *Door) stranger(ctx context.Context, t *try, who operator.Operator, why string) error {
	if err := t.fail(ctx, operator.Secrets{Operator: who}, why); !errors.Is(err, errSignIn) {
		return err
	}
	return errStranger
}

// accept refuses claims of another provider than the one set, or without a subject.
func (d *Door) accept(c Claims) error {
	if d.o.Issuer == "" || c.Subject == "" || subtle.ConstantTimeCompare([]byte(c.Issuer), []byte(d.o.Issuer)) != 1 {
		return errStranger
	}
	return nil
}

// owner finds or binds whose the identity is, or says why nobody's.
func (d *Door) owner(ctx context.Context, c Claims, t *try) (who operator.Operator, why string, err error) {
	if d.accept(c) != nil {
		return who, "another provider", nil
	}
	ctx = context.WithoutCancel(ctx)
	entry := func(o operator.Operator) audit.Entry { return t.entry(o.Name) }
	who, bound, err := d.o.Store.UseOIDC(ctx, c.Issuer, c.Subject, 0, entry)
	if err != nil || bound {
		return who, "", err
	}
	who, why, err = d.unbound(ctx, c)
	if err != nil || why != "" {
		return who, why, err
	}
	if err := d.bind(ctx, who, c); problem.Is(err, problem.Conflict) {
		return who, "bound meanwhile", nil
	} else if err != nil {
		return who, "", err
	}
	who, bound, err = d.o.Store.UseOIDC(ctx, c.Issuer, c.Subject, 0, entry)
	if err == nil && !bound {
		why = "disabled"
	}
	return who, why, err
}

// unbound finds the one operator whom a verified address names and who has no identity yet.
func (d *Door) unbound(ctx context.Context, c Claims) (who operator.Operator, why string, err error) {
	key, bad := account.EmailKey(c.Email)
	if !c.EmailVerified || bad != nil {
		return who, "address not verified", nil
	}
	all, err := d.o.Store.Operators(ctx)
	if err != nil {
		return who, "", err
	}
	found := 0
	for _, o := range all {
		if theirs, err := account.EmailKey(o.Email); err == nil && theirs == key && !o.OIDC && o.DisabledAt == nil {
			who = o
			found++
		}
	}
	switch found {
	case 0:
		return operator.Operator{}, "no operator of this address", nil
	case 1:
		return who, "", nil
	}
	return operator.Operator{}, "several operators of this address", nil
}

func (d *Door) bind(ctx context.Context, who operator.Operator, c Claims) error {
	entry := audit.New(who.Person(noTime).Actor(), audit.OwnOIDC, operator.Object(who.Name), audit.Detail{"bound": c.Issuer})
	if err := d.o.Store.AddWay(ctx, who.ID, operator.Ways{Issuer: c.Issuer, Subject: c.Subject}, entry); err != nil {
		return fmt.Errorf("binding operator %s to an identity: %w", who.Name, err)
	}
	return nil
}
