package signin

import (
	"context"
	"fmt"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// What operators do with their own ways in. Whoever calls these has asked Principal.May. The last way in cannot be removed: Conflict, Code "last".

// SetPassword changes the caller's own password. Without an authenticator app or a passkey beside it, it opens nothing. Errors: Unprocessable, Unavailable.
func (d *Door) SetPassword(ctx context.Context, p operator.Principal, typed string) error {
	o, err := d.o.Store.Operator(ctx, p.ID)
	if err != nil {
		return err
	}
	hash, err := d.hash(ctx, o, typed)
	if err != nil {
		return err
	}
	return d.add(ctx, p, operator.Ways{PasswordHash: hash}, audit.OwnPassword, audit.Detail{"set": true})
}

// NewTOTP makes a secret for the caller's authenticator app; SetTOTP puts it in force.
func (d *Door) NewTOTP(p operator.Principal) (TOTPSetup, error) {
	return d.newTOTP(operator.Operator{ID: p.ID, Name: p.Name})
}

// SetTOTP puts a new secret in force, in the place of any before, once a code of it fits. Errors: Unprocessable.
func (d *Door) SetTOTP(ctx context.Context, p operator.Principal, setup []byte, code string) error {
	now, err := d.o.Store.Now(ctx)
	if err != nil {
		return err
	}
	step, err := d.checkSetup(operator.Operator{ID: p.ID}, setup, code, now)
	if err != nil {
		return err
	}
	return d.add(ctx, p, operator.Ways{TOTPSealed: setup, TOTPStep: step}, audit.OwnTOTP, audit.Detail{"set": true})
}

// Passkeys lists the caller's own.
func (d *Door) Passkeys(ctx context.Context, p operator.Principal) ([]operator.Passkey, error) {
	return d.o.Store.Passkeys(ctx, p.ID)
}

// BeginAddPasskey asks for another passkey than those there are.
func (d *Door) BeginAddPasskey(ctx context.Context, p operator.Principal) (Ceremony, error) {
	has, err := d.o.Store.Passkeys(ctx, p.ID)
	if err != nil {
		return Ceremony{}, err
	}
	return d.register(ctx, operator.Operator{ID: p.ID, Name: p.Name}, has)
}

// AddPasskey keeps the answer's passkey under a name. Errors: Unprocessable, Conflict.
func (d *Door) AddPasskey(ctx context.Context, p operator.Principal, name string, kept, answer []byte) error {
	passkey, err := d.registered(operator.Operator{ID: p.ID, Name: p.Name}, name, kept, answer)
	if err != nil {
		return err
	}
	return d.add(ctx, p, operator.Ways{Passkey: passkey}, audit.OwnPasskeys, audit.Detail{"added": passkey.Name})
}

// RenamePasskey gives one of the caller's own another name. Errors: NotFound.
func (d *Door) RenamePasskey(ctx context.Context, p operator.Principal, passkey int64, name string) error {
	name = operator.Label(name, "Passkey")
	entry := audit.New(p.Actor(), audit.OwnPasskeys, operator.Object(p.Name), audit.Detail{"renamed": name, "passkey": passkey})
	return d.o.Store.RenamePasskey(ctx, p.ID, passkey, name, entry)
}

// BindOIDC binds the caller to an identity, whatever its address. Errors: Forbidden for another provider, Conflict.
func (d *Door) BindOIDC(ctx context.Context, p operator.Principal, c Claims) error {
	if err := d.accept(c); err != nil {
		return err
	}
	return d.bind(ctx, operator.Operator{ID: p.ID, Name: p.Name}, c)
}

// Remove takes one of the caller's own ways in away; passkey says which, where it is one. Errors: NotFound, Conflict for the last.
func (d *Door) Remove(ctx context.Context, p operator.Principal, w operator.Way, passkey int64) error {
	action := map[operator.Way]audit.Action{
		operator.ByPassword: audit.OwnPassword, operator.ByTOTP: audit.OwnTOTP, operator.ByPasskey: audit.OwnPasskeys, operator.ByOIDC: audit.OwnOIDC,
	}[w]
	detail := audit.Detail{"removed": true}
	if w == operator.ByPasskey {
		detail["passkey"] = passkey
	}
	entry := audit.New(p.Actor(), action, operator.Object(p.Name), detail)
	if err := d.o.Store.RemoveWay(ctx, p.ID, w, passkey, d.o.Issuer, entry); err != nil {
		return fmt.Errorf("removing a way in of operator %s: %w", p.Name, err)
	}
	return nil
}

func (d *Door) add(ctx context.Context, p operator.Principal, w operator.Ways, action audit.Action, detail audit.Detail) error {
	if err := d.o.Store.AddWay(context.WithoutCancel(ctx), p.ID, w, audit.New(p.Actor(), action, operator.Object(p.Name), detail)); err != nil {
		return fmt.Errorf("adding a way in of operator %s: %w", p.Name, err)
	}
	return nil
}
