package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/server"
)

// limitFields are those an answer has about limits.
func limitFields(w *httptest.ResponseRecorder) map[string]string {
	fields := map[string]string{}
	for _, name := range []string{"RateLimit-Policy", "RateLimit", "Retry-After"} {
		if v := w.Header().Get(name); v != "" {
			fields[name] = v
		}
	}
	return fields
}

// The flood limit tells each client of itself: what it may do, what is left, and after a refusal the same wait as Retry-After.
func TestClientsAreToldTheirLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := engine(t, nil)
		e.Use(server.Limit(ratelimit.NewMemory(100, nil), ratelimit.Flood, server.ClientNetwork))
		server.Get(e, "/", func(c *gin.Context) { c.String(200, "ok") })
		get := func(from string) *httptest.ResponseRecorder {
			return ask(e, "GET", "/", func(r *http.Request) { r.RemoteAddr = from + ":5" })
		}
		const policy = `"flood";q=1000;w=20`
		for i := range 1000 {
			want := map[string]string{"RateLimit-Policy": policy, "RateLimit": fmt.Sprintf(`"flood";r=%d;t=1`, 999-i)}
			if diff := cmp.Diff(want, limitFields(get("192.0.2.1"))); diff != "" {
				t.Fatalf("request %d:\n%s", i, diff)
			}
		}
		over := get("192.0.2.1")
		if diff := cmp.Diff(map[string]string{"RateLimit-Policy": policy, "RateLimit": `"flood";r=0;t=1`, "Retry-After": "1"}, limitFields(over)); over.Code != 429 || diff != "" {
			t.Errorf("over the limit: %d\n%s", over.Code, diff)
		}
		if got := get("192.0.2.2").Header().Get("RateLimit"); got != `"flood";r=999;t=1` {
			t.Errorf("another client is told %s", got)
		}
		time.Sleep(time.Second)
		if got := get("192.0.2.1").Header().Get("RateLimit"); got != `"flood";r=49;t=1` {
			t.Errorf("a second later %s", got)
		}
	})
}

// No limit is told that counts anything but who asks: the others would tell what somebody else did (attack 6).
func TestOtherLimitsAreNotTold(t *testing.T) {
	t.Parallel()
	harmless := []string{"client address", "client key", ratelimit.AdminKey.Keyed}
	for _, l := range ratelimit.All() {
		e, _ := engine(t, nil)
		e.Use(server.Limit(ratelimit.NewMemory(100, nil), l, server.ClientNetwork))
		server.Get(e, "/", func(c *gin.Context) { c.String(200, "ok") })
		if fields := limitFields(ask(e, "GET", "/", nil)); len(fields) > 0 && !slices.Contains(harmless, l.Keyed) {
			t.Errorf("%s is keyed on %s and told: %v", l.Name, l.Keyed, fields)
		}
	}
}
