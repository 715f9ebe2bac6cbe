package console

import (
	"net/http"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/operator/signin"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

// visitor is where a request comes from.
func visitor(r *call) signin.Visitor { return signin.Visitor{Address: server.ClientAddr(r.Context)} }

// door is a page before the sign-in: what was typed, and which ways there are.
type door struct {
	Name     string
	Next     string
	TOTP     bool
	Passkeys bool
	OIDC     bool
}

func (c *Console) door(r *call) door {
	return door{Name: r.PostForm("name"), Next: next(r.DefaultPostForm("next", r.Query("next"))), Passkeys: c.o.Door.HasPasskeys(), OIDC: c.provider != nil}
}

func (c *Console) signIn(r *call) error {
	page := c.door(r)
	_, signedIn, err := c.guard.who(r.Request.Context())
	if err != nil {
		return err
	}
	if signedIn {
		r.see(page.Next)
		return nil
	}
	return r.page("sign-in", page)
}

// password is the first of two steps. Every wrong try is answered alike.
func (c *Console) password(r *call) error {
	page := c.door(r)
	half, err := c.o.Door.Password(r.work(), page.Name, r.PostForm("password"), visitor(r))
	if err != nil {
		return r.refuseOn("sign-in", page, err)
	}
	c.guard.keep(r.Request.Context(), func(m *memory) { m.Half, m.Next = &half, page.Next })
	r.see("/sign-in/second")
	return nil
}

// second asks for what goes with the password.
func (c *Console) second(r *call) error {
	page, half := c.half(r)
	if half == nil {
		r.see("/sign-in")
		return nil
	}
	return r.page("second", page)
}

func (c *Console) half(r *call) (door, *signin.Half) {
	m := c.guard.memory(r.Request.Context())
	if m.Half == nil {
		return door{}, nil
	}
	return door{Next: next(m.Next), TOTP: m.Half.TOTP, Passkeys: m.Half.Passkey && c.o.Door.HasPasskeys()}, m.Half
}

func (c *Console) totp(r *call) error {
	page, half := c.half(r)
	if half == nil {
		r.see("/sign-in")
		return nil
	}
	e, err := c.o.Door.TOTP(r.work(), half.Operator, r.PostForm("code"), visitor(r))
	if err != nil {
		return r.refuseOn("second", page, err)
	}
	return c.enter(r, e, page.Next)
}

// beginPasskey answers a script with what the browser is to ask of the authenticator.
func (c *Console) beginPasskey(r *call) error {
	ceremony, err := c.o.Door.BeginPasskey(r.Request.Context())
	return r.ceremony(ceremony, err)
}

func (r *call) ceremony(o signin.Ceremony, err error) error {
	if err != nil {
		return err
	}
	r.c.guard.keep(r.Request.Context(), func(m *memory) { m.Ceremony = o.State })
	r.Data(http.StatusOK, "application/json", o.Options)
	return nil
}

// ceremonyState takes the ceremony under way out of the session: it is answered once.
func (r *call) ceremonyState() (kept, answer []byte) {
	ctx := r.Request.Context()
	kept = r.c.guard.memory(ctx).Ceremony
	r.c.guard.keep(ctx, func(m *memory) { m.Ceremony = nil })
	return kept, []byte(r.PostForm("answer"))
}

// passkey signs in with a passkey alone, or as the second step after a password.
func (c *Console) passkey(r *call) error {
	name, page, id := "sign-in", c.door(r), int64(0)
	if p, half := c.half(r); half != nil && r.PostForm("second") != "" {
		name, page, id = "second", p, half.Operator
	}
	kept, answer := r.ceremonyState()
	e, err := c.o.Door.FinishPasskey(r.work(), id, kept, answer, visitor(r))
	if err != nil {
		return r.refuseOn(name, page, err)
	}
	return c.enter(r, e, page.Next)
}

// signInAbroad leads to the company's sign-in.
func (c *Console) signInAbroad(r *call) error {
	if err := c.goAbroad(r, toSignIn, next(r.PostForm("next"))); err != nil {
		return r.refuseOn("sign-in", c.door(r), err)
	}
	return nil
}

// enter makes the session the operator's, and leads on.
func (c *Console) enter(r *call, e signin.Entered, to string) error {
	if err := c.guard.enter(r.Context, e); err != nil {
		return err
	}
	r.see(next(to))
	return nil
}

// atDoor shows the page that somebody went to the provider from, with why they are not let in.
func (c *Console) atDoor(r *call, a *errandAbroad, err error) error {
	if a == nil {
		return r.refuseOn("sign-in", c.door(r), err)
	}
	if codeOf(err) != "oidc" { // those the door has on record
		entry := audit.New(audit.Actor{Kind: audit.KindSystem, Name: "sign-in"}, audit.OperatorSignIn, operator.Object("unknown"), audit.Detail{"by": string(operator.ByOIDC), "from": server.ClientAddr(r.Context).String()})
		if recording := c.o.Operators.Record(r.work(), entry.Refuse(problem.KindOf(err).Slug())); recording != nil {
			return recording
		}
	}
	switch a.For {
	case toEnrol:
		return r.refuseOn("enrol", nil, err)
	case toConfirm, toBind:
		return r.refuseOn("problem", nil, err)
	}
	page := c.door(r)
	page.Next = next(a.Next)
	return r.refuseOn("sign-in", page, err)
}

// signOut ends the session.
func (c *Console) signOut(r *call) error {
	if err := c.o.Door.SignedOut(r.work(), r.who); err != nil {
		return err
	}
	if err := c.guard.end(r.Context); err != nil {
		return err
	}
	r.see("/sign-in")
	return nil
}

// doorRoutes are the ways in and out, and the confirmation.
func (c *Console) doorRoutes() []route {
	return []route{
		{get, "/sign-in", anyone, c.signIn},
		{post, "/sign-in", anyone, c.password},
		{get, "/sign-in/second", anyone, c.second},
		{post, "/sign-in/totp", anyone, c.totp},
		{post, "/sign-in/passkey/begin", anyone, c.beginPasskey},
		{post, "/sign-in/passkey", anyone, c.passkey},
		{post, "/sign-in/provider", anyone, c.signInAbroad},
		{get, returnPath, anyone, c.backFromAbroad},
		{get, "/enrol", anyone, c.enrol},
		{post, "/enrol", anyone, c.invited},
		{get, "/enrol/ways", anyone, c.enrolWays},
		{get, "/enrol/code.png", anyone, c.enrolQR},
		{post, "/enrol/password", anyone, c.enrolPassword},
		{post, "/enrol/passkey/begin", anyone, c.enrolPasskeyBegin},
		{post, "/enrol/passkey", anyone, c.enrolPasskey},
		{post, "/enrol/provider", anyone, c.enrolAbroad},

		{get, "/confirm", operator.OwnShow, c.confirm},
		{post, "/confirm/totp", operator.OwnShow, c.confirmTOTP},
		{post, "/confirm/passkey/begin", operator.OwnShow, c.beginPasskey},
		{post, "/confirm/passkey", operator.OwnShow, c.confirmPasskey},
		{post, "/confirm/provider", operator.OwnShow, c.confirmAbroad},
		{post, "/sign-out", operator.OwnShow, c.signOut},
	}
}
