package server

import (
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// body remembers the request's own body, so that a group's cap replaces the engine's instead of standing behind it.
type body struct{ original io.ReadCloser }

// MaxBody caps the request bodies of a group at n bytes, more or less than the engine's own cap. One that says it is longer is refused unread;
// one that turns out longer fails while it is read, with an error that Fail shows as 413.
func MaxBody(n int64) gin.HandlerFunc {
	cap := capBody(n)
	return func(c *gin.Context) {
		if c.Request.ContentLength > n {
			Fail(c, problem.Newf(problem.TooLarge, "The request body is over the limit of %d bytes.", n))
			return
		}
		cap(c)
	}
}

// capBody is the cap without the early refusal: the engine's default must not refuse what a group may allow.
func capBody(n int64) gin.HandlerFunc {
	return func(c *gin.Context) {
		if original := of(c).body.original; original != nil && original != http.NoBody {
			c.Request.Body = http.MaxBytesReader(c.Writer, original, n)
		}
	}
}
