package operator

import (
	"context"
	"encoding/hex"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// SessionID is a session's public name, made of the hash that the store knows its token by; it says nothing of either.
func SessionID(sha256 []byte) string {
	return hex.EncodeToString(HashToken("session " + string(sha256)))[:16]
}

// Sessions lists an operator's signed-in browsers.
func Sessions(ctx context.Context, s SessionStore, operator int64) ([]Session, error) {
	return s.Sessions(ctx, operator)
}

// EndOwn ends one of the caller's own sessions by its id, or with "" all but except, and says how many. Errors: NotFound.
func EndOwn(ctx context.Context, s SessionStore, p Principal, id, except string) (int64, error) {
	return s.EndSessions(ctx, p.ID, id, except, audit.New(p.Actor(), audit.OwnSessions, Object(p.Name), audit.Detail{"session_id": id}))
}

// EndSessions ends somebody's sessions: one by its id, or with "" all. Errors: NotFound.
func (p *People) EndSessions(ctx context.Context, operator int64, id string, actor audit.Actor) (int64, error) {
	o, err := p.store.Operator(ctx, operator)
	if err != nil {
		return 0, err
	}
	return p.store.EndSessions(ctx, operator, id, "", audit.New(actor, audit.OperatorEnd, Object(o.Name), audit.Detail{"session_id": id}))
}

// ErrEnded says that a session ended while a request was under way.
var ErrEnded = &problem.Error{Kind: problem.Unauthorized, Code: "signed_out", Text: "You are signed out. Please sign in again."}
