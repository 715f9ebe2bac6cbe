package console

import (
	"context"
	"strconv"
	"time"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/operator/signin"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// mine is what somebody has of their own.
type mine struct {
	Operator operator.Operator
	Passkeys []operator.Passkey
	Sessions []operator.Session
	Current  string // the session that asks
	Tokens   []operator.Token
	Fresh    bool
	Until    time.Time
	Minimum  int
	Issuer   string // of the company's sign-in, "" for none
	Possible bool   // passkeys work at this address
}

func (c *Console) me(r *call) error {
	page, err := c.mine(r)
	if err != nil {
		return err
	}
	return r.page("me", page)
}

func (c *Console) mine(r *call) (page mine, err error) {
	ctx := r.Request.Context()
	page = mine{
		Current: c.guard.current(ctx), Fresh: r.who.Fresh(time.Now()), Until: r.who.FreshUntil, Minimum: c.o.Door.MinPassword(), Issuer: c.o.Provider.Issuer,
		Possible: c.o.Door.HasPasskeys(),
	}
	if page.Operator, err = c.o.Operators.Operator(ctx, r.who.ID); err != nil {
		return page, err
	}
	if page.Passkeys, err = c.o.Door.Passkeys(ctx, r.who); err != nil {
		return page, err
	}
	if page.Sessions, err = operator.Sessions(ctx, c.o.Operators, r.who.ID); err != nil {
		return page, err
	}
	page.Tokens, err = c.o.Operators.Tokens(ctx, r.who.ID)
	return page, err
}

// onMine does one thing to the caller's own and goes back to their page, with what came of it or why not.
func (c *Console) onMine(r *call, said string, do func(ctx context.Context) error) error {
	if err := do(r.work()); err != nil {
		page, reading := c.mine(r)
		if reading != nil {
			return err
		}
		return r.refuseOn("me", page, err)
	}
	r.say(said)
	r.see("/me")
	return nil
}

// endOwnSession ends one of the caller's own sessions, or all others.
func (c *Console) endOwnSession(r *call) error {
	id, except := r.PostForm("session"), ""
	if id == "" {
		except = c.guard.current(r.Request.Context())
	}
	return c.onMine(r, "Ended. Whoever was in there is signed out.", func(ctx context.Context) error {
		_, err := operator.EndOwn(ctx, c.o.Operators, r.who, id, except)
		return err
	})
}

func (c *Console) beginOwnPasskey(r *call) error {
	ceremony, err := c.o.Door.BeginAddPasskey(r.Request.Context(), r.who)
	return r.ceremony(ceremony, err)
}

func (c *Console) addPasskey(r *call) error {
	kept, answer := r.ceremonyState()
	return c.onMine(r, "The passkey is added. Sign in with it the next time.", func(ctx context.Context) error {
		return c.o.Door.AddPasskey(ctx, r.who, r.PostForm("label"), kept, answer)
	})
}

func (c *Console) renamePasskey(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	return c.onMine(r, "Renamed.", func(ctx context.Context) error { return c.o.Door.RenamePasskey(ctx, r.who, id, r.PostForm("label")) })
}

func (c *Console) removePasskey(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	return c.onMine(r, "Removed. That passkey opens nothing here any more.", func(ctx context.Context) error { return c.o.Door.Remove(ctx, r.who, operator.ByPasskey, id) })
}

func (c *Console) setPassword(r *call) error {
	return c.onMine(r, "The password is changed. Your other sessions go on; end them below if somebody may be in there.", func(ctx context.Context) error {
		if r.PostForm("password") != r.PostForm("confirm") {
			return errDiffer
		}
		return c.o.Door.SetPassword(ctx, r.who, r.PostForm("password"))
	})
}

func (c *Console) removePassword(r *call) error {
	return c.onMine(r, "The password is removed.", func(ctx context.Context) error { return c.o.Door.Remove(ctx, r.who, operator.ByPassword, 0) })
}

func (c *Console) removeTOTP(r *call) error {
	return c.onMine(r, "The authenticator app is removed.", func(ctx context.Context) error { return c.o.Door.Remove(ctx, r.who, operator.ByTOTP, 0) })
}

func (c *Console) removeOIDC(r *call) error {
	return c.onMine(r, "You are free of the company's sign-in.", func(ctx context.Context) error { return c.o.Door.Remove(ctx, r.who, operator.ByOIDC, 0) })
}

func (c *Console) bindAbroad(r *call) error {
	if err := c.goAbroad(r, toBind, "/me"); err != nil {
		return c.onMine(r, "", func(context.Context) error { return err })
	}
	return nil
}

// beginTOTP makes a new secret, which is in force once a code of it was shown.
func (c *Console) beginTOTP(r *call) error {
	setup, err := c.o.Door.NewTOTP(r.who)
	if err != nil {
		return err
	}
	c.guard.keep(r.Request.Context(), func(m *memory) { m.Setup = setup.State })
	r.see("/me/totp")
	return nil
}

func (c *Console) ownSetup(r *call) (signin.TOTPSetup, error) {
	state := c.guard.memory(r.Request.Context()).Setup
	if len(state) == 0 {
		return signin.TOTPSetup{}, problem.New(problem.NotFound, "There is no setup under way. Begin it on the page about your sign-in.")
	}
	return c.o.Door.SetupAgain(operator.Operator{ID: r.who.ID, Name: r.who.Name}, state)
}

func (c *Console) ownTOTP(r *call) error {
	setup, err := c.ownSetup(r)
	if err != nil {
		return err
	}
	return r.page("me-totp", setup)
}

func (c *Console) ownQR(r *call) error {
	setup, err := c.ownSetup(r)
	if err != nil {
		return err
	}
	return r.qr(setup)
}

func (c *Console) setTOTP(r *call) error {
	setup, err := c.ownSetup(r)
	if err != nil {
		return err
	}
	if err := c.o.Door.SetTOTP(r.work(), r.who, setup.State, r.PostForm("code")); err != nil {
		return r.refuseOn("me-totp", setup, err)
	}
	c.guard.keep(r.Request.Context(), func(m *memory) { m.Setup = nil })
	r.say("The authenticator app is set up.")
	r.see("/me")
	return nil
}

// made is something that is shown once.
type made struct {
	What   string // heading
	Name   string
	Secret string
	Hint   string
	Back   string
	Where  string // text of the way back
	Until  *time.Time
}

func (c *Console) createToken(r *call) error {
	days, err := strconv.Atoi(r.DefaultPostForm("days", "30"))
	if err != nil || days < 1 || days > 90 {
		err = &problem.Error{Kind: problem.Unprocessable, Code: "days", Text: "A token lives 1 to 90 days."}
		return c.onMine(r, "", func(context.Context) error { return err })
	}
	t, token, err := operator.CreateToken(r.work(), c.o.Operators, r.who, r.PostForm("label"), time.Duration(days)*24*time.Hour)
	if err != nil {
		return c.onMine(r, "", func(context.Context) error { return err })
	}
	return r.page("made", made{
		What: "Token made", Name: t.Name, Secret: token, Until: &t.ExpiresAt, Back: "/me", Where: "Your sign-in and sessions",
		Hint: "Whoever has it acts in your name. Give it to the command line as REKEY_TOKEN_FILE, a file that only you can read.",
	})
}

func (c *Console) revokeToken(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	return c.onMine(r, "Revoked. The token's next call is refused.", func(ctx context.Context) error { return operator.RevokeToken(ctx, c.o.Operators, r.who, id) })
}

func (c *Console) freshenToken(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	return c.onMine(r, "For five minutes the token may do what asks for a fresh second factor.", func(ctx context.Context) error {
		_, err := operator.FreshenToken(ctx, c.o.Operators, r.who, id)
		return err
	})
}

// ownRoutes are what everybody does with their own.
func (c *Console) ownRoutes() []route {
	return []route{
		{get, "/me", operator.OwnShow, c.me},
		{post, "/me/sessions/end", operator.OwnSessions, c.endOwnSession},
		{post, "/me/passkeys/begin", operator.OwnPasskeys, c.beginOwnPasskey},
		{post, "/me/passkeys", operator.OwnPasskeys, c.addPasskey},
		{post, "/me/passkeys/:id/rename", operator.OwnPasskeys, c.renamePasskey},
		{post, "/me/passkeys/:id/remove", operator.OwnPasskeys, c.removePasskey},
		{post, "/me/password", operator.OwnPassword, c.setPassword},
		{post, "/me/password/remove", operator.OwnPassword, c.removePassword},
		{post, "/me/totp/begin", operator.OwnTOTP, c.beginTOTP},
		{get, "/me/totp", operator.OwnTOTP, c.ownTOTP},
		{get, "/me/totp.png", operator.OwnTOTP, c.ownQR},
		{post, "/me/totp", operator.OwnTOTP, c.setTOTP},
		{post, "/me/totp/remove", operator.OwnTOTP, c.removeTOTP},
		{post, "/me/provider", operator.OwnOIDC, c.bindAbroad},
		{post, "/me/provider/remove", operator.OwnOIDC, c.removeOIDC},
		{post, "/me/tokens", operator.OwnTokens, c.createToken},
		{post, "/me/tokens/:id/revoke", operator.OwnTokens, c.revokeToken},
		{post, "/me/tokens/:id/freshen", operator.OwnTokens, c.freshenToken},
	}
}
