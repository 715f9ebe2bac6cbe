package signin

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Invitation is a live one-time link that was followed. Nothing is used up before the way in is complete.
type Invitation struct {
	Operator operator.Operator
	Key      []byte // for the caller to keep in the session in the token's place: what the database knows it by
}

var errInvite = problem.New(problem.Gone, "This invitation was used, replaced or is too old. Ask an administrator for a new one.")

// Invited looks at an invitation's token and changes nothing. Errors: Gone, Limited.
func (d *Door) Invited(ctx context.Context, token string, v Visitor) (Invitation, error) {
	t, err := d.begin(ctx, "", "", v)
	if err != nil {
		return Invitation{}, err
	}
	i, err := d.Again(ctx, operator.HashToken(token))
	if problem.Is(err, problem.Gone) {
		return i, err // guessing costs
	}
	return i, errors.Join(err, t.giveBack(ctx))
}

// Again is the invitation by the key kept. Errors: Gone.
func (d *Door) Again(ctx context.Context, key []byte) (Invitation, error) {
	o, live, err := d.o.Store.Invited(ctx, key)
	if err == nil && !live {
		err = errInvite
	}
	return Invitation{Operator: o, Key: key}, err
}

// EnrolTOTP makes the secret that goes with a new password.
func (d *Door) EnrolTOTP(ctx context.Context, key []byte) (TOTPSetup, error) {
	i, err := d.Again(ctx, key)
	if err != nil {
		return TOTPSetup{}, err
	}
	return d.newTOTP(i.Operator)
}

// EnrolPassword uses the invitation: password and authenticator app are the way in from now on. Errors: Gone, Unprocessable (the password, or the code), Unavailable.
func (d *Door) EnrolPassword(ctx context.Context, key []byte, typed string, setup []byte, code string) (operator.Operator, error) {
	i, err := d.Again(ctx, key)
	if err != nil {
		return operator.Operator{}, err
	}
	w, err := d.ways(ctx, i.Operator, typed, setup, code)
	if err != nil {
		return operator.Operator{}, err
	}
	return d.enrol(ctx, i, w, operator.ByPassword)
}

func (d *Door) ways(ctx context.Context, o operator.Operator, typed string, setup []byte, code string) (w operator.Ways, err error) {
	now, err := d.o.Store.Now(ctx)
	if err != nil {
		return w, err
	}
	if w.TOTPStep, err = d.checkSetup(o, setup, code, now); err != nil {
		return w, err
	}
	w.TOTPSealed = setup
	w.PasswordHash, err = d.hash(ctx, o, typed)
	return w, err
}

// hash judges a new password and hashes it in one admission slot. Errors: Unprocessable, Unavailable.
func (d *Door) hash(ctx context.Context, o operator.Operator, typed string) (string, error) {
	if err := d.policy.Check(ctx, typed, password.Context{Service: d.o.Service, Email: o.Email, Subject: o.Name}); err != nil {
		return "", err
	}
	normal, err := password.Normalize(typed)
	if err != nil {
		return "", err
	}
	leave, err := d.o.Admission.Enter(ctx, d.o.Hasher.Memory())
	if err != nil {
		return "", err
	}
	defer leave()
	return d.o.Hasher.Hash(normal)
}

// BeginEnrolPasskey asks for a new passkey.
func (d *Door) BeginEnrolPasskey(ctx context.Context, key []byte) (Ceremony, error) {
	i, err := d.Again(ctx, key)
	if err != nil {
		return Ceremony{}, err
	}
	return d.register(ctx, i.Operator, nil)
}

// EnrolPasskey uses the invitation: the passkey is the way in from now on. Errors: Gone, Unprocessable.
func (d *Door) EnrolPasskey(ctx context.Context, key []byte, name string, kept, answer []byte) (operator.Operator, error) {
	i, err := d.Again(ctx, key)
	if err != nil {
		return operator.Operator{}, err
	}
	passkey, err := d.registered(i.Operator, name, kept, answer)
	if err != nil {
		return operator.Operator{}, err
	}
	return d.enrol(ctx, i, operator.Ways{Passkey: passkey}, operator.ByPasskey)
}

// EnrolOIDC uses the invitation: the identity is the way in from now on, whatever its address, since the link went to its owner. Errors: Gone, Conflict, Forbidden.
func (d *Door) EnrolOIDC(ctx context.Context, key []byte, c Claims) (operator.Operator, error) {
	i, err := d.Again(ctx, key)
	if err != nil {
		return operator.Operator{}, err
	}
	if err := d.accept(c); err != nil {
		return operator.Operator{}, err
	}
	return d.enrol(ctx, i, operator.Ways{Issuer: c.Issuer, Subject: c.Subject}, operator.ByOIDC)
}

func (d *Door) enrol(ctx context.Context, i Invitation, w operator.Ways, by operator.Way) (operator.Operator, error) {
	entry := audit.New(i.Operator.Person(noTime).Actor(), audit.OperatorEnrol, operator.Object(i.Operator.Name), audit.Detail{"by": string(by)})
	used, err := d.o.Store.Enrol(context.WithoutCancel(ctx), i.Key, w, entry)
	switch {
	case err != nil:
		return operator.Operator{}, fmt.Errorf("enrolling operator %s: %w", i.Operator.Name, err)
	case !used:
		return operator.Operator{}, errInvite
	}
	return d.o.Store.Operator(ctx, i.Operator.ID)
}
