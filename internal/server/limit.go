package server

import (
	"context"
	"slices"
	"strconv"
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
		if err := ratelimit.Charge(TellLimits(ctx, c), s, l, key(c), 1); err != nil {
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

// told are the limits that clients are told about. Each is keyed on nothing but who asks: a limit that counts what somebody typed, an account
// or a token would tell how often others asked for the same (standards attack 6).
var told = []string{ratelimit.Flood.Name, ratelimit.VerifyKey.Name, ratelimit.GateKey.Name, ratelimit.AdminKey.Name}

// TellLimits has the charges made under the context set the answer's RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11),
// where the limit is one that may be told. A request meets one such limit at most.
func TellLimits(ctx context.Context, c *gin.Context) context.Context {
	return ratelimit.Observe(ctx, func(l ratelimit.Limit, d ratelimit.Decision) {
		if slices.Contains(told, l.Name) {
			c.Header("RateLimit-Policy", policyField(l))
			c.Header("RateLimit", stateField(l, d))
		}
	})
}

// policyField says how many tokens a full bucket has, and in how many seconds an empty one is full.
func policyField(l ratelimit.Limit) string {
	return `"` + l.Name + `";q=` + strconv.Itoa(l.Burst) + ";w=" + wholeSeconds(time.Duration(l.Burst)*l.Every)
}

// stateField says how many tokens are left, and for how many seconds to make do with them: until the next one comes, or after a refusal the wait
// of Retry-After, which must not end before it.
func stateField(l ratelimit.Limit, d ratelimit.Decision) string {
	return `"` + l.Name + `";r=` + strconv.Itoa(d.Remaining) + ";t=" + wholeSeconds(max(l.Every, d.RetryAfter))
}
