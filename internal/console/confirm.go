package console

import (
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/operator/signin"
)

// confirmation asks somebody signed in to prove once more that it is them.
type confirmation struct {
	Next     string
	TOTP     bool
	Passkeys bool
	OIDC     bool
}

func (c *Console) confirmation(r *call) (confirmation, error) {
	o, err := c.o.Operators.Operator(r.Request.Context(), r.who.ID)
	return confirmation{
		Next: next(r.DefaultPostForm("next", r.Query("next"))), TOTP: o.HasTOTP, Passkeys: o.Passkeys > 0 && c.o.Door.HasPasskeys(), OIDC: o.OIDC && c.provider != nil,
	}, err
}

func (c *Console) confirm(r *call) error {
	page, err := c.confirmation(r)
	if err != nil {
		return err
	}
	return r.page("confirm", page)
}

func (c *Console) confirmTOTP(r *call) error {
	e, err := c.o.Door.ConfirmTOTP(r.work(), r.who, r.PostForm("code"), visitor(r))
	return c.confirmed(r, e, err)
}

func (c *Console) confirmPasskey(r *call) error {
	kept, answer := r.ceremonyState()
	e, err := c.o.Door.ConfirmPasskey(r.work(), r.who, kept, answer, visitor(r))
	return c.confirmed(r, e, err)
}

func (c *Console) confirmed(r *call, e signin.Entered, err error) error {
	page, reading := c.confirmation(r)
	switch {
	case reading != nil:
		return reading
	case err != nil:
		return r.refuseOn("confirm", page, err)
	}
	return c.freshen(r, e, page.Next)
}

// freshen gives the session another token with the right that it gained, and leads back to where the act is.
func (c *Console) freshen(r *call, e signin.Entered, to string) error {
	if err := c.guard.freshen(r.Context, e.FreshUntil); err != nil {
		return err
	}
	r.say("Confirmed for five minutes. Nothing has been done yet.")
	r.see(next(to))
	return nil
}

func (c *Console) confirmAbroad(r *call) error {
	page, err := c.confirmation(r)
	if err != nil {
		return err
	}
	if err := c.goAbroad(r, toConfirm, page.Next); err != nil {
		return r.refuseOn("confirm", page, err)
	}
	return nil
}

// ownAbroad is back from the provider, which said who somebody signed in is.
func (c *Console) ownAbroad(r *call, a *errandAbroad, claims signin.Claims) error {
	ctx := r.Request.Context()
	who, signedIn, err := c.guard.who(ctx)
	if err != nil {
		return err
	}
	if !signedIn {
		return operator.ErrEnded
	}
	r.who = who
	if a.For == toBind {
		return c.bind(r, claims)
	}
	e, err := c.o.Door.ConfirmOIDC(r.work(), who, claims, a.Since, visitor(r))
	if err != nil {
		return r.refuseOn("problem", nil, err)
	}
	return c.freshen(r, e, a.Next)
}

func (c *Console) bind(r *call, claims signin.Claims) error {
	if err := c.o.Desk.MayDo(r.Request.Context(), r.who, operator.OwnOIDC, returnPath); err != nil {
		return err
	}
	if err := c.o.Door.BindOIDC(r.work(), r.who, claims); err != nil {
		return r.refuseOn("problem", nil, err)
	}
	r.say("You can sign in by your company's sign-in from now on.")
	r.see("/me")
	return nil
}
