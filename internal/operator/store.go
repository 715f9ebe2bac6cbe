package operator

import (
	"context"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
)

// Store is all that operators need of the database; each part is what one kind of use case needs.
type Store interface {
	PeopleStore
	InviteStore
	SignInStore
	WaysStore
	SessionStore
	TokenStore
	// Now is the clock that everything is dated by.
	Now(ctx context.Context) (time.Time, error)
	// Record writes entries of acts that change nothing else.
	Record(ctx context.Context, entries ...audit.Entry) error
}

// PeopleStore keeps who there is.
type PeopleStore interface {
	// CreateOperator adds a person with their first invitation; Conflict if the name was ever somebody's.
	CreateOperator(ctx context.Context, o Operator, i Invite, entry audit.Entry) (Operator, error)
	// Operators lists all, the disabled ones too, by name.
	Operators(ctx context.Context) ([]Operator, error)
	// Operator finds one; NotFound.
	Operator(ctx context.Context, id int64) (Operator, error)
	// DisableOperator shuts a person out: sessions, tokens, invitations and what they asked for end with it. Conflict for the last admin.
	DisableOperator(ctx context.Context, id int64, entry audit.Entry) error
	// SetRoles changes roles where they are still was, and ends sessions and what they asked for. Conflict for the last admin and for other roles than was.
	SetRoles(ctx context.Context, id int64, was, roles Roles, entry audit.Entry) error
}

// Invite is a one-time link as the database keeps it.
type Invite struct {
	SHA256 []byte // of the token
	Life   time.Duration
}

// InviteStore keeps invitations.
type InviteStore interface {
	// InviteOperator makes a new one, which ends the others.
	InviteOperator(ctx context.Context, id int64, i Invite, entry audit.Entry) error
	// Invited finds whom a live one invites; false for one that is unknown, used, expired, superseded or of somebody disabled.
	Invited(ctx context.Context, sha256 []byte) (Operator, bool, error)
	// Enrol uses it up and makes w the only way in; sessions and tokens end. False if it is no longer live.
	Enrol(ctx context.Context, sha256 []byte, w Ways, entry audit.Entry) (bool, error)
}

// Ways are ways in: what is not empty.
type Ways struct {
	PasswordHash    string
	TOTPSealed      []byte
	TOTPStep        int64 // the step that the first code was of
	Passkey         *Passkey
	Issuer, Subject string
}

// Passkey is a WebAuthn credential as kept.
type Passkey struct {
	ID           int64      `json:"id"`
	CredentialID []byte     `json:"-"`
	Name         string     `json:"name"` // what its owner calls it
	Record       string     `json:"-"`    // JSON of the credential record (WebAuthn Level 3 §4)
	CreatedAt    time.Time  `json:"created_at"`
	LastUsedAt   *time.Time `json:"last_used_at"`
}

// Secrets are what a sign-in is checked against.
type Secrets struct {
	Operator
	PasswordHash string
	TOTPSealed   []byte
	TOTPStep     int64
	Failures     int // consecutive
}

// SignInStore checks and counts sign-ins. What it marks as used is used once, and only by somebody not disabled.
type SignInStore interface {
	// SecretsOf finds by name; false if there is nobody.
	SecretsOf(ctx context.Context, name string) (Secrets, bool, error)
	// CountSignInFailure adds one for the operator (0: nobody) and records it. They are told of one whose entry says that it Closes the password.
	CountSignInFailure(ctx context.Context, id int64, entry audit.Entry) error
	// UpgradePassword replaces a hash by another of the same password, where it is still was.
	UpgradePassword(ctx context.Context, id int64, was, hash string, entry audit.Entry) error
	// UseTOTP takes a time step later than all before, where the secret is still sealed. False: it was taken.
	UseTOTP(ctx context.Context, id int64, sealed []byte, step int64, entry audit.Entry) (bool, error)
	// UsePasskey takes a passkey that was not used since the ceremony began, and replaces its record. False: it was, or the record changed.
	UsePasskey(ctx context.Context, u PasskeyUse, entry audit.Entry) (bool, error)
	// UseOIDC finds whose the identity is; false if nobody's, or not of the one expected (0: whoever).
	UseOIDC(ctx context.Context, issuer, subject string, expected int64, entry func(Operator) audit.Entry) (Operator, bool, error)
}

// Closes is the detail of the entry of a failed sign-in after which the password opens nothing any more.
const Closes = "closes"

// PasskeyUse is one answered ceremony.
type PasskeyUse struct {
	Passkey  int64
	Operator int64
	Began    time.Time // of the ceremony, by the store's clock
	Was, Now string    // the record before and after
}

// WaysStore keeps an operator's ways in. Removing refuses with Conflict, Code "last", what would leave none; an identity counts where it is of the issuer given.
type WaysStore interface {
	// AddWay sets what is not empty; Conflict if a passkey or an identity is somebody's already, or another identity is bound.
	AddWay(ctx context.Context, id int64, w Ways, entry audit.Entry) error
	// RemoveWay removes a passkey by its number, or the way named.
	RemoveWay(ctx context.Context, id int64, w Way, passkey int64, issuer string, entry audit.Entry) error
	// Passkeys lists an operator's.
	Passkeys(ctx context.Context, id int64) ([]Passkey, error)
	// PasskeyBy finds a credential and whose it is; false if there is none.
	PasskeyBy(ctx context.Context, credentialID []byte) (Passkey, Operator, bool, error)
	// RenamePasskey gives it another name; NotFound.
	RenamePasskey(ctx context.Context, id, passkey int64, name string, entry audit.Entry) error
}

// Way names a kind of way in, as the audit log does.
type Way string

// The ways. The password needs TOTP or a passkey beside it.
const (
	ByPassword Way = "password"
	ByTOTP     Way = "totp"
	ByPasskey  Way = "passkey"
	ByOIDC     Way = "oidc"
)

// Session is a signed-in browser, or one that is at it.
type Session struct {
	ID         string    `json:"id"` // by which it is listed and ended: SessionID
	Operator   int64     `json:"-"`  // 0 while the sign-in is under way
	Data       []byte    `json:"-"`
	Client     string    `json:"client"` // network address at the sign-in
	Agent      string    `json:"agent"`  // browser at the sign-in
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// SessionStore keeps sessions by the SHA-256 of the cookie's token. An ended one never comes back, also not by a request that was under way.
type SessionStore interface {
	// SaveSession makes or updates; ErrEnded if it has ended meanwhile.
	SaveSession(ctx context.Context, sha256 []byte, s Session) error
	// RenewSession ends the one known by was and begins s in its place, both or neither; ErrEnded if was has ended meanwhile. One that goes on as the same
	// operator's keeps its beginning.
	RenewSession(ctx context.Context, was, sha256 []byte, s Session) error
	// FindSession finds a live one of nobody or of somebody not disabled.
	FindSession(ctx context.Context, sha256 []byte) (Session, bool, error)
	// DeleteSession ends one.
	DeleteSession(ctx context.Context, sha256 []byte) error
	// Sessions lists an operator's live ones, the last used first.
	Sessions(ctx context.Context, operator int64) ([]Session, error)
	// EndSessions ends one by its id, or with "" all but except, and records how many. NotFound if the one is not there.
	EndSessions(ctx context.Context, operator int64, id, except string, entry audit.Entry) (int64, error)
	// SweepSessions removes those that ended a day ago.
	SweepSessions(ctx context.Context) (int64, error)
}

// Token is a key by which an operator's program acts in their name.
type Token struct {
	ID         int64      `json:"id"`
	Operator   int64      `json:"-"`
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	FreshUntil *time.Time `json:"fresh_until"`
	RevokedAt  *time.Time `json:"revoked_at"`
	LastUsedAt *time.Time `json:"last_used_at"` // to the minute
}

// TokenStore keeps operators' tokens.
type TokenStore interface {
	CreateToken(ctx context.Context, operator int64, name string, sha256 []byte, life time.Duration, entry audit.Entry) (Token, error)
	// Tokens lists an operator's, the newest first.
	Tokens(ctx context.Context, operator int64) ([]Token, error)
	// RevokeToken ends an operator's own; NotFound.
	RevokeToken(ctx context.Context, operator, id int64, entry audit.Entry) error
	// FreshenToken lets a live one do until then what needs a fresh second factor; NotFound.
	FreshenToken(ctx context.Context, operator, id int64, life time.Duration, entry audit.Entry) (time.Time, error)
	// TokenBy finds a live one of somebody not disabled, and notes its use, at most once a minute.
	TokenBy(ctx context.Context, sha256 []byte) (Token, Operator, bool, error)
}

// SealedTOTP is one operator's secret on its way from one master key to another.
type SealedTOTP struct {
	Operator int64
	Was, Now []byte
}

// RewrapStore replaces what is sealed.
type RewrapStore interface {
	SealedTOTP(ctx context.Context) ([]SealedTOTP, error)
	// ResealTOTP replaces all or none; Conflict if one changed meanwhile.
	ResealTOTP(ctx context.Context, sealed []SealedTOTP, entry audit.Entry) error
}
