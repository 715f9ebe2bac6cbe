package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

const adminScheme = "operatorToken"

const adminIntroduction = `What operators do in the console, for their programs: on the admin address, under /v1/admin, with the same rules for everybody.

Send an operator token (` + "`rko_…`" + `) or a client key of scope admin as ` + "`Authorization: Bearer TOKEN`" + `. A token has its operator's roles as they are now. ` +
	`Acts that need a fresh second factor need a token that its operator has freshened in the last five minutes; a client's key never is fresh.

An act that needs a second person answers 202 with the request. Somebody else approves it, and it is carried out then.

Every act compares and swaps: asked twice, the second one finds another state and is refused with 409. So whoever got no answer looks first, or asks again.

Requests are strict: names are exact, unknown and repeated fields are refused, times are whole seconds since 1970. Answers may gain fields. Refusals are RFC 9457 problems. GET changes nothing.`

var adminTags = []*huma.Tag{
	{Name: tagIncidents, Description: "What happened, and the notice about it."},
	{Name: tagCampaigns, Description: "The forced reset: draft, prepare, preview, activate, watch, end."},
	{Name: tagLockdown, Description: "Stop all logins and resets, and let them go on."},
	{Name: tagApprovals, Description: "The second person."},
	{Name: tagMembers, Description: "Help for one member: what happened, a fresh link, a spoken code."},
	{Name: tagPeople, Description: "Who the operators are."},
	{Name: tagKeys, Description: "Signing keys, and the programs that call."},
	{Name: tagRecords, Description: "What was done, and what is taken out."},
}

// describeAdmin makes the OpenAPI 3.1 document of the routes, and the schemas that their requests are held to.
func describeAdmin(routes []adminRoute, url, version string) ([]byte, schemas, error) {
	d := &describer{registry: huma.NewMapRegistry(refPrefix, schemaName), requests: schemas{}}
	d.OpenAPI = huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: "Rekey for operators", Version: version, Description: adminIntroduction},
		Servers: []*huma.Server{{URL: url}},
		Tags:    adminTags,
		Components: &huma.Components{Schemas: d.registry, Responses: map[string]*huma.Response{}, SecuritySchemes: map[string]*huma.SecurityScheme{
			adminScheme: {Type: "http", Scheme: "bearer", Description: "An operator token, made in the console, or a client key of scope admin."},
		}},
		Security: []map[string][]string{{adminScheme: {}}},
	}
	d.addErrors()
	d.addAdminErrors()
	d.requests[reflect.TypeFor[CampaignFilter]()] = nil // stands inside a request
	for _, rt := range routes {
		d.addRoute(rt)
	}
	for t := range d.requests {
		d.requests[t] = d.registry.Map()[schemaName(t, "")]
	}
	d.open()
	text, err := json.MarshalIndent(&d.OpenAPI, "", "  ")
	return append(text, '\n'), d.requests, err
}

func (d *describer) addRoute(rt adminRoute) {
	op := &huma.Operation{
		Method: rt.method, Path: rt.documented(), OperationID: rt.id, Tags: []string{rt.tag}, Summary: rt.summary,
		Description: strings.TrimSpace(rt.about + "\n\n" + ruleText(rt.act)),
		Responses:   map[string]*huma.Response{"200": {Description: rt.summary, Content: d.answers(rt)}},
	}
	if rt.waits {
		op.Responses["202"] = &huma.Response{Description: "It waits for a second person.", Content: d.bodyOf(jsonType, reflect.TypeFor[Approval]())}
	}
	for _, name := range rt.params() {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: paramTypes[name]}})
	}
	for _, p := range rt.query {
		op.Parameters = append(op.Parameters, &huma.Param{Name: p.name, In: "query", Description: p.about, Schema: &huma.Schema{Type: p.kind}})
	}
	if rt.request != nil {
		op.RequestBody = &huma.RequestBody{Content: d.bodyOf(jsonType, rt.request)}
		op.RequestBody.Content[jsonType].Example = rt.example
		op.RequestBody.Required = len(d.registry.Map()[schemaName(rt.request, "")].Required) > 0
		d.requests[rt.request] = nil
	}
	if rt.takes != "" {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{rt.takes: {Schema: &huma.Schema{Type: huma.TypeString}}}}
	}
	for _, status := range rt.statuses() {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + errorName(status)}
	}
	d.AddOperation(op)
}

// paramTypes are the types of what stands in paths.
var paramTypes = map[string]string{
	"id": huma.TypeInteger, "number": huma.TypeInteger, "slug": huma.TypeString, "name": huma.TypeString, "kid": huma.TypeString, "subject": huma.TypeString,
	"version": huma.TypeInteger, "index": huma.TypeInteger,
}

// ruleText says who may do it, from the one table of rules.
func ruleText(a operator.Act) string {
	rule, _ := operator.RuleOf(a)
	text := "Act `" + string(a) + "`: "
	if len(rule.Roles) == len(operator.AllRoles()) {
		text += "every role."
	} else {
		text += "role " + strings.Join(rule.Roles.Names(), " or ") + "."
	}
	if len(rule.Ask) > 0 {
		text += " Role " + strings.Join(rule.Ask.Names(), " or ") + " may ask for it."
	}
	if rule.Fresh {
		text += " Needs a fresh second factor."
	}
	if rule.Second {
		text += " Needs a second person, where it touches more accounts than REKEY_SECOND_PERSON_ABOVE."
	}
	return text
}

func (d *describer) answers(rt adminRoute) map[string]*huma.MediaType {
	if rt.answer != nil {
		return d.bodyOf(jsonType, rt.answer)
	}
	content := map[string]*huma.MediaType{}
	for _, mediaType := range rt.gives {
		content[mediaType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return content
}

func (d *describer) bodyOf(mediaType string, t reflect.Type) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{mediaType: {Schema: d.registry.Schema(t, true, "")}}
}

// statuses are the refusals of a route.
func (rt adminRoute) statuses() []int {
	list := slices.Clone(readErrors)
	if len(rt.params()) > 0 {
		list = append(list, http.StatusNotFound)
	}
	if rt.request != nil || rt.takes != "" {
		list = append(list, http.StatusRequestEntityTooLarge)
	}
	return append(list, http.StatusConflict, http.StatusUnprocessableEntity)
}

// adminErrors are the refusals that calls of login services do not have.
var adminErrors = map[int]struct{ name, about string }{
	http.StatusForbidden: {"Forbidden", "`code` says why: `role` (another role is needed), `fresh` (freshen the token first), `second_person` (somebody else has to approve), `person` (programs cannot ask)."},
	http.StatusNotFound:  {"NotFound", "The thing named does not exist."},
	http.StatusConflict:  {"Conflict", "The state is not the one the act needs, `code` says which: nothing was done."},
}

func errorName(status int) string {
	if e, ok := adminErrors[status]; ok {
		return e.name
	}
	return errorAnswers[status].name
}

func (d *describer) addAdminErrors() {
	details := d.registry.Schema(reflect.TypeFor[problem.Details](), true, "")
	for _, e := range adminErrors {
		d.Components.Responses[e.name] = &huma.Response{Description: e.about, Content: map[string]*huma.MediaType{problem.ContentType: {Schema: details}}}
	}
	d.Components.Responses[errorAnswers[http.StatusUnauthorized].name].Description = "No token or key, or one that is unknown, expired or revoked."
	d.Components.Responses[errorAnswers[http.StatusServiceUnavailable].name].Description = "A part is down. Nothing was done. Try again after Retry-After."
}

// description serves the document.
func (a *Admin) description(c *gin.Context) { c.Data(http.StatusOK, jsonType, a.openapi) }
