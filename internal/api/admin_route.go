package api

import (
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// adminRoute is a route with all that is said of it, so that what is served and what is described cannot part.
type adminRoute struct {
	method, path string // below adminPrefix, as Gin writes it
	act          operator.Act
	doc
	query   []param
	request reflect.Type // of the JSON body; nil: none
	answer  reflect.Type // of the JSON answer; nil: see gives
	waits   bool         // it may wait for a second person: 202
	takes   string       // media type of a body that is read as it comes
	gives   []string     // media types of an answer that is written as it comes
	serve   func(*asked) (any, error)
}

// doc is what the description says of a route.
type doc struct {
	id, tag, summary, about string
	example                 any // of the request, of its type; nil: none
}

// param is a parameter of the query string, of a type that JSON Schema names.
type param struct{ name, kind, about string }

// Bounds of bodies. A notice has 64 KiB, which escapes may make six times that.
const (
	maxAdmin = 1 << 20
	maxList  = 512 << 20 // ten million addresses
)

func (rt adminRoute) bodyLimit() int64 {
	if rt.takes != "" {
		return maxList
	}
	return maxAdmin
}

func (rt adminRoute) time() time.Duration {
	if rt.takes != "" || len(rt.gives) > 0 {
		return streamTime
	}
	return callTime
}

var ginParam = regexp.MustCompile(`[:*]([a-z]+)`)

// documented is the path as OpenAPI writes it.
func (rt adminRoute) documented() string {
	return adminPrefix + ginParam.ReplaceAllString(rt.path, "{$1}")
}

// params are the names in the path.
func (rt adminRoute) params() []string {
	var names []string
	for _, m := range ginParam.FindAllStringSubmatch(rt.path, -1) {
		names = append(names, strings.TrimSpace(m[1]))
	}
	return names
}

// reads is a route that looks at something.
func reads[Answer any](path string, act operator.Act, d doc, do func(*asked) (Answer, error), query ...param) adminRoute {
	return adminRoute{method: get, path: path, act: act, doc: d, query: query, answer: reflect.TypeFor[Answer](),
		serve: func(r *asked) (any, error) { return do(r) }}
}

// acting is a route with a JSON body and a JSON answer, without its handler.
func acting[Request, Answer any](method, path string, act operator.Act, d doc) adminRoute {
	return adminRoute{method: method, path: path, act: act, doc: d, request: reflect.TypeFor[Request](), answer: reflect.TypeFor[Answer]()}
}

// does is a route that acts.
func does[Request, Answer any](method, path string, act operator.Act, d doc, do func(*asked, Request) (Answer, error)) adminRoute {
	rt := acting[Request, Answer](method, path, act, d)
	rt.serve = func(r *asked) (any, error) { return do(r, r.body.(Request)) }
	return rt
}

// waits is a route whose act may wait for a second person.
func waits[Request, Answer any](method, path string, act operator.Act, d doc, do func(*asked, Request) (Answer, *approval.Request, error)) adminRoute {
	rt := acting[Request, Answer](method, path, act, d)
	rt.waits = true
	rt.serve = func(r *asked) (any, error) {
		answer, pending, err := do(r, r.body.(Request))
		if err == nil && pending != nil {
			return waiting{pending}, nil
		}
		return answer, err
	}
	return rt
}

// streams is a route whose answer is written as it comes.
func streams(path string, act operator.Act, d doc, gives []string, do func(*asked) error, query ...param) adminRoute {
	return adminRoute{method: get, path: path, act: act, doc: d, query: query, gives: gives,
		serve: func(r *asked) (any, error) { return written{}, do(r) }}
}
