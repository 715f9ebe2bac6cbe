package signin

import (
	"context"
	"errors"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Half is a right password: what is still needed. The caller keeps it in the session, which is not signed in yet.
type Half struct {
	Operator int64
	TOTP     bool // there is an authenticator app
	Passkey  bool // there is a passkey
}

// Password is the first of two steps. Whoever is named, and whether or not they are, it costs the same charges, one full hash and an entry
// where it is refused. Errors: Unauthorized, Limited, Unavailable.
func (d *Door) Password(ctx context.Context, name, typed string, v Visitor) (Half, error) {
	name = operator.FoldName(name)
	t, err := d.begin(ctx, name, operator.ByPassword, v)
	if err != nil {
		return Half{}, err
	}
	who, known, err := d.o.Store.SecretsOf(ctx, name)
	if err != nil {
		return Half{}, errors.Join(err, t.giveBack(ctx))
	}
	right, err := d.compare(ctx, who.PasswordHash, typed)
	if err != nil {
		return Half{}, errors.Join(err, t.giveBack(ctx)) // nothing was learned
	}
	half := Half{Operator: who.ID, TOTP: who.HasTOTP, Passkey: who.Passkeys > 0}
	switch {
	case !known:
		return Half{}, t.fail(ctx, operator.Secrets{}, "unknown")
	case !right:
		return Half{}, t.fail(ctx, who, "password")
	case who.DisabledAt != nil:
		return Half{}, t.fail(ctx, who, "disabled")
	case who.Failures >= MaxFailures:
		return Half{}, t.fail(ctx, who, "closed")
	case !half.TOTP && !half.Passkey:
		return Half{}, t.fail(ctx, who, "no second factor")
	}
	return half, errors.Join(d.upgrade(ctx, who, typed), t.giveBack(ctx))
}

// upgrade keeps a password that was right under today's parameters, where it was hashed under weaker ones (OWASP Password Storage). Nobody is kept out for that:
// where hashing is full, or the database does not answer, the next sign-in does it.
func (d *Door) upgrade(ctx context.Context, who operator.Secrets, typed string) error {
	if !password.NeedsUpgrade(who.PasswordHash, d.o.Hasher.Params()) {
		return nil
	}
	normal, err := password.Normalize(typed)
	if err != nil { // one that was set by other rules
		return nil
	}
	leave, err := d.o.Admission.Enter(ctx, d.o.Hasher.Memory())
	if err != nil {
		return unlessBusy(err)
	}
	defer leave()
	hash, err := d.o.Hasher.Hash(normal)
	if err != nil {
		return unlessBusy(err)
	}
	entry := audit.New(audit.Actor{Kind: audit.KindSystem, Name: "sign-in"}, audit.OwnPassword, operator.Object(who.Name), audit.Detail{"upgraded": d.o.Hasher.Label()})
	return unlessBusy(d.o.Store.UpgradePassword(context.WithoutCancel(ctx), who.ID, who.PasswordHash, hash, entry))
}

// unlessBusy drops a failure that another try does not have.
func unlessBusy(err error) error {
	if problem.Is(err, problem.Unavailable) {
		return nil
	}
	return err
}

// compare does one full hash in one admission slot, also for nobody.
func (d *Door) compare(ctx context.Context, hash, typed string) (bool, error) {
	leave, err := d.o.Admission.Enter(ctx, d.o.Hasher.MemoryFor(hash))
	if err != nil {
		return false, err
	}
	defer leave()
	return d.o.Hasher.VerifyAny(hash, typed)
}

// TOTP is the second step with an authenticator app, and how a signed-in operator confirms that it is still them. A code works once.
// Errors: Unauthorized, Limited, Unavailable.
func (d *Door) TOTP(ctx context.Context, id int64, code string, v Visitor) (Entered, error) {
	return d.useTOTP(ctx, id, code, v, audit.OperatorSignIn)
}

// ConfirmTOTP is TOTP of somebody signed in, before an act that needs it fresh.
func (d *Door) ConfirmTOTP(ctx context.Context, p operator.Principal, code string, v Visitor) (Entered, error) {
	return d.useTOTP(ctx, p.ID, code, v, audit.OperatorConfirm)
}

func (d *Door) useTOTP(ctx context.Context, id int64, code string, v Visitor, action audit.Action) (Entered, error) {
	o, err := d.o.Store.Operator(ctx, id)
	if err != nil {
		return Entered{}, err
	}
	t, err := d.begin(ctx, o.Name, operator.ByTOTP, v)
	if err != nil {
		return Entered{}, err
	}
	t.action = action
	who, _, err := d.o.Store.SecretsOf(ctx, o.Name)
	if err != nil {
		return Entered{}, errors.Join(err, t.giveBack(ctx))
	}
	if who.DisabledAt != nil || who.Failures >= MaxFailures {
		return Entered{}, t.fail(ctx, who, "closed")
	}
	now, err := d.o.Store.Now(ctx)
	if err != nil {
		return Entered{}, errors.Join(err, t.giveBack(ctx))
	}
	step, err := d.matchTOTP(who, code, now)
	if err != nil {
		return Entered{}, errors.Join(err, t.giveBack(ctx))
	}
	if step <= who.TOTPStep {
		return Entered{}, t.fail(ctx, who, "code")
	}
	used, err := d.o.Store.UseTOTP(context.WithoutCancel(ctx), id, who.TOTPSealed, step, t.entry(who.Name))
	switch {
	case err != nil:
		return Entered{}, err
	case !used:
		return Entered{}, t.fail(ctx, who, "code used")
	}
	return Entered{Operator: who.Operator, By: operator.ByTOTP, FreshUntil: now.Add(operator.FreshFor)}, t.giveBack(ctx)
}
