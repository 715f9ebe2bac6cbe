package api

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
)

// VerifyRequest is the body of POST /v1/login/verify.
type VerifyRequest struct {
	Login    string `json:"login,omitempty" minLength:"1" maxLength:"1024" doc:"The e-mail address as the member typed it. Either this or subject."`
	Subject  string `json:"subject,omitempty" minLength:"1" maxLength:"255" doc:"Your own id of the account, where you know it already (user names, shared addresses). Either this or login."`
	Password string `json:"password" doc:"The password exactly as typed, neither trimmed nor normalised."`
	ClientIP string `json:"client_ip,omitempty" format:"ip" doc:"The member's address. With it, failures from one place slow down that place first; without it they slow down everybody who tries this login."`
}

// VerifyOK says that the password is right and alive.
type VerifyOK struct {
	Result            string `json:"result" enum:"ok"`
	Subject           string `json:"subject" doc:"Your own id of the account."`
	CredentialVersion int64  `json:"credential_version" doc:"Rises whenever password or address changes, and never falls."`
	AuthenticatedAt   int64  `json:"authenticated_at" doc:"Keep this as the session's issue time and give it to the gate as session_issued_at; your own clock then never matters. Seconds since 1970."`
	NotBefore         int64  `json:"not_before" doc:"Every session of the account issued at or before this is dead. Seconds since 1970, 0 if none is."`
}

// VerifyResetRequired says that the password is right and dead.
type VerifyResetRequired struct {
	Result   string `json:"result" enum:"reset_required"`
	Reason   string `json:"reason" enum:"breach"`
	Incident string `json:"incident" doc:"The incident's name in addresses: its public notice, if published, is at /incidents/ and this."`
	ResetURL string `json:"reset_url" doc:"Where the member asks for a link: the same page for everybody, never a token."`
}

// VerifyInvalid is everything else.
type VerifyInvalid struct {
	Result string `json:"result" enum:"invalid"`
}

// VerifyLocked says that the whole service is locked down.
type VerifyLocked struct {
	Result string `json:"result" enum:"locked"`
}

func (a *API) verify(ctx context.Context, who call, r VerifyRequest) (any, error) {
	if err := ratelimit.Charge(ctx, a.o.Limits, ratelimit.VerifyKey, a.o.LimitKeys.Key("verify_key", string(who.keySHA256)), 1); err != nil {
		return nil, err
	}
	from, _ := netip.ParseAddr(r.ClientIP) // none given is an invalid address, and any other was refused with the body
	verdict, err := a.o.Verifier.Verify(ctx, account.VerifyRequest{Login: r.Login, Subject: r.Subject, Password: r.Password, ClientIP: from})
	if err != nil {
		return nil, err
	}
	switch verdict.Result {
	case account.ResultOK:
		return VerifyOK{verdict.Result, verdict.Subject, verdict.Version, verdict.AuthenticatedAt, verdict.NotBefore}, nil
	case account.ResultResetRequired:
		return VerifyResetRequired{verdict.Result, "breach", verdict.Incident, verdict.ResetURL}, nil
	case account.ResultInvalid:
		return VerifyInvalid{verdict.Result}, nil
	case account.ResultLocked:
		return VerifyLocked{verdict.Result}, nil
	}
	return nil, fmt.Errorf("verify gave the result %q", verdict.Result)
}
