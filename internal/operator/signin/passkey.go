package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Ceremony is one registration or use of a passkey under way (WebAuthn Level 3 §7).
type Ceremony struct {
	Options json.RawMessage // {"publicKey":{…}} for navigator.credentials, in the JSON forms of Level 3 §5.1.8 and §5.1.9
	State   []byte          // for the caller to keep in the session and to give back with the answer
}

// state is what a ceremony remembers.
type state struct {
	Began time.Time            `json:"began"` // by the store's clock: no passkey answers twice
	Data  webauthn.SessionData `json:"data"`
}

var (
	errNoPasskeys = problem.New(problem.Conflict, "Passkeys do not work where the console stands at a bare address. Give it a name: REKEY_ADMIN_URL.")
	errCeremony   = &problem.Error{Kind: problem.Unprocessable, Code: "passkey", Text: "The passkey could not be added. Try again, or use another authenticator."}
)

// BeginPasskey asks for any passkey of this console: whose it is, it says itself. It needs no name, so it tells nothing.
func (d *Door) BeginPasskey(ctx context.Context) (Ceremony, error) {
	if !d.HasPasskeys() {
		return Ceremony{}, errNoPasskeys
	}
	options, data, err := d.passkeys.BeginDiscoverableLogin()
	return d.ceremony(ctx, options, data, err)
}

// FinishPasskey signs in whoever the answer is of. id is the operator of a Half, 0 without one: another one's passkey is refused.
// Errors: Unauthorized, Limited.
func (d *Door) FinishPasskey(ctx context.Context, id int64, kept, answer []byte, v Visitor) (Entered, error) {
	return d.usePasskey(ctx, id, kept, answer, v, audit.OperatorSignIn)
}

// ConfirmPasskey is the second factor shown again by somebody signed in, begun by BeginPasskey.
func (d *Door) ConfirmPasskey(ctx context.Context, p operator.Principal, kept, answer []byte, v Visitor) (Entered, error) {
	return d.usePasskey(ctx, p.ID, kept, answer, v, audit.OperatorConfirm)
}

func (d *Door) usePasskey(ctx context.Context, expected int64, kept, answer []byte, v Visitor, action audit.Action) (Entered, error) {
	if !d.HasPasskeys() {
		return Entered{}, errNoPasskeys
	}
	t, err := d.begin(ctx, "", operator.ByPasskey, v)
	if err != nil {
		return Entered{}, err
	}
	t.action = action
	who, use, why, err := d.judge(ctx, expected, kept, answer)
	switch {
	case err != nil:
		return Entered{}, errors.Join(err, t.giveBack(ctx))
	case why != "":
		return Entered{}, t.fail(ctx, operator.Secrets{Operator: who}, why)
	}
	used, err := d.o.Store.UsePasskey(context.WithoutCancel(ctx), use, t.entry(who.Name))
	if err != nil {
		return Entered{}, err
	}
	if !used {
		return Entered{}, t.fail(ctx, operator.Secrets{Operator: who}, "passkey used")
	}
	now, err := d.o.Store.Now(ctx)
	if err != nil {
		return Entered{}, err
	}
	return Entered{Operator: who, By: operator.ByPasskey, FreshUntil: now.Add(operator.FreshFor)}, t.giveBack(ctx)
}

// judge checks an answer: whose it is, what to mark as used, or why it is refused.
func (d *Door) judge(ctx context.Context, expected int64, kept, answer []byte) (who operator.Operator, use operator.PasskeyUse, why string, err error) {
	var s state
	parsed, bad := protocol.ParseCredentialRequestResponseBytes(answer)
	if bad != nil || json.Unmarshal(kept, &s) != nil {
		return who, use, "passkey malformed", nil
	}
	key, who, known, err := d.o.Store.PasskeyBy(ctx, parsed.RawID)
	if err != nil || !known {
		return who, use, "passkey unknown", err
	}
	credential, refused := d.assert(who, key, s.Data, parsed)
	switch {
	case expected != 0 && expected != who.ID:
		return who, use, "passkey of somebody else", nil
	case refused != nil:
		return who, use, "passkey", nil
	case who.DisabledAt != nil:
		return who, use, "disabled", nil
	case credential.Authenticator.CloneWarning: // Level 3 §7.2 step 22: somebody may have a copy
		return who, use, "sign count went back", nil
	}
	record, err := json.Marshal(credential)
	return who, operator.PasskeyUse{Passkey: key.ID, Operator: who.ID, Began: s.Began, Was: key.Record, Now: string(record)}, "", err
}

func (d *Door) assert(who operator.Operator, key operator.Passkey, data webauthn.SessionData, parsed *protocol.ParsedCredentialAssertionData) (*webauthn.Credential, error) {
	u, err := userOf(who, key)
	if err != nil {
		return nil, err
	}
	return d.passkeys.ValidateDiscoverableLogin(func([]byte, []byte) (webauthn.User, error) { return u, nil }, data, parsed)
}

// register begins the registration of a passkey for an operator who has those given.
func (d *Door) register(ctx context.Context, o operator.Operator, has []operator.Passkey) (Ceremony, error) {
	if !d.HasPasskeys() {
		return Ceremony{}, errNoPasskeys
	}
	u, err := userOf(o, has...)
	if err != nil {
		return Ceremony{}, err
	}
	options, data, err := d.passkeys.BeginRegistration(u, webauthn.WithExclusions(webauthn.Credentials(u.credentials).CredentialDescriptors()))
	return d.ceremony(ctx, options, data, err)
}

// registered checks the answer to register. Errors: Unprocessable.
func (d *Door) registered(o operator.Operator, name string, kept, answer []byte) (*operator.Passkey, error) {
	if !d.HasPasskeys() {
		return nil, errNoPasskeys
	}
	var s state
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil || json.Unmarshal(kept, &s) != nil {
		return nil, errCeremony // without the cause: it may quote what was sent
	}
	credential, err := d.passkeys.CreateCredential(&user{id: o.ID, name: o.Name}, s.Data, parsed)
	if err != nil {
		return nil, errCeremony
	}
	record, err := json.Marshal(credential)
	if err != nil {
		return nil, fmt.Errorf("keeping a passkey: %w", err)
	}
	return &operator.Passkey{CredentialID: credential.ID, Name: operator.Label(name, "Passkey"), Record: string(record)}, nil
}

func (d *Door) ceremony(ctx context.Context, options any, data *webauthn.SessionData, err error) (Ceremony, error) {
	if err != nil {
		return Ceremony{}, fmt.Errorf("beginning with a passkey: %w", err)
	}
	now, err := d.o.Store.Now(ctx)
	if err != nil {
		return Ceremony{}, err
	}
	shown, err := json.Marshal(options)
	if err != nil {
		return Ceremony{}, fmt.Errorf("beginning with a passkey: %w", err)
	}
	kept, err := json.Marshal(state{Began: now, Data: *data})
	return Ceremony{Options: shown, State: kept}, err
}

// user is an operator as the WebAuthn library sees one.
type user struct {
	id          int64
	name        string
	credentials []webauthn.Credential
}

func userOf(o operator.Operator, keys ...operator.Passkey) (*user, error) {
	u := &user{id: o.ID, name: o.Name}
	for _, k := range keys {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(k.Record), &c); err != nil {
			return nil, fmt.Errorf("reading passkey %d: %w", k.ID, err)
		}
		u.credentials = append(u.credentials, c)
	}
	return u, nil
}

// WebAuthnID is the user handle: which operator, and nothing personal (Level 3 §14.6.1).
func (u *user) WebAuthnID() []byte { return []byte("operator/" + strconv.FormatInt(u.id, 10)) }

// WebAuthnName is what authenticators list the passkey under.
func (u *user) WebAuthnName() string { return u.name }

// WebAuthnDisplayName is the same.
func (u *user) WebAuthnDisplayName() string { return u.name }

// WebAuthnCredentials are the operator's passkeys.
func (u *user) WebAuthnCredentials() []webauthn.Credential { return u.credentials }
