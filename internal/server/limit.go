package server

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
)

// limitDeadline bounds a look at a rate limit; a source that is slower counts as down.
const limitDeadline = 2 * time.Second

// Limit charges one token per request under the key that key makes, and answers 429 when there is none.
// Hanging up dodges nothing: the charge does not end with the request.
func Limit(s ratelimit.Source, l ratelimit.Limit, key func(*gin.Context) string) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), limitDeadline)
		defer cancel()
		if err := ratelimit.Charge(ctx, s, l, key(c), 1); err != nil {
			Fail(c, err)
		}
	}
}

// ClientKey keys a limit on the client's address, or the network it controls, through the keyer.
func ClientKey(k ratelimit.Keyer) func(*gin.Context) string {
	return func(c *gin.Context) string { return k.Key(ratelimit.ClientPrefix(ClientAddr(c))) }
}

// ClientNetwork is the same in the clear, for limits kept in memory alone, where a MAC per request protects nothing.
func ClientNetwork(c *gin.Context) string { return ratelimit.ClientPrefix(ClientAddr(c)) }
