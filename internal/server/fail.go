package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Renderer writes a problem's body. Status, Retry-After and Cache-Control are set already; it must not log.
type Renderer func(c *gin.Context, d problem.Details)

// JSON renders application/problem+json (RFC 9457).
func JSON(c *gin.Context, d problem.Details) {
	body, err := json.Marshal(d)
	if err != nil {
		body = []byte("{}") // cannot happen: Details holds strings and a number
	}
	c.Data(d.Status, problem.ContentType, body)
}

// ForBrowsers renders by html for whoever asks for text/html, and JSON for everybody else: scripts and API clients that stray off their routes.
func ForBrowsers(html Renderer) Renderer {
	return func(c *gin.Context, d problem.Details) {
		if strings.Contains(c.GetHeader("Accept"), "text/html") {
			html(c, d)
			return
		}
		JSON(c, d)
	}
}

// RenderWith makes a group show its problems its own way.
func RenderWith(r Renderer) gin.HandlerFunc {
	return func(c *gin.Context) { of(c).render = r }
}

// Fail answers with the problem in err and ends the request. It is the one place that logs an error: an Internal one at error level, any other,
// which is the caller's affair and counted by its status, at debug level. Nothing of an Internal error but the request id is shown.
func Fail(c *gin.Context, err error) {
	c.Abort()
	err = classify(c, err)
	status := problem.KindOf(err).Status()
	level := slog.LevelDebug
	if status == http.StatusInternalServerError {
		level = slog.LevelError
	}
	Logger(c).Log(c.Request.Context(), level, "request failed", "route", route(c), "status", status, "error", err)
	if !c.Writer.Written() {
		show(c, err)
	}
}

// show writes headers and body. A nil error is an Internal one.
func show(c *gin.Context, err error) {
	r := of(c)
	d := problem.DetailsOf(err, r.id)
	c.Header("Cache-Control", "no-store") // RFC 6585 §4 for 429; the same for every failure, whatever the route's success allows
	if wait := problem.RetryAfter(err); wait > 0 {
		c.Header("Retry-After", wholeSeconds(wait))
	}
	if d.Status == http.StatusUnauthorized && c.Writer.Header().Get("WWW-Authenticate") == "" {
		c.Header("WWW-Authenticate", `Bearer realm="rekey"`) // RFC 9110 §11.6.1 wants one
	}
	c.Status(d.Status)
	r.render(c, d)
}

// errGone is what a request ends with whose sender left: nobody reads the answer, and it is nobody's defect.
var errGone = problem.New(problem.Unavailable, "The request was cancelled.")

func classify(c *gin.Context, err error) error {
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &big):
		return problem.Newf(problem.TooLarge, "The request body is over the limit of %d bytes.", big.Limit)
	case errors.Is(err, context.Canceled) && c.Request.Context().Err() != nil && problem.KindOf(err) == problem.Internal:
		return errGone
	}
	return err
}

// wholeSeconds are rounded up, so that who waits so long is not refused again, and at least 1 (RFC 9110 §10.2.3).
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(int64(max(time.Second, d+time.Second-1)/time.Second), 10)
}

// recovery turns a panic into a logged Internal problem. An answer already begun is cut off, so that nobody takes half of it for the whole.
func recovery() gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			begun := c.Writer.Written()
			Logger(c).Error("panic", "route", route(c), "panic", panicText(v), "stack", string(debug.Stack()))
			if begun {
				panic(http.ErrAbortHandler)
			}
			c.Abort()
			show(c, nil)
		}()
		c.Next()
	}
}

// panicText names what was thrown. Only the runtime's own errors are quoted: another value may hold what somebody sent.
func panicText(v any) string {
	var re runtime.Error
	if err, ok := v.(error); ok && errors.As(err, &re) {
		return re.Error()
	}
	return fmt.Sprintf("a value of type %T", v)
}
