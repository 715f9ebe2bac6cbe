package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

// asked is one call of somebody whose right to the route has been looked at.
type asked struct {
	*gin.Context
	a     *Admin
	route adminRoute
	ctx   context.Context // of the work: whoever hangs up stops nothing
	who   operator.Principal
	query url.Values
	body  any // the request, by value; nil where the route takes none
}

// waiting is the answer of an act that waits for a second person: 202.
type waiting struct{ *approval.Request }

// written is the answer that a handler has written itself.
type written struct{}

const (
	get  = http.MethodGet
	post = http.MethodPost
	put  = http.MethodPut
	del  = http.MethodDelete
)

// How long a call may take. Preparing and activating millions of accounts takes a while; a list or an export comes as slowly as its line.
const (
	callTime   = 10 * time.Minute
	streamTime = time.Hour
)

// answer is the way to every handler: who is it, may they open this, is it well formed; then the handler, then its answer.
func (a *Admin) answer(rt adminRoute) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), rt.time())
		defer cancel()
		ctx = operator.WithOrigin(ctx, operator.Origin{Address: server.ClientAddr(c).String(), Agent: operator.Label(c.Request.UserAgent(), "")})
		r := &asked{Context: c, a: a, route: rt, ctx: ctx}
		if err := r.admit(rt); err != nil {
			server.Fail(c, withWait(err))
			return
		}
		result, err := rt.serve(r)
		if err == nil {
			r.show(result)
			return
		}
		begun := c.Writer.Written()
		server.Fail(c, withWait(err))
		if begun { // nobody is to take half of an export for the whole
			panic(http.ErrAbortHandler)
		}
	}
}

// admit finds out who calls before anything else: a stranger learns nothing of the form.
func (r *asked) admit(rt adminRoute) (err error) {
	if r.who, err = r.a.principal(r.ctx, r.Context); err != nil {
		return err
	}
	if err = r.charge(rt.act); err != nil {
		return err
	}
	if err = r.a.o.Desk.MayOpen(r.ctx, r.who, rt.act, r.Request.URL.Path); err != nil {
		return err
	}
	if r.query, err = readQuery(r.Request.URL, rt.query); err != nil {
		return err
	}
	if rt.request != nil {
		if r.body, err = r.decode(rt.request); err != nil {
			return err
		}
	}
	return r.allowTime(rt.time())
}

// allowTime lets a call take longer than a page may. A connection without deadlines, as in a test, needs none moved.
func (r *asked) allowTime(d time.Duration) error {
	control, until := http.NewResponseController(r.Writer), time.Now().Add(d)
	if err := errors.Join(control.SetReadDeadline(until), control.SetWriteDeadline(until)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return problem.Wrap(problem.Unavailable, "The connection ended.", err)
	}
	return nil
}

// decode reads a JSON body strictly. No body at all is {}, for acts that need none.
func (r *asked) decode(t reflect.Type) (any, error) {
	to := reflect.New(t)
	if r.Request.ContentLength == 0 && len(r.a.requests[t].Required) == 0 {
		return to.Elem().Interface(), nil
	}
	text, err := read(r.Context, jsonType)
	if err != nil {
		return nil, err
	}
	if err := r.a.requests.check(r.a.requests[t], text); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, to.Interface()); err != nil {
		return nil, errNotJSON // without the cause: it quotes what was sent
	}
	return to.Elem().Interface(), nil
}

// readQuery takes the parameters that the route knows, each once.
func readQuery(u *url.URL, known []param) (url.Values, error) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil || u.ForceQuery {
		return nil, problem.New(problem.Invalid, "The query string cannot be read.")
	}
	for name, v := range values {
		if !slices.ContainsFunc(known, func(p param) bool { return p.name == name }) {
			return nil, &problem.Error{Kind: problem.Invalid, Code: codeUnknown, Text: "The query string holds a parameter that is not known here."}
		}
		if len(v) > 1 {
			return nil, &problem.Error{Kind: problem.Invalid, Code: codeDuplicate, Text: "A parameter of the query string stands there twice."}
		}
	}
	return values, nil
}

// number is a whole number of the query string; nil if it is not there.
func (r *asked) number(name string, least, most int64) (*int64, error) {
	if !r.query.Has(name) {
		return nil, nil
	}
	n, err := strconv.ParseInt(r.query.Get(name), 10, 64)
	if err != nil || n < least || n > most {
		return nil, &problem.Error{Kind: problem.Unprocessable, Code: codeRange, Text: name + " must be a whole number from " +
			strconv.FormatInt(least, 10) + " to " + strconv.FormatInt(most, 10) + "."}
	}
	return &n, nil
}

// page is which part of a list is asked for; 0: from the newest, and as many as the list gives unless asked.
func (r *asked) page(most int64) (before int64, limit int, err error) {
	n, err := r.number("limit", 1, most)
	if err != nil {
		return 0, 0, err
	}
	b, err := r.number("before", 1, maxIndex)
	if err != nil {
		return 0, 0, err
	}
	if n != nil {
		limit = int(*n)
	}
	if b != nil {
		before = *b
	}
	return before, limit, nil
}

// further is where a list goes on; nil where it ended.
func further(next int64) *int64 {
	if next == 0 {
		return nil
	}
	return &next
}

// maxSeconds is the last second of the year 9999.
const maxSeconds = 253402300799

// moment is a time of the query string; nil if it is not there.
func (r *asked) moment(name string) (*time.Time, error) {
	n, err := r.number(name, 0, maxSeconds)
	return moment(n), err
}

// flag is true or false in the query string; false if it is not there.
func (r *asked) flag(name string) (bool, error) {
	switch r.query.Get(name) {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	}
	return false, &problem.Error{Kind: problem.Invalid, Code: codeType, Text: name + " must be true or false."}
}

// id is a number in the path.
func (r *asked) id(name string) (int64, error) {
	id, err := strconv.ParseInt(r.Param(name), 10, 64)
	if err != nil || id < 1 {
		return 0, problem.New(problem.NotFound, "There is nothing at this address.")
	}
	return id, nil
}

func (r *asked) show(result any) {
	status := http.StatusOK
	switch v := result.(type) {
	case written:
		return
	case waiting:
		status, result = http.StatusAccepted, Mirror[Approval](*v.Request)
	}
	text, err := json.Marshal(result)
	if err != nil {
		server.Fail(r.Context, err)
		return
	}
	r.Data(status, jsonType, text)
}
