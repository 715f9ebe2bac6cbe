package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

// AccountRequest is the body of PUT /v1/accounts/{subject}. What is left out stays as it is.
type AccountRequest struct {
	Email         *string `json:"email,omitempty" maxLength:"1024" doc:"Where mail goes; empty clears it. One that is no address is left out with a warning."`
	Locale        *string `json:"locale,omitempty" maxLength:"255" doc:"The member's language as a BCP 47 tag; empty clears it."`
	PasswordHash  *string `json:"password_hash,omitempty" maxLength:"4096" doc:"The hash as you keep it: PHC string, modular crypt, Django, phpass or LDAP form. Never the password."`
	PasswordSetAt *int64  `json:"password_set_at,omitempty" minimum:"0" maximum:"253402300799" doc:"When the member set that password. Seconds since 1970. A hash replaces the stored one only if its date is strictly later."`
	CreatedAt     *int64  `json:"created_at,omitempty" minimum:"0" maximum:"253402300799" doc:"When the account was opened. Seconds since 1970."`
}

// PasswordRequest is the body of PUT /v1/accounts/{subject}/password.
type PasswordRequest struct {
	PasswordHash  string `json:"password_hash" minLength:"1" maxLength:"4096" doc:"The new hash. Never the password."`
	PasswordSetAt *int64 `json:"password_set_at,omitempty" minimum:"0" maximum:"253402300799" doc:"When the member set it; left out, now. Seconds since 1970. The later of two passwords stands."`
	AllowRevive   bool   `json:"allow_revive,omitempty" doc:"Take it although the old password is dead. Only where the member proved who they are by something else than that password or a session begun with it."`
}

// AccountChange says what came of a write.
type AccountChange struct {
	Subject           string           `json:"subject"`
	Outcome           string           `json:"outcome" enum:"inserted,updated,unchanged,deleted,unknown" doc:"unknown: there was no such account to delete."`
	Kept              bool             `json:"kept" doc:"The hash given differs from the stored one, which stays: it is as new or newer, or the member set it in Rekey."`
	Revived           bool             `json:"revived" doc:"A dead password was replaced by a live one."`
	CredentialVersion int64            `json:"credential_version" doc:"After the write; 0 for an unknown account."`
	Warnings          []AccountWarning `json:"warnings" nullable:"false" doc:"Values that were not taken as given."`
}

// AccountWarning is one of them.
type AccountWarning struct {
	Field  string `json:"field"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// AccountProfile is the answer of GET /v1/accounts/{subject}.
type AccountProfile struct {
	Subject           string `json:"subject"`
	Credential        string `json:"credential" enum:"live,dead,none,unknown" doc:"As the gate says it."`
	Email             string `json:"email,omitempty"`
	Locale            string `json:"locale,omitempty"`
	CreatedAt         *int64 `json:"created_at,omitempty" doc:"Seconds since 1970, as all times here."`
	DeletedAt         *int64 `json:"deleted_at,omitempty"`
	PasswordScheme    string `json:"password_scheme,omitempty" doc:"Scheme and cost of the stored hash. The hash itself is never shown."`
	PasswordSetAt     *int64 `json:"password_set_at,omitempty"`
	PasswordSource    string `json:"password_source,omitempty" enum:"import,api,rekey" doc:"Who set it: a file or PUT of the account, PUT of the password, or the member in Rekey."`
	CredentialVersion int64  `json:"credential_version,omitempty"`
	DisabledAt        *int64 `json:"disabled_at,omitempty" doc:"When too many wrong passwords disabled it."`
	NotBefore         int64  `json:"not_before" doc:"Every session issued at or before this is dead; 0 if none is."`
	Incident          string `json:"incident,omitempty" doc:"The incident that killed the password."`
	CoveredBy         int64  `json:"covered_by,omitempty" doc:"The newest campaign in force that covers the account."`
}

// codeDead is the code of a write that was refused because it would have made a dead password live.
const codeDead = "dead_password"

var errRevive = &problem.Error{Kind: problem.Unprocessable, Code: codeDead,
	Text: "This would make a dead password live again. Nothing was changed. The member sets a new one in Rekey."}

func (a *API) putAccount(ctx context.Context, who call, r AccountRequest) (AccountChange, error) {
	if err := a.chargeCalls(ctx, who); err != nil {
		return AccountChange{}, err
	}
	change, err := a.o.Accounts.Put(ctx, account.PutRequest{
		Subject: who.subject, Email: r.Email, Locale: r.Locale, PasswordHash: r.PasswordHash,
		PasswordSetAt: moment(r.PasswordSetAt), CreatedAt: moment(r.CreatedAt),
	}, who.actor())
	return changed(who, change, err)
}

func (a *API) putPassword(ctx context.Context, who call, r PasswordRequest) (AccountChange, error) {
	if err := a.chargeCalls(ctx, who); err != nil {
		return AccountChange{}, err
	}
	request := account.PasswordRequest{Subject: who.subject, Hash: r.PasswordHash, AllowRevive: r.AllowRevive}
	if set := moment(r.PasswordSetAt); set != nil {
		request.SetAt = *set
	}
	change, err := a.o.Accounts.SetPasswordHash(ctx, request, who.actor())
	return changed(who, change, err)
}

func (a *API) deleteAccount(ctx context.Context, who call) (AccountChange, error) {
	if err := a.chargeCalls(ctx, who); err != nil {
		return AccountChange{}, err
	}
	change, err := a.o.Accounts.Delete(ctx, who.subject, who.actor())
	return changed(who, change, err)
}

func (a *API) getAccount(ctx context.Context, who call) (AccountProfile, error) {
	if err := a.chargeCalls(ctx, who); err != nil {
		return AccountProfile{}, err
	}
	p, err := a.o.Accounts.Get(ctx, who.subject)
	if err != nil {
		return AccountProfile{}, err
	}
	profile := AccountProfile{
		Subject: p.Subject, Credential: p.State, Email: p.Email, Locale: p.Locale, CreatedAt: seconds(p.CreatedAt), DeletedAt: seconds(p.DeletedAt),
		PasswordScheme: p.PasswordScheme, PasswordSetAt: seconds(p.PasswordSetAt), PasswordSource: p.PasswordSource, CredentialVersion: p.Version,
		DisabledAt: seconds(p.DisabledAt), Incident: p.Incident, CoveredBy: p.CoveredBy,
	}
	if p.State == account.StateDeleted {
		profile.Credential = account.StateUnknown
	}
	if p.NotBefore != nil {
		profile.NotBefore = p.NotBefore.Unix()
	}
	return profile, nil
}

func changed(who call, c account.Change, err error) (AccountChange, error) {
	if err != nil {
		return AccountChange{}, err
	}
	if c.Outcome == account.Refused {
		return AccountChange{}, errRevive
	}
	out := AccountChange{Subject: who.subject, Outcome: c.Outcome, Kept: c.Kept, Revived: c.Revived, CredentialVersion: c.Version, Warnings: []AccountWarning{}}
	for _, w := range c.Warnings {
		out.Warnings = append(out.Warnings, AccountWarning(w))
	}
	return out, nil
}

func moment(s *int64) *time.Time {
	if s == nil {
		return nil
	}
	t := time.Unix(*s, 0).UTC()
	return &t
}

func seconds(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	s := t.Unix()
	return &s
}

const accountsPrefix = "/v1/accounts/"

// accountPath takes a path apart as it was written, before %2F became a slash.
func accountPath(u *url.URL) (subject string, password, ok bool) {
	rest, found := strings.CutPrefix(u.EscapedPath(), accountsPrefix)
	if !found {
		return "", false, false
	}
	rest, password = strings.CutSuffix(rest, "/password")
	subject, err := url.PathUnescape(rest)
	return subject, password, err == nil && subject != "" && !strings.Contains(rest, "/")
}

// byPath sends a request on to the account's or to the password's handler.
func byPath(whole, password gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		_, ofPassword, ok := accountPath(c.Request.URL)
		switch {
		case !ok:
			server.Fail(c, problem.New(problem.Invalid, "The path is /v1/accounts/ and the subject, percent-encoded."))
		case ofPassword:
			password(c)
		default:
			whole(c)
		}
	}
}

func putOnly(c *gin.Context) {
	c.Header("Allow", http.MethodPut)
	server.Fail(c, problem.New(problem.WrongMethod, "A password can be put and nothing else."))
}
