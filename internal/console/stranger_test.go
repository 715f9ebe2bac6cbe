package console

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/server"
)

// Strangers with as many addresses as they like write only so much into the audit log; all are turned away.
func TestStrangersCannotFillTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	engine, err := server.New(server.Options{Logger: slog.New(slog.DiscardHandler), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	must(t, err)
	w.console.Routes(engine)
	most := ratelimit.StrangerForms.Burst
	for n := range most + 50 {
		from := netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}).String()
		request := httptest.NewRequest(http.MethodPost, "/lockdown/on", nil)
		request.RemoteAddr = "127.0.0.1:1"
		request.Header.Set("X-Forwarded-For", from)
		request.Header.Set("Origin", "https://evil.example")
		answer := httptest.NewRecorder()
		if engine.ServeHTTP(answer, request); answer.Code != http.StatusForbidden {
			t.Fatalf("%s: %d", from, answer.Code)
		}
	}
	all, _, err := w.store.AuditSearch(t.Context(), audit.Query{Action: string(audit.ActRefused), Limit: audit.MaxPage})
	must(t, err)
	if len(all) < most || len(all) > most+10 { // a token comes back each 10 s
		t.Errorf("%d entries, want about %d", len(all), most)
	}
}
