package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

// call is who asks, and about whom.
type call struct {
	keySHA256 []byte
	client    client.Client // empty in the gate, whose statement finds it
	subject   string        // of the path, where the route has one
}

func (c call) actor() audit.Actor { return audit.Actor{Kind: audit.KindClient, Name: c.client.Name} }

// The adapters below are all there is between HTTP and a use case: authenticate, decode, one call, render.

// body adapts a call with a JSON body.
func body[Request, Answer any](a *API, scope string, do func(context.Context, call, Request) (Answer, error)) gin.HandlerFunc {
	return a.handle(func(ctx context.Context, c *gin.Context) (any, error) {
		who, err := a.authenticate(ctx, c, scope)
		if err != nil {
			return nil, err
		}
		request, err := decode[Request](a, c)
		if err != nil {
			return nil, err
		}
		return do(ctx, who, request)
	})
}

// bare adapts a call without a body. One that comes all the same is not read.
func bare[Answer any](a *API, scope string, do func(context.Context, call) (Answer, error)) gin.HandlerFunc {
	return a.handle(func(ctx context.Context, c *gin.Context) (any, error) {
		who, err := a.authenticate(ctx, c, scope)
		if err != nil {
			return nil, err
		}
		return do(ctx, who)
	})
}

// form adapts a call with a form body, as RFC 7662 has it.
func form[Answer any](a *API, scope string, do func(context.Context, call, url.Values) (Answer, error)) gin.HandlerFunc {
	return a.handle(func(ctx context.Context, c *gin.Context) (any, error) {
		who, err := a.authenticate(ctx, c, scope)
		if err != nil {
			return nil, err
		}
		values, err := readForm(c)
		if err != nil {
			return nil, err
		}
		return do(ctx, who, values)
	})
}

// gated adapts a call whose own statement tells whose key it is: one round trip to the database instead of two.
func gated[Request, Answer any](a *API, do func(context.Context, call, Request) (Answer, error)) gin.HandlerFunc {
	return a.handle(func(ctx context.Context, c *gin.Context) (any, error) {
		who, err := a.keyOf(ctx, c)
		if err != nil {
			return nil, err
		}
		request, err := decode[Request](a, c)
		if err != nil {
			// A stranger learns nothing of the form, and pays for a wrong key whatever came with it.
			if _, denied := a.authenticate(ctx, c, client.ScopeLogin); denied != nil {
				return nil, denied
			}
			return nil, err
		}
		answer, err := do(ctx, who, request)
		return answer, a.door.settle(ctx, c, who.keySHA256, err)
	})
}

// handle runs a call under a deadline of its own and not the connection's: whoever hangs up dodges neither a charge nor the work,
// and no statement is torn off half way.
func (a *API) handle(do func(context.Context, *gin.Context) (any, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), a.o.Deadline)
		defer cancel()
		answer, err := do(server.TellLimits(ctx, c), c)
		if err != nil {
			server.Fail(c, withWait(err))
			return
		}
		text, err := json.Marshal(answer)
		if err != nil {
			server.Fail(c, err)
			return
		}
		c.Data(http.StatusOK, jsonType, text)
	}
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// busyWait is what Retry-After says when the error does not know.
const busyWait = 2 * time.Second

// withWait gives every refusal that ends by itself a time to come back. Work that ran out of time is one of them.
func withWait(err error) error {
	kind := problem.KindOf(err)
	if kind == problem.Internal && errors.Is(err, context.DeadlineExceeded) {
		kind = problem.Unavailable
	}
	if (kind != problem.Limited && kind != problem.Unavailable) || problem.RetryAfter(err) > 0 {
		return err
	}
	return &problem.Error{Kind: kind, Text: "Please try again in a moment.", RetryAfter: busyWait, Err: err}
}

// noQuery refuses query strings: they end up in logs, and what stands in two places can be read in two ways.
func noQuery(c *gin.Context) {
	if c.Request.URL.RawQuery != "" || c.Request.URL.ForceQuery {
		server.Fail(c, problem.New(problem.Invalid, "These calls take no query string."))
	}
}

// read takes a body of the media type in whole. The route's cap stands in front of it.
func read(c *gin.Context, want string) ([]byte, error) {
	types := c.Request.Header.Values("Content-Type")
	if len(types) != 1 || (types[0] != want && !isType(types[0], want)) {
		return nil, problem.Newf(problem.Invalid, "The Content-Type must be %s.", want)
	}
	text, err := io.ReadAll(c.Request.Body)
	var big *http.MaxBytesError
	if err != nil && !errors.As(err, &big) {
		return nil, problem.Wrap(problem.Invalid, "The body could not be read.", err)
	}
	return text, err
}

func isType(header, want string) bool {
	got, params, err := mime.ParseMediaType(header)
	charset, named := params["charset"]
	return err == nil && got == want && (!named || strings.EqualFold(charset, "utf-8"))
}

// plainReader is a request that reads the way nearly everybody writes it without the cost of a decoder. It reads nothing that the schema and
// encoding/json would not read alike, and leaves the rest to them, as it found it.
type plainReader interface{ readPlain(text []byte) bool }

func decode[Request any](a *API, c *gin.Context) (Request, error) {
	var request Request
	text, err := read(c, jsonType)
	if err != nil {
		return request, err
	}
	if p, ok := any(&request).(plainReader); ok && p.readPlain(text) {
		return request, nil
	}
	schema := a.requests[reflect.TypeFor[Request]()]
	if err := a.requests.check(schema, text); err != nil {
		return request, err
	}
	if err := json.Unmarshal(text, &request); err != nil {
		return request, errNotJSON // without the cause: it quotes what was sent
	}
	return request, nil
}

// readForm reads a form in which nothing stands twice (RFC 6749 §3.2). Members that are not known are let be, as OAuth wants it.
func readForm(c *gin.Context) (url.Values, error) {
	text, err := read(c, formType)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, problem.New(problem.Invalid, "The body is not a form.")
	}
	for _, v := range values {
		if len(v) > 1 {
			return nil, problem.New(problem.Invalid, "A member of the form stands there twice.")
		}
	}
	return values, nil
}
