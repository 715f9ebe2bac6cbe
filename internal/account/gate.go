package account

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
)

// MaxChecks is how many checks one batch may hold.
const MaxChecks = 1000

// GateCheck asks about one account and, if SessionIssuedAt is given (seconds since 1970), one session of it.
type GateCheck struct {
	Subject         string
	SessionIssuedAt *int64
}

// GateAnswer says what is dead. Fields are as in the interface: Credential live, dead, none or unknown; Session live, dead, unknown or "".
type GateAnswer struct {
	Subject    string
	Credential string
	Session    string
	NotBefore  int64  // seconds since 1970, 0: none
	Reason     string // breach or disabled, when dead
	Incident   string // slug, when a campaign killed it
	CoveredBy  int64  // the newest campaign in force that covers it, 0: none
	Locked     bool
}

// GateRecord is what the database knows of one subject.
type GateRecord struct {
	Known       bool // there is or was such an account
	Deleted     bool
	HasPassword bool
	Dead        bool
	Killed      bool
	NotBefore   *time.Time
	Incident    string
	CoveredBy   int64
	Locked      bool
}

// GateStore reads client key and records in one statement.
type GateStore interface {
	// Gate gives the records in the order of the subjects and who asks. A key that is unknown or revoked, or has another
	// scope, is problem.Unauthorized or problem.Forbidden.
	Gate(ctx context.Context, keySHA256 []byte, scope string, subjects []string) ([]GateRecord, error)
}

// Gater answers whether credentials and sessions are dead.
type Gater struct {
	Store  GateStore
	Limits ratelimit.Source
	Keys   ratelimit.Keyer

	last atomic.Pointer[limitKey]
}

// limitKey is what a client key's limit is counted under. The last one is kept: a login service asks with one key all day, and
// a MAC each time would cost more than counting.
type limitKey struct{ keySHA256, counted string }

func (g *Gater) limitKey(keySHA256 []byte) string {
	if last := g.last.Load(); last != nil && last.keySHA256 == string(keySHA256) {
		return last.counted
	}
	now := &limitKey{keySHA256: string(keySHA256), counted: g.Keys.Key("gate", string(keySHA256))}
	g.last.Store(now)
	return now.counted
}

// Check answers in the order of the checks. Errors: Invalid, Unauthorized, Forbidden, Limited, Unavailable.
func (g *Gater) Check(ctx context.Context, keySHA256 []byte, checks []GateCheck) ([]GateAnswer, error) {
	if len(checks) == 0 || len(checks) > MaxChecks {
		return nil, problem.Newf(problem.Unprocessable, "A batch holds 1 to %d checks.", MaxChecks)
	}
	if err := ratelimit.Charge(ctx, g.Limits, ratelimit.GateKey, g.limitKey(keySHA256), float64(len(checks))); err != nil {
		return nil, err
	}
	subjects := make([]string, len(checks))
	for i, c := range checks {
		subjects[i] = c.Subject
	}
	records, err := g.Store.Gate(ctx, keySHA256, "login", subjects)
	if err != nil {
		return nil, err
	}
	answers := make([]GateAnswer, len(checks))
	for i, c := range checks {
		answers[i] = records[i].answer(c)
	}
	return answers, nil
}

func (s GateRecord) answer(c GateCheck) GateAnswer {
	a := GateAnswer{Subject: c.Subject, Credential: s.credential(), Locked: s.Locked, CoveredBy: s.CoveredBy}
	if s.NotBefore != nil {
		a.NotBefore = s.NotBefore.Unix()
	}
	if c.SessionIssuedAt != nil {
		a.Session = s.session(*c.SessionIssuedAt, a.NotBefore)
	}
	switch {
	case a.Credential != "dead":
	case s.Killed:
		a.Reason, a.Incident = "breach", s.Incident
	default:
		a.Reason = "disabled"
	}
	return a
}

func (s GateRecord) credential() string {
	switch {
	case !s.Known || s.Deleted:
		return "unknown"
	case !s.HasPassword:
		return "none"
	case s.Dead:
		return "dead"
	}
	return "live"
}

// session is dead when it was issued at or before not_before, in whole seconds, and when its account was deleted.
func (s GateRecord) session(issuedAt, notBefore int64) string {
	switch {
	case !s.Known:
		return "unknown"
	case s.Deleted, s.NotBefore != nil && issuedAt <= notBefore:
		return "dead"
	}
	return "live"
}
