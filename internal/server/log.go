package server

import (
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
)

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace}

// method is the request's, or "other": a stranger may invent methods without end, and none becomes a label or a log line.
func method(c *gin.Context) string {
	if slices.Contains(methods, c.Request.Method) {
		return c.Request.Method
	}
	return "other"
}

// route is the pattern that matched, never the path: a path may hold a subject, and a query anything.
func route(c *gin.Context) string {
	if p := c.FullPath(); p != "" {
		return p
	}
	return "none"
}

// accessLog writes one line when a request is over. Path, query, headers and bodies are not in it.
func accessLog(o Options) gin.HandlerFunc {
	return func(c *gin.Context) {
		start := time.Now()
		defer func() {
			level := levelOf(route(c))
			r := of(c)
			if !r.logger.Enabled(c.Request.Context(), level) {
				return
			}
			attrs := []slog.Attr{
				slog.String("request_id", r.id),
				slog.String("method", method(c)), slog.String("route", route(c)), slog.Int("status", c.Writer.Status()),
				slog.Int("bytes", max(0, c.Writer.Size())), slog.Float64("ms", float64(time.Since(start).Microseconds())/1000),
			}
			if a := o.LogAddress.of(r.client); a != "" {
				attrs = append(attrs, slog.String("client", a))
			}
			r.logger.LogAttrs(c.Request.Context(), level, "request", attrs...)
		}()
		c.Next()
	}
}

// levelOf keeps the probes, which come every few seconds and say nothing, out of the ordinary log.
func levelOf(route string) slog.Level {
	switch route {
	case "/livez", "/readyz", "/metrics":
		return slog.LevelDebug
	}
	return slog.LevelInfo
}
