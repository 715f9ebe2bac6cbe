package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// What the API adds to a gate call, with engine, log, key and strict decoding, beside a bare Gin handler that decodes and answers.
func BenchmarkGate(b *testing.B) {
	s := open(b)
	bare := gin.New()
	bare.POST("/v1/gate", func(c *gin.Context) {
		var r struct{ Subject string }
		if c.BindJSON(&r) == nil {
			c.JSON(http.StatusOK, r)
		}
	})
	for name, h := range map[string]http.Handler{"rekey": s.engine, "bare": bare} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("POST", "/v1/gate", strings.NewReader(`{"subject":"u-1042","session_issued_at":1308297601}`))
				r.Header.Set("Authorization", "Bearer "+loginKey)
				r.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				if h.ServeHTTP(w, r); w.Code != 200 {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
