package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/problem"
)

const refPrefix = "#/components/schemas/"

// operation is one call as it is described. Schemas come from the types of the examples, so a call cannot be described by
// anything but what its handler takes and gives.
type operation struct {
	method, path, id, tag string
	summary, about        string
	scope                 string // "": public
	request               []sample
	requestType           string // of the request's body; JSON if empty
	answers               []sample
	answerType            string // of the answer's body; JSON if empty
	cached                string // Cache-Control of the answer, where it may be kept
	errors                []int
}

// sample is an example of a body.
type sample struct {
	name, summary string
	value         any
}

// schemaName is the type's, in the components.
func schemaName(t reflect.Type, hint string) string {
	if t == reflect.TypeFor[problem.Details]() {
		return "Problem"
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// describer builds the description.
type describer struct {
	huma.OpenAPI
	registry huma.Registry
	requests schemas
}

// describe makes the OpenAPI 3.1 document and the schemas that requests are held to.
func describe(publicURL, version string) ([]byte, schemas, error) {
	d := &describer{registry: huma.NewMapRegistry(refPrefix, schemaName), requests: schemas{}}
	d.OpenAPI = huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: "Rekey for login services", Version: version, Description: introduction},
		Servers: []*huma.Server{{URL: publicURL}},
		Tags:    tags,
		Components: &huma.Components{Schemas: d.registry, Responses: map[string]*huma.Response{}, SecuritySchemes: map[string]*huma.SecurityScheme{
			keyScheme: {Type: "http", Scheme: "bearer", Description: "A client key, made by `rekey client create NAME --scope SCOPE` and shown once. Each call names the scope it needs."},
		}},
	}
	d.addErrors()
	for _, o := range operations {
		d.add(o)
	}
	for t := range d.requests {
		d.requests[t] = d.registry.Map()[schemaName(t, "")]
	}
	d.open()
	text, err := json.MarshalIndent(&d.OpenAPI, "", "  ")
	return append(text, '\n'), d.requests, err
}

const keyScheme = "clientKey"

// open lets answers grow: only requests are closed to fields that are not described.
func (d *describer) open() {
	closed := map[*huma.Schema]bool{}
	for _, s := range d.requests {
		closed[s] = true
	}
	for _, s := range d.registry.Map() {
		if !closed[s] {
			s.AdditionalProperties = nil
		}
	}
}

func (d *describer) add(o operation) {
	op := &huma.Operation{
		Method: o.method, Path: o.path, OperationID: o.id, Tags: []string{o.tag}, Summary: o.summary, Description: o.about,
		Responses: map[string]*huma.Response{"200": d.answer(o)},
	}
	if o.scope != "" {
		op.Description += "\n\nNeeds a key of scope `" + o.scope + "`."
		op.Security = []map[string][]string{{keyScheme: {}}}
	}
	if o.request != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: d.content(o.requestType, o.request)}
		if o.requestType == "" {
			d.requests[reflect.TypeOf(o.request[0].value)] = nil
		}
	}
	for _, status := range o.errors {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + errorAnswers[status].name}
	}
	if o.tag == tagAccounts {
		op.Parameters = []*huma.Param{{Name: "subject", In: "path", Required: true, Example: "u-1042", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "Your own id of the account, percent-encoded: a slash is %2F."}}
	}
	d.AddOperation(op)
}

func (d *describer) answer(o operation) *huma.Response {
	r := &huma.Response{Description: o.summary, Content: d.content(o.answerType, o.answers)}
	if o.cached != "" {
		r.Headers = map[string]*huma.Header{"Cache-Control": {Description: o.cached, Schema: &huma.Schema{Type: huma.TypeString}}}
	}
	return r
}

// content is a body that is one of the examples' types.
func (d *describer) content(mediaType string, samples []sample) map[string]*huma.MediaType {
	if mediaType == "" {
		mediaType = jsonType
	}
	m := &huma.MediaType{Examples: map[string]*huma.Example{}}
	var types []reflect.Type
	var refs []*huma.Schema
	for _, s := range samples {
		t := reflect.TypeOf(s.value)
		m.Examples[s.name] = &huma.Example{Summary: s.summary, Value: s.value}
		if !slices.Contains(types, t) {
			types, refs = append(types, t), append(refs, d.registry.Schema(t, true, ""))
		}
	}
	m.Schema = refs[0]
	if len(refs) > 1 {
		m.Schema = &huma.Schema{OneOf: refs}
	}
	return map[string]*huma.MediaType{mediaType: m}
}

// errorAnswers are the refusals, the same for every call.
var errorAnswers = map[int]struct{ name, about string }{
	http.StatusBadRequest: {"BadRequest", "The request cannot be read: not JSON, a field that is unknown, twice there, missing or of a wrong type, a query string, another Content-Type. " +
		"`code` says which and `detail` where; values that were sent are never repeated."},
	http.StatusUnauthorized:          {"Unauthorized", "No key, or one that is unknown or revoked."},
	http.StatusForbidden:             {"Forbidden", "The key is good, but its scope does not cover the call."},
	http.StatusRequestEntityTooLarge: {"TooLarge", "The body is over the call's limit."},
	http.StatusUnprocessableEntity:   {"Unprocessable", "The request can be read, and a rule refuses it: a length, a count, a range, or a dead password that would live again."},
	http.StatusTooManyRequests:       {"TooManyRequests", "Over a rate limit. Try again after Retry-After, not before."},
	http.StatusServiceUnavailable:    {"Unavailable", "The database is away or hashing is full. Try again after Retry-After. Until then nobody's password or session is known to be good: fail closed."},
}

func (d *describer) addErrors() {
	details := d.registry.Schema(reflect.TypeFor[problem.Details](), true, "")
	for status, e := range errorAnswers {
		r := &huma.Response{Description: e.about, Content: map[string]*huma.MediaType{problem.ContentType: {Schema: details}}}
		number := &huma.Schema{Type: huma.TypeInteger}
		switch status {
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			r.Headers = map[string]*huma.Header{"Retry-After": {Description: "Seconds to wait.", Schema: number}}
		case http.StatusUnauthorized:
			r.Headers = map[string]*huma.Header{"WWW-Authenticate": {Description: "Bearer.", Schema: &huma.Schema{Type: huma.TypeString}}}
		}
		d.Components.Responses[e.name] = r
	}
}

const (
	tagLogin    = "login"
	tagAccounts = "accounts"
	tagPublic   = "public"
)

var tags = []*huma.Tag{
	{Name: tagLogin, Description: "Passwords, sessions and tokens."},
	{Name: tagAccounts, Description: "Keep Rekey current: sign-ups, voluntary changes, deletions. The rules are those of an import: nothing here moves a credential backwards."},
	{Name: tagPublic, Description: "What anybody may read."},
}

const introduction = `Rekey knows which passwords, sessions and reset tokens are dead after a breach, and can check passwords for you.

Every request is strict: field names are exact, unknown fields and repeated ones are refused, times are whole seconds since 1970, and no call takes a query string. ` +
	`Answers may gain fields; ignore those you do not know. Refusals are RFC 9457 problems. An account that does not exist is an answer, never a 404.

When no answer comes, or a 503, treat it as dead: let nobody in on an answer you did not get.`

var (
	readErrors  = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable}
	writeErrors = append([]int{http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}, readErrors...)
	formErrors  = append([]int{http.StatusRequestEntityTooLarge}, readErrors...)
	openErrors  = []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}
)

const (
	loginScope  = client.ScopeLogin
	importScope = client.ScopeImport
)
