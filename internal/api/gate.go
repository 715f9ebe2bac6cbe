package api

import (
	"context"

	"github.com/seed-1c168855/rekey/internal/account"
)

// GateRequest is the body of POST /v1/gate, and one check of a batch.
type GateRequest struct {
	Subject         string `json:"subject" minLength:"1" maxLength:"1024" doc:"Your own id of the account."`
	SessionIssuedAt *int64 `json:"session_issued_at,omitempty" minimum:"0" maximum:"253402300799" doc:"When the session began: authenticated_at of the verify that began it, else your own clock. Seconds since 1970. Left out, only the credential is judged."`
}

// GateAnswer is the answer to it.
type GateAnswer struct {
	Subject    string `json:"subject"`
	Credential string `json:"credential" enum:"live,dead,none,unknown" doc:"live: the password works. dead: it must be reset. none: the account has no password (single sign-on). unknown: there is no such account, or it was deleted."`
	Session    string `json:"session,omitempty" enum:"live,dead,unknown" doc:"Only where session_issued_at was given. dead: end the session. unknown: there was never such an account."`
	NotBefore  int64  `json:"not_before" doc:"Every session of the account issued at or before this is dead. Seconds since 1970, 0 if none is."`
	Reason     string `json:"reason,omitempty" enum:"breach,disabled" doc:"Why the credential is dead. disabled: too many wrong passwords."`
	Incident   string `json:"incident,omitempty" doc:"The incident that killed it."`
	CoveredBy  int64  `json:"covered_by,omitempty" doc:"The newest campaign in force that covers the account, whether it killed the password or not."`
	Locked     bool   `json:"locked" doc:"The whole service is locked down: let nobody sign in."`
}

// GateBatchRequest is the body of POST /v1/gate/batch.
type GateBatchRequest struct {
	Checks []GateRequest `json:"checks" minItems:"1" maxItems:"1000" nullable:"false" doc:"1 to 1,000 checks."`
}

// GateBatchAnswer is the answer to it.
type GateBatchAnswer struct {
	Results []GateAnswer `json:"results" nullable:"false" doc:"One for each check, in their order."`
}

func (a *API) gate(ctx context.Context, who call, r GateRequest) (GateAnswer, error) {
	answers, err := a.o.Gater.Check(ctx, who.keySHA256, []account.GateCheck{account.GateCheck(r)})
	if err != nil {
		return GateAnswer{}, err
	}
	return GateAnswer(answers[0]), nil
}

func (a *API) gateBatch(ctx context.Context, who call, r GateBatchRequest) (GateBatchAnswer, error) {
	checks := make([]account.GateCheck, len(r.Checks))
	for i, check := range r.Checks {
		checks[i] = account.GateCheck(check)
	}
	answers, err := a.o.Gater.Check(ctx, who.keySHA256, checks)
	if err != nil {
		return GateBatchAnswer{}, err
	}
	batch := GateBatchAnswer{Results: make([]GateAnswer, len(answers))}
	for i, answer := range answers {
		batch.Results[i] = GateAnswer(answer)
	}
	return batch, nil
}
