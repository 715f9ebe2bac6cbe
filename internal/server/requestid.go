package server

import (
	"context"
	"crypto/rand"
	"net/http"

	"github.com/seed-1c168855/rekey/internal/audit"
)

// RequestID is the id of the request the context belongs to, "" outside one. It is in the X-Request-Id of the answer, the log, every problem and
// every audit entry recorded under the context.
func RequestID(ctx context.Context) string { return audit.RequestOf(ctx) }

// requestID is a fresh random one. A trusted proxy may bring its own, so that both logs meet; anybody else's would let a stranger write into ours.
func requestID(r *http.Request, fromProxy bool) string {
	if ids := r.Header.Values("X-Request-Id"); fromProxy && len(ids) == 1 && wellFormed(ids[0]) {
		return ids[0]
	}
	return rand.Text()
}

func wellFormed(id string) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	for _, b := range []byte(id) {
		letter := b|0x20 >= 'a' && b|0x20 <= 'z'
		if !letter && (b < '0' || b > '9') && b != '-' && b != '_' && b != '.' {
			return false
		}
	}
	return true
}
