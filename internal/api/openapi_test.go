package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/token"
)

var update = flag.Bool("update", false, "write docs/openapi.json instead of comparing with it")

// document is the description as it is served, read as anybody would.
type document map[string]any

func served(t *testing.T, s *site) document {
	t.Helper()
	w := send(s.engine, "GET", "/openapi.json", "", "")
	golden := filepath.Join("..", "..", "docs", "openapi.json")
	if *update {
		if err := os.WriteFile(golden, w.Body.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, w.Body.Bytes()) {
		t.Errorf("docs/openapi.json is not what is served; go test ./internal/api -update writes it:\n%s", cmp.Diff(string(want), w.Body.String()))
	}
	return read[document](t, w)
}

// at follows keys from the root, and references on the way.
func (d document) at(t *testing.T, v any, keys ...string) any {
	t.Helper()
	for _, key := range keys {
		v = d.resolve(t, v)[key]
		if v == nil {
			t.Fatalf("no %s in %v", key, keys)
		}
	}
	return v
}

func (d document) resolve(t *testing.T, v any) map[string]any {
	t.Helper()
	m, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("%v is no object", v)
	}
	ref, ok := m["$ref"].(string)
	if !ok {
		return m
	}
	return d.resolve(t, d.at(t, map[string]any(d), strings.Split(strings.TrimPrefix(ref, "#/"), "/")...))
}

// faults says where a value breaks a schema. Fields that are not described are faults, whatever the schema allows to come later;
// a keyword that is not known here is one too, so that nothing goes unchecked.
func (d document) faults(t *testing.T, schema, v any, path string) (found []string) {
	t.Helper()
	s := d.resolve(t, schema)
	add := func(format string, args ...any) { found = append(found, path+": "+fmt.Sprintf(format, args...)) }
	for keyword, arg := range s {
		switch keyword {
		case "type":
			if got := typeOf(v); got != arg {
				add("is %s, not %v", got, arg)
			}
		case "enum":
			if !slices.Contains(arg.([]any), v) {
				add("%v is none of %v", v, arg)
			}
		case "oneOf":
			fits := 0
			for _, one := range arg.([]any) {
				if len(d.faults(t, one, v, path)) == 0 {
					fits++
				}
			}
			if fits != 1 {
				add("%v fits %d of the schemas", v, fits)
			}
		case "items":
			list, _ := v.([]any)
			for i, item := range list {
				found = append(found, d.faults(t, arg, item, fmt.Sprintf("%s[%d]", path, i))...)
			}
		case "properties":
			members, _ := v.(map[string]any)
			for name, member := range members {
				if p, ok := arg.(map[string]any)[name]; ok {
					found = append(found, d.faults(t, p, member, path+"."+name)...)
				} else {
					add("%s is not described", name)
				}
			}
		case "required":
			members, _ := v.(map[string]any)
			for _, name := range arg.([]any) {
				if _, ok := members[name.(string)]; !ok {
					add("%s is missing", name)
				}
			}
		case "minimum":
			if n, ok := v.(float64); ok && n < arg.(float64) {
				add("%v is under %v", n, arg)
			}
		case "maximum":
			if n, ok := v.(float64); ok && n > arg.(float64) {
				add("%v is over %v", n, arg)
			}
		case "description", "format", "additionalProperties", "minLength", "maxLength", "minItems", "maxItems":
		default:
			add("unknown keyword %s", keyword)
		}
	}
	return found
}

func typeOf(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "null or fraction"
}

// answered makes the fakes give each kind of answer there is, one after the other.
func (s *site) answered(each func()) {
	at := time.Unix(1308297601, 0)
	for _, result := range []string{account.ResultOK, account.ResultResetRequired, account.ResultInvalid, account.ResultLocked} {
		s.verdict = account.Verdict{Result: result, Subject: "u", Version: 1, AuthenticatedAt: 2, Incident: "june", ResetURL: publicURL + "/forgot"}
		each()
	}
	s.token = reset.Introspection{Active: true, Subject: "u", Claims: token.Claims{Campaign: 7, ID: "j", IssuedAt: at, ExpiresAt: at}}
	s.profile = account.Profile{Subject: "u", State: account.StateDead, ID: 1, Email: "a@b", Locale: "en", CreatedAt: &at, DeletedAt: &at, PasswordScheme: "bcrypt",
		PasswordSetAt: &at, PasswordSource: account.SourceRekey, Version: 1, DisabledAt: &at, NotBefore: &at, Epoch: 1, KilledBy: 1, Incident: "june", CoveredBy: 7}
	s.change = account.Change{Outcome: account.Inserted, Kept: true, Revived: true, Version: 1, Warnings: []account.Warning{{Field: "f", Code: "c", Reason: "r"}}}
	each()
	s.profile = account.Profile{Subject: "u", State: account.StateUnknown}
	s.change = account.Change{Outcome: account.Unknown}
	each()
}

// Each operation is called with each example of its description, and every answer is held to the schema that is described.
func TestOperationsKeepTheirWord(t *testing.T) {
	t.Parallel()
	s := open(t)
	d := served(t, s)
	for path, item := range d.at(t, map[string]any(d), "paths").(map[string]any) {
		for method, operation := range item.(map[string]any) {
			if path == "/openapi.json" {
				continue // its answer is checked by reading it
			}
			for name, r := range d.examples(t, strings.ToUpper(method), path, operation) {
				s.answered(func() {
					w := send(s.engine, r.Method, r.URL.String(), keyFor(d, operation), r.body, func(got *http.Request) { got.Header.Set("Content-Type", r.mediaType) })
					mediaType, schema := d.answerSchema(t, operation, "200")
					if w.Code != 200 || w.Header().Get("Content-Type") != mediaType {
						t.Errorf("%s %s with the example %s: %d %s %s", method, path, name, w.Code, w.Header().Get("Content-Type"), w.Body)
						return
					}
					for _, f := range d.faults(t, schema, read[any](t, w), "answer") {
						t.Errorf("%s %s with the example %s: %s", method, path, name, f)
					}
				})
			}
		}
	}
}

// example is one request of the description.
type example struct {
	Method, mediaType, body string
	URL                     *url.URL
}

func (d document) examples(t *testing.T, method, path string, operation any) map[string]example {
	t.Helper()
	u := &url.URL{Path: strings.ReplaceAll(path, "{subject}", "u")}
	op := d.resolve(t, operation)
	if op["requestBody"] == nil {
		return map[string]example{"none": {Method: method, URL: u}}
	}
	all := map[string]example{}
	for mediaType, content := range d.at(t, op, "requestBody", "content").(map[string]any) {
		for name, e := range d.at(t, content, "examples").(map[string]any) {
			value := d.at(t, e, "value")
			for _, f := range d.faults(t, d.at(t, content, "schema"), value, "request") {
				t.Errorf("%s %s: the example %s: %s", method, path, name, f)
			}
			all[name] = example{method, mediaType, encode(t, mediaType, value), u}
		}
	}
	return all
}

func encode(t *testing.T, mediaType string, value any) string {
	t.Helper()
	if mediaType == "application/x-www-form-urlencoded" {
		form := url.Values{}
		for k, v := range value.(map[string]any) {
			form.Set(k, v.(string))
		}
		return form.Encode()
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (d document) answerSchema(t *testing.T, operation any, status string) (mediaType string, schema any) {
	t.Helper()
	content := d.at(t, operation, "responses", status, "content").(map[string]any)
	for mediaType, m := range content {
		if len(content) == 1 {
			return mediaType, d.at(t, m, "schema")
		}
	}
	t.Fatalf("%d media types", len(content))
	return "", nil
}

// keyFor takes the scope from the words, as a reader would.
func keyFor(_ document, operation any) string {
	op := operation.(map[string]any)
	switch text, _ := op["description"].(string); {
	case op["security"] == nil:
		return ""
	case strings.Contains(text, "scope `import`"):
		return importKey
	}
	return loginKey
}

// The answers' examples fit their schemas too, and so does every refusal.
func TestExamplesAndRefusalsFit(t *testing.T) {
	t.Parallel()
	s := open(t)
	d := served(t, s)
	for path, item := range d.at(t, map[string]any(d), "paths").(map[string]any) {
		for method, operation := range item.(map[string]any) {
			mediaType, schema := d.answerSchema(t, operation, "200")
			for name, e := range d.at(t, operation, "responses", "200", "content", mediaType, "examples").(map[string]any) {
				for _, f := range d.faults(t, schema, d.at(t, e, "value"), name) {
					t.Errorf("%s %s: the example %s", method, path, f)
				}
			}
		}
	}
	for status, call := range map[string][3]string{"401": {"", `{"subject":"u"}`}, "403": {importKey, `{"subject":"u"}`}, "400": {loginKey, `{`}, "422": {loginKey, `{"subject":""}`}} {
		w := send(s.engine, "POST", "/v1/gate", call[0], call[1])
		mediaType, schema := d.answerSchema(t, d.at(t, map[string]any(d), "paths", "/v1/gate", "post"), status)
		if fmt.Sprint(w.Code) != status || w.Header().Get("Content-Type") != mediaType || mediaType != problem.ContentType {
			t.Errorf("%s: %d %v", status, w.Code, w.Header())
		}
		for _, f := range d.faults(t, schema, read[any](t, w), status) {
			t.Error(f)
		}
	}
}

// Every route is described, and nothing else is.
func TestRoutesAndDescriptionAreTheSame(t *testing.T) {
	t.Parallel()
	s := open(t)
	d := served(t, s)
	routed, described := map[string]bool{}, map[string]bool{}
	for _, r := range s.engine.Routes() {
		if r.Method != "HEAD" {
			routed[r.Method+" "+strings.Replace(r.Path, "/*subject", "/{subject}", 1)] = true
		}
	}
	for path, item := range d.at(t, map[string]any(d), "paths").(map[string]any) {
		for method := range item.(map[string]any) {
			described[strings.ToUpper(method)+" "+path] = true
		}
	}
	routed["PUT /v1/accounts/{subject}/password"] = true // shares the pattern of the account; TestSubjectInPath calls it
	if diff := cmp.Diff(slices.Sorted(maps.Keys(routed)), slices.Sorted(maps.Keys(described))); diff != "" {
		t.Errorf("routes (-) and description (+):\n%s", diff)
	}
}

// What a developer needs to know is there: words on every operation and field of theirs, the key, the statuses of the design and no other.
func TestDescriptionIsWhole(t *testing.T) {
	t.Parallel()
	d := served(t, open(t))
	if d["openapi"] != "3.1.0" {
		t.Errorf("OpenAPI %v", d["openapi"])
	}
	allowed := regexp.MustCompile(`^(200|400|401|403|413|422|429|503)$`)
	for path, item := range d.at(t, map[string]any(d), "paths").(map[string]any) {
		for method, operation := range item.(map[string]any) {
			op := operation.(map[string]any)
			if op["summary"] == nil || len(fmt.Sprint(op["description"])) < 40 || op["operationId"] == nil {
				t.Errorf("%s %s is not explained", method, path)
			}
			if (op["security"] != nil) != strings.HasPrefix(path, "/v1/") {
				t.Errorf("%s %s: security %v", method, path, op["security"])
			}
			for status := range d.at(t, op, "responses").(map[string]any) {
				if !allowed.MatchString(status) {
					t.Errorf("%s %s: status %s", method, path, status)
				}
			}
		}
	}
	for name, schema := range d.at(t, map[string]any(d), "components", "schemas").(map[string]any) {
		isRequest := strings.HasSuffix(name, "Request")
		s := schema.(map[string]any)
		if closed := s["additionalProperties"] == false; closed != isRequest {
			t.Errorf("%s: closed %v", name, closed)
		}
		for field, p := range d.at(t, s, "properties").(map[string]any) {
			if isRequest && p.(map[string]any)["description"] == nil {
				t.Errorf("%s.%s has no words", name, field)
			}
		}
	}
}
