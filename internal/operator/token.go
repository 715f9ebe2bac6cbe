package operator

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// tokenPrefix makes an operator's token recognisable to people and to scanners for leaked secrets.
const tokenPrefix = "rko_"

// Lives of operator tokens.
const (
	TokenLife    = 30 * 24 * time.Hour // unless said otherwise
	MaxTokenLife = 90 * 24 * time.Hour
)

// CreateToken makes a key that acts in the caller's name, which is given here and never again. Errors: Invalid.
func CreateToken(ctx context.Context, s TokenStore, p Principal, name string, life time.Duration) (Token, string, error) {
	if life == 0 {
		life = TokenLife
	}
	if life < time.Minute || life > MaxTokenLife {
		return Token{}, "", problem.New(problem.Invalid, "A token lives a minute at least and 90 days at most.")
	}
	name = Label(name, "Token")
	token, hash := newToken(tokenPrefix)
	entry := audit.New(p.Actor(), audit.OwnTokens, Object(p.Name), audit.Detail{"created": name, "days": life.Hours() / 24})
	t, err := s.CreateToken(ctx, p.ID, name, hash, life, entry)
	return t, token, err
}

// RevokeToken ends one of the caller's own. Errors: NotFound.
func RevokeToken(ctx context.Context, s TokenStore, p Principal, id int64) error {
	return s.RevokeToken(ctx, p.ID, id, audit.New(p.Actor(), audit.OwnTokens, Object(p.Name), audit.Detail{"revoked": id}))
}

// FreshenToken lets one of the caller's own tokens do for FreshFor what needs a fresh second factor, which the caller just showed. Errors: NotFound.
func FreshenToken(ctx context.Context, s TokenStore, p Principal, id int64) (time.Time, error) {
	return s.FreshenToken(ctx, p.ID, id, FreshFor, audit.New(p.Actor(), audit.OwnTokens, Object(p.Name), audit.Detail{"freshened": id}))
}

// ErrUnknownToken is the answer to every token that is not live.
var ErrUnknownToken = problem.New(problem.Unauthorized, "A valid token is needed: Authorization: Bearer TOKEN.")

// IsToken tells an operator's token from a client's key by its form.
func IsToken(text string) bool { return strings.HasPrefix(text, tokenPrefix) }

// Authenticate tells in whose name a token acts, with their roles now. Errors: Unauthorized for one that is unknown, expired, revoked or of somebody disabled.
func Authenticate(ctx context.Context, s TokenStore, token string) (Principal, error) {
	if !IsToken(token) {
		return Principal{}, ErrUnknownToken
	}
	t, o, live, err := s.TokenBy(ctx, HashToken(token))
	if err != nil {
		return Principal{}, err
	}
	if !live {
		return Principal{}, ErrUnknownToken
	}
	var fresh time.Time
	if t.FreshUntil != nil {
		fresh = *t.FreshUntil
	}
	p := o.Person(fresh)
	p.Token = t.ID
	return p, nil
}

// maxLabel is how long a name that somebody gives a thing of theirs may be, in characters.
const maxLabel = 64

// Label makes of what was typed one line to show, or gives the default where nothing is left.
func Label(typed, otherwise string) string {
	clean := strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(typed, "")))
	if runes := []rune(clean); len(runes) > maxLabel {
		clean = string(runes[:maxLabel])
	}
	if clean == "" {
		return otherwise
	}
	return clean
}
