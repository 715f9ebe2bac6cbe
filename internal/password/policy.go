package password

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-1c168855/rekey/internal/problem"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Breached tells whether a password is known from breaches. An error means that it cannot tell just now.
type Breached interface {
	Breached(pw string) (bool, error)
}

// Policy decides whether a new password is good enough. There are no rules of composition and no expiry (NIST SP 800-63B-4
// §3.1.1.2, ASVS 6.2): length, and not being one that is tried first. It is safe for concurrent use once set up.
type Policy struct {
	MinLength int      // code points after NFC: 15, or 8 where every account has a second factor
	MaxLength int      // code points after NFC: 64 to MaxCodePoints
	Breached  Breached // nil: no breach list

	// Elsewhere, if not nil, is where passwords are estimated, which takes more than all else that is looked at.
	Elsewhere Elsewhere
}

// DefaultPolicy asks for 15 code points, takes up to 256, and loads the built-in lists, which takes some milliseconds once.
func DefaultPolicy() *Policy {
	lists()
	return &Policy{MinLength: 15, MaxLength: MaxCodePoints}
}

// Validate holds the lengths to what NIST and ASVS allow.
func (p *Policy) Validate() error {
	if p.MinLength < 8 || p.MinLength > 64 {
		return problem.New(problem.Invalid, "the least password length must be 8 to 64")
	}
	if p.MaxLength < 64 || p.MaxLength > MaxCodePoints {
		return problem.Newf(problem.Invalid, "the greatest password length must be 64 to %d", MaxCodePoints)
	}
	return nil
}

// Context is what an attacker knows about an account and tries first. Empty fields are left out.
type Context struct {
	Service string // the service's name as members know it
	Email   string
	Subject string // the login service's id of the account
}

// Check says whether a password may be set: CheckForm, then CheckBreached.
func (p *Policy) Check(ctx context.Context, pw string, c Context) error {
	if err := p.CheckForm(ctx, pw, c); err != nil {
		return err
	}
	return p.CheckBreached(pw)
}

// CheckForm judges a password by what it is, asking nobody, and says why it is refused: problem.Unprocessable with a Code of
// too_short, too_long, not_text, control, context, repeated, sequence or common, and the reason in English (NIST asks that it be
// told). The whole password is judged, never a part of it. A context that ends before its turn comes, and a place to estimate that
// cannot, are problem.Unavailable.
func (p *Policy) CheckForm(ctx context.Context, pw string, c Context) error {
	pw, err := Normalize(pw)
	if err != nil {
		return err
	}
	if err := p.checkLength(pw); err != nil {
		return err
	}
	folded := []rune(norm.NFC.String(cases.Fold().String(pw)))
	words := contextWords(c)
	w := weakest(cores(folded), words)
	if w == strong {
		if w, err = p.estimate(ctx, pw, words); err != nil {
			return err
		}
	}
	if w != strong {
		return refuse(weaknesses[w].code, "%s", weaknesses[w].text)
	}
	return nil
}

func (p *Policy) checkLength(pw string) error {
	if strings.ContainsFunc(pw, unicode.IsControl) {
		return refuse("control", "This password holds a control character, such as a tab or a line break. Use letters, digits, signs and spaces.")
	}
	switch n := utf8.RuneCountInString(pw); {
	case n < p.MinLength:
		return refuse("too_short", "This password is too short: use at least %d characters. A few unrelated words make a good one.", p.MinLength)
	case n > p.MaxLength:
		return refuse("too_long", "This password is too long: use at most %d characters.", p.MaxLength)
	}
	return nil
}

// CheckBreached asks the breach list, which may be on another machine, for the NFC form: problem.Unprocessable with the Code breached.
// If the list cannot answer, neither can this: problem.Unavailable with the Code breach_list, and the list's RetryAfter.
func (p *Policy) CheckBreached(pw string) error {
	if p.Breached == nil {
		return nil
	}
	pw, err := Normalize(pw)
	if err != nil {
		return err
	}
	found, err := p.Breached.Breached(pw)
	if err != nil {
		e := problem.Wrap(problem.Unavailable, "The list of breached passwords cannot be read just now. Please try again in a moment.", err)
		e.Code, e.RetryAfter = "breach_list", problem.RetryAfter(err)
		return e
	}
	if found {
		return refuse("breached", "This password is known from a data breach elsewhere, so attackers try it. Choose one you have used nowhere else.")
	}
	return nil
}
