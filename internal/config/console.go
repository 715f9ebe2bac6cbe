package config

import (
	"net"
	"time"
)

// Console is how operators sign in, and what they need a second person for.
type Console struct {
	AdminURL             string        `name:"admin-url" placeholder:"URL" unset:"http://localhost and the port of REKEY_ADMIN_LISTEN" range:"https://host, or http:// to this machine; no path" help:"Where operators reach the console. Invitations, passkeys and the company's sign-in are bound to it: passkeys need a name, not a bare address."`
	SessionIdle          time.Duration `placeholder:"DURATION" default:"30m" range:"1m to 12h" help:"How long an operator's session lives unused."`
	SessionLife          time.Duration `placeholder:"DURATION" default:"12h" range:"5m to 24h, not less than REKEY_SESSION_IDLE" help:"How long an operator's session lives at most."`
	OIDCIssuer           string        `name:"oidc-issuer" placeholder:"URL" range:"https://…, or http:// to this machine" help:"The company's sign-in (OpenID Connect), as the provider writes its issuer. Register REKEY_ADMIN_URL/sign-in/return there as redirect URI."`
	OIDCClientID         string        `name:"oidc-client-id" placeholder:"TEXT" range:"needed with REKEY_OIDC_ISSUER" help:"What the provider calls Rekey."`
	OIDCClientSecret     Secret        `name:"oidc-client-secret" placeholder:"TEXT" secret:"" range:"as the provider gave it" unset:"a public client: PKCE alone" help:"Rekey's secret at the provider."`
	OIDCClientSecretFile string        `name:"oidc-client-secret-file" placeholder:"FILE" range:"a file" help:"A file that holds it."`

	SecondPersonAbove int64         `placeholder:"N" default:"0" range:"0 or more" help:"Activations and cancellations of more accounts than this need a second person. 0: all do. Lifting a lockdown, roles, revoking keys and full exports always do."`
	SecondPersonCodes bool          `range:"true or false" help:"A code given by telephone needs a second person too."`
	SingleHanded      bool          `range:"true or false" help:"Let one approver or administrator do alone what is for two, with a reason: every operator is mailed, and the audit log names it."`
	ApprovalLife      time.Duration `placeholder:"DURATION" default:"4h" range:"5m to 72h" help:"How long a request waits for a second person."`
}

func (s *Settings) consoleRules() []rule {
	issuer := webURL(s.OIDCIssuer)
	return []rule{
		{"REKEY_ADMIN_URL", s.adminURL()},
		{"REKEY_SESSION_IDLE", unless(s.SessionIdle >= time.Minute && s.SessionIdle <= 12*time.Hour, "must be 1m to 12h")},
		{"REKEY_SESSION_LIFE", unless(s.SessionLife >= 5*time.Minute && s.SessionLife <= 24*time.Hour && s.SessionLife >= s.SessionIdle, "must be 5m to 24h, and not less than REKEY_SESSION_IDLE")},
		{"REKEY_OIDC_ISSUER", unless(s.OIDCIssuer == "" || issuer != nil && issuer.RawQuery == "" && !issuer.ForceQuery && issuer.Fragment == "" &&
			(issuer.Scheme == "https" || loopback(issuer.Hostname())), "must be an https URL without a query, or http to this machine")},
		{"REKEY_OIDC_CLIENT_ID", unless((s.OIDCClientID == "") == (s.OIDCIssuer == ""), "must be set where REKEY_OIDC_ISSUER is, and only there")},
		{"REKEY_OIDC_CLIENT_SECRET", unless(s.OIDCClientSecret.IsZero() || s.OIDCIssuer != "", "must be set with REKEY_OIDC_ISSUER only")},
		{"REKEY_SECOND_PERSON_ABOVE", unless(s.SecondPersonAbove >= 0, "must be 0 or more")},
		{"REKEY_APPROVAL_LIFE", unless(s.ApprovalLife >= 5*time.Minute && s.ApprovalLife <= 72*time.Hour, "must be 5m to 72h")},
	}
}

// adminURL keeps sessions off the wire in the clear: a cookie on http is safe on this machine alone.
func (s *Settings) adminURL() string {
	if s.AdminURL == "" { // it follows from an address that is wrong, whose own rule says so
		return ""
	}
	if wrong := publicURL(s.AdminURL); wrong != "" {
		return wrong
	}
	u := webURL(s.AdminURL)
	return unless(u.Scheme == "https" || loopback(u.Hostname()), "must be https: http is for this machine alone")
}

// derivedAdminURL is the console's on this machine.
func (s *Settings) derivedAdminURL() string {
	_, port, err := net.SplitHostPort(s.AdminListen)
	if err != nil {
		return ""
	}
	return "http://localhost:" + port
}
