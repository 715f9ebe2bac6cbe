package console

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/operator/signin"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// enrolment is the page of an invitation that was followed.
type enrolment struct {
	Operator operator.Operator
	Setup    signin.TOTPSetup
	Passkeys bool
	OIDC     bool
	Minimum  int
}

// enrol is where an invitation's link leads. Its token is in the fragment; a script puts it into the form.
func (c *Console) enrol(r *call) error { return r.page("enrol", nil) }

// invited exchanges the token for a place in the session. Nothing is used up.
func (c *Console) invited(r *call) error {
	token := strings.TrimSpace(r.PostForm("token"))
	if _, pasted, whole := strings.Cut(token, "#t="); whole { // without a script people paste the whole link
		token = pasted
	}
	i, err := c.o.Door.Invited(r.work(), token, visitor(r))
	if err != nil {
		return r.refuseOn("enrol", nil, err)
	}
	setup, err := c.o.Door.EnrolTOTP(r.Request.Context(), i.Key)
	if err != nil {
		return r.refuseOn("enrol", nil, err)
	}
	c.guard.keep(r.Request.Context(), func(m *memory) { m.Invite, m.Setup = i.Key, setup.State })
	r.see("/enrol/ways")
	return nil
}

// enrolWays offers the ways in.
func (c *Console) enrolWays(r *call) error {
	page, err := c.enrolment(r)
	if err != nil {
		return r.refuseOn("enrol", nil, err)
	}
	return r.page("enrol-ways", page)
}

func (c *Console) enrolment(r *call) (enrolment, error) {
	m := c.guard.memory(r.Request.Context())
	i, err := c.o.Door.Again(r.Request.Context(), m.Invite)
	if err != nil {
		return enrolment{}, err
	}
	setup, err := c.o.Door.SetupAgain(i.Operator, m.Setup)
	return enrolment{Operator: i.Operator, Setup: setup, Passkeys: c.o.Door.HasPasskeys(), OIDC: c.provider != nil, Minimum: c.o.Door.MinPassword()}, err
}

// qrSize is how wide and high the picture is, in pixels.
const qrSize = 240

func (c *Console) enrolQR(r *call) error {
	page, err := c.enrolment(r)
	if err != nil {
		return problem.New(problem.NotFound, "There is nothing at this address.")
	}
	return r.qr(page.Setup)
}

// qr draws a setup for an authenticator app's camera.
func (r *call) qr(t signin.TOTPSetup) error {
	picture, err := t.QR(qrSize)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return fmt.Errorf("drawing a QR code: %w", err)
	}
	r.Data(http.StatusOK, "image/png", b.Bytes())
	return nil
}

func (c *Console) enrolPassword(r *call) error {
	m := c.guard.memory(r.Request.Context())
	if r.PostForm("password") != r.PostForm("confirm") {
		return c.enrolAgain(r, errDiffer)
	}
	o, err := c.o.Door.EnrolPassword(r.work(), m.Invite, r.PostForm("password"), m.Setup, r.PostForm("code"))
	if err != nil {
		return c.enrolAgain(r, err)
	}
	return c.welcome(r, o, operator.ByPassword)
}

var errDiffer = &problem.Error{Kind: problem.Unprocessable, Code: "confirm", Text: "The two passwords differ. Type the new one twice."}

// enrolAgain shows the ways once more: the same secret, so that what the app has scanned stays right.
func (c *Console) enrolAgain(r *call, why error) error {
	page, err := c.enrolment(r)
	if err != nil {
		return r.refuseOn("enrol", nil, why)
	}
	return r.refuseOn("enrol-ways", page, why)
}

func (c *Console) enrolPasskeyBegin(r *call) error {
	ceremony, err := c.o.Door.BeginEnrolPasskey(r.Request.Context(), c.guard.memory(r.Request.Context()).Invite)
	return r.ceremony(ceremony, err)
}

func (c *Console) enrolPasskey(r *call) error {
	invite := c.guard.memory(r.Request.Context()).Invite
	kept, answer := r.ceremonyState()
	o, err := c.o.Door.EnrolPasskey(r.work(), invite, r.PostForm("label"), kept, answer)
	if err != nil {
		return c.enrolAgain(r, err)
	}
	return c.welcome(r, o, operator.ByPasskey)
}

func (c *Console) enrolAbroad(r *call) error {
	if err := c.goAbroad(r, toEnrol, "/"); err != nil {
		return c.enrolAgain(r, err)
	}
	return nil
}

// enrolled is back from the provider, which said who somebody with an invitation is.
func (c *Console) enrolled(r *call, claims signin.Claims) error {
	o, err := c.o.Door.EnrolOIDC(r.work(), c.guard.memory(r.Request.Context()).Invite, claims)
	if err != nil {
		return c.enrolAgain(r, err)
	}
	return c.welcome(r, o, operator.ByOIDC)
}

// welcome signs in who just set up their way in. A passkey or a code was just shown; when somebody signed in at the provider is not known.
func (c *Console) welcome(r *call, o operator.Operator, by operator.Way) error {
	e := signin.Entered{Operator: o, By: by}
	if by != operator.ByOIDC {
		e.FreshUntil = time.Now().Add(operator.FreshFor)
	}
	if err := c.guard.enter(r.Context, e); err != nil {
		return err
	}
	r.say("You are set up and signed in. Add a second way in below, so that a lost device doesn't shut you out.")
	r.see("/me")
	return nil
}
