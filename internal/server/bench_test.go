package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/server"
)

// What the engine adds to a request, with log, metrics and the flood limit, beside a bare Gin handler.
func BenchmarkEngine(b *testing.B) {
	handle := func(c *gin.Context) { c.String(http.StatusOK, "ok") }
	ours, err := server.New(server.Options{Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)), Metrics: server.NewMetrics()})
	if err != nil {
		b.Fatal(err)
	}
	flood := ratelimit.Limit{Name: "bench", Burst: 1 << 40, Every: 1000}
	server.Get(ours.Group("", server.Limit(ratelimit.NewMemory(10_000, nil), flood, server.ClientNetwork)), "/gate", handle)
	bare := gin.New()
	bare.GET("/gate", handle)
	for name, h := range map[string]http.Handler{"rekey": ours, "bare": bare} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/gate", nil))
			}
		})
	}
}
