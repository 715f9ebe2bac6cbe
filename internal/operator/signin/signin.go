// Package signin is how operators prove themselves: invitations, passwords with TOTP, passkeys, OpenID Connect, and what they do with their own ways in.
// It promises that a try costs and answers the same whoever is named, that one-time things work once, and that every try leaves an audit entry;
// console and api call it.
package signin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/secret"
)

// MaxFailures is how many failed sign-ins in a row close the password (NIST SP 800-63B-4 §3.2.2). Any other way in, or a new invitation, opens it again.
const MaxFailures = 100

// minPassword is the least length of an operator's password, in code points.
const minPassword = 15

// Options is what signing in needs. All but Issuer is required.
type Options struct {
	Store     operator.Store
	Hasher    *password.Hasher // argon2id
	Admission *password.Admission
	Policy    *password.Policy // a copy of it asks for 15 characters at least
	Limits    ratelimit.Source
	LimitKeys ratelimit.Keyer
	Master    secret.Master
	AdminURL  string // the console's: passkeys are bound to its host, and work from its origin alone
	Service   string // the name that authenticators show
	Issuer    string // the OpenID Connect provider's; "": there is none
}

// Door is every way in: invitations, passwords, TOTP, passkeys, OpenID Connect, and what an operator does with their own.
type Door struct {
	o        Options
	policy   password.Policy
	passkeys *webauthn.WebAuthn // nil where the console stands at a bare address
}

// New fails with what is missing in the options.
func New(o Options) (*Door, error) {
	if o.Store == nil || o.Hasher == nil || o.Admission == nil || o.Policy == nil || o.Limits == nil || o.Master.IsZero() || o.Service == "" {
		return nil, errors.New("signin: the store, hashing, the policy, the limits, the master key or the service's name is missing")
	}
	if o.Hasher.Params().Scheme != password.Argon2id {
		return nil, errors.New("signin: operators' passwords are hashed with argon2id")
	}
	u, err := url.Parse(o.AdminURL)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("signin: the console's URL is not an absolute one")
	}
	d := &Door{o: o, policy: *o.Policy}
	d.policy.MinLength = max(minPassword, d.policy.MinLength)
	if net.ParseIP(u.Hostname()) != nil {
		return d, nil
	}
	d.passkeys, err = relyingParty(u, o.Service)
	return d, err
}

// relyingParty asks for discoverable credentials with user verification, so that a passkey is a sign-in by itself, and for no attestation.
func relyingParty(u *url.URL, service string) (*webauthn.WebAuthn, error) {
	rp, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: service, RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: ceremonyTime, Registration: ceremonyTime},
	})
	if err != nil {
		return nil, fmt.Errorf("setting up passkeys: %w", err)
	}
	return rp, nil
}

// HasPasskeys tells whether passkeys can be used at the console's URL: they are bound to a name, never to an address (WebAuthn Level 3 §5.1.2).
func (d *Door) HasPasskeys() bool { return d.passkeys != nil }

// MinPassword is the least length of an operator's password, in characters.
func (d *Door) MinPassword() int { return d.policy.MinLength }

// ceremonyTime is how long a person may take with their authenticator.
var ceremonyTime = webauthn.TimeoutConfig{Enforce: true, Timeout: 5 * time.Minute, TimeoutUVD: 5 * time.Minute}

// Visitor is where a try comes from.
type Visitor struct {
	Address netip.Addr
}

// Entered is a finished sign-in, or a second factor shown again.
type Entered struct {
	Operator   operator.Operator
	By         operator.Way
	FreshUntil time.Time // zero: who signed in so must confirm before what needs a fresh factor
}

// errSignIn is the one answer to every wrong try: unknown, wrong, disabled and closed are the same to the outside; the audit log knows which.
var errSignIn = &problem.Error{Kind: problem.Unauthorized, Code: "signin", Text: "That did not work. Check what you typed, or ask an administrator for a new invitation."}

// Current is the principal of a session, with the roles as they are now. Errors: operator.ErrEnded if the operator is gone or disabled.
func (d *Door) Current(ctx context.Context, id int64, freshUntil time.Time) (operator.Principal, error) {
	o, err := d.o.Store.Operator(ctx, id)
	if problem.Is(err, problem.NotFound) || err == nil && o.DisabledAt != nil {
		return operator.Principal{}, operator.ErrEnded
	}
	return o.Person(freshUntil), err
}

// SignedOut records that an operator ended their own session; the caller ends it.
func (d *Door) SignedOut(ctx context.Context, p operator.Principal) error {
	return d.o.Store.Record(ctx, audit.New(p.Actor(), audit.OperatorSignOut, operator.Object(p.Name), nil))
}
