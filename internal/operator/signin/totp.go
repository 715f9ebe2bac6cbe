package signin

import (
	"encoding/base32"
	"fmt"
	"image"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// What every authenticator app understands (RFC 6238 §4, §5.2): HMAC-SHA-1, six digits, steps of 30 s, one of them off at most.
const (
	totpPeriod = 30
	totpSkew   = 1
	totpBytes  = 20 // 160 bits (RFC 4226 §4 R6)
)

// TOTPSetup is a new secret on its way into an authenticator app. It is in force once a code of it was shown.
type TOTPSetup struct {
	URL    string // otpauth://…, for the QR code
	Secret string // base32, for typing
	State  []byte // sealed: the caller keeps it in the session and gives it back with the code
}

// QR draws the setup's URL, size pixels wide.
func (t TOTPSetup) QR(size int) (image.Image, error) {
	key, err := otp.NewKeyFromURL(t.URL)
	if err != nil {
		return nil, fmt.Errorf("reading a TOTP setup: %w", err)
	}
	return key.Image(size, size)
}

// newTOTP makes a secret for an operator.
func (d *Door) newTOTP(o operator.Operator) (TOTPSetup, error) {
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: d.o.Service, AccountName: o.Name, Period: totpPeriod, SecretSize: totpBytes, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
	})
	if err != nil {
		return TOTPSetup{}, fmt.Errorf("making a TOTP secret: %w", err)
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key.Secret())
	if err != nil {
		return TOTPSetup{}, fmt.Errorf("making a TOTP secret: %w", err)
	}
	sealed, err := operator.SealTOTP(d.o.Master, o.ID, raw)
	return TOTPSetup{URL: key.URL(), Secret: key.Secret(), State: sealed}, err
}

// SetupAgain is a setup by the state that was kept of it, to show it once more after a mistyped code. Errors: Invalid.
func (d *Door) SetupAgain(o operator.Operator, state []byte) (TOTPSetup, error) {
	raw, err := operator.OpenTOTP(d.o.Master, o.ID, state)
	if err != nil {
		return TOTPSetup{}, problem.Wrap(problem.Invalid, "Begin again: this setup is not yours or was cut off.", err)
	}
	defer clear(raw)
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: d.o.Service, AccountName: o.Name, Period: totpPeriod, Secret: raw, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
	})
	if err != nil {
		return TOTPSetup{}, fmt.Errorf("showing a TOTP secret again: %w", err)
	}
	return TOTPSetup{URL: key.URL(), Secret: key.Secret(), State: state}, nil
}

// checkSetup gives the step that the first code of a new secret is of. Errors: Invalid for a state that is not this operator's, Unprocessable for a code that does not fit.
func (d *Door) checkSetup(o operator.Operator, state []byte, code string, now time.Time) (step int64, err error) {
	raw, err := operator.OpenTOTP(d.o.Master, o.ID, state)
	if err != nil {
		return 0, problem.Wrap(problem.Invalid, "Begin again: this setup is not yours or was cut off.", err)
	}
	if step, err = match(raw, code, now); err == nil && step == 0 {
		err = &problem.Error{Kind: problem.Unprocessable, Code: "code", Text: "The code does not fit. Check that the clock of the device with the authenticator app is right, and type the code shown now."}
	}
	return step, err
}

// matchTOTP gives the step a code is of, 0 for none.
func (d *Door) matchTOTP(who operator.Secrets, code string, now time.Time) (int64, error) {
	if len(who.TOTPSealed) == 0 {
		return 0, nil
	}
	raw, err := operator.OpenTOTP(d.o.Master, who.ID, who.TOTPSealed)
	if err != nil {
		return 0, fmt.Errorf("opening the TOTP secret of operator %d: %w", who.ID, err)
	}
	return match(raw, code, now)
}

// match tries every step in reach, the newest first, so that the one it uses up takes those before it along.
func match(raw []byte, code string, now time.Time) (int64, error) {
	code = strings.Join(strings.Fields(code), "")
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
	found := int64(0)
	for step := now.Unix()/totpPeriod + totpSkew; step >= now.Unix()/totpPeriod-totpSkew; step-- {
		ok, err := hotp.ValidateCustom(code, uint64(step), text, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil && len(code) == otp.DigitsSix.Length() {
			return 0, fmt.Errorf("checking a TOTP code: %w", err)
		}
		if ok && found == 0 {
			found = step
		}
	}
	return found, nil
}
