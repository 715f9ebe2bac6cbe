package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What readPlain takes, the strict way takes and reads alike; what nearly everybody sends, it takes.
func TestPlainGateRequest(t *testing.T) {
	t.Parallel()
	_, requests, err := describe("https://reset.example.org", "test")
	if err != nil {
		t.Fatal(err)
	}
	schema := requests[reflect.TypeFor[GateRequest]()]
	strict := func(text []byte) (r GateRequest, ok bool) {
		if requests.check(schema, text) != nil {
			return r, false
		}
		return r, json.Unmarshal(text, &r) == nil
	}
	compare := func(t interface{ Fatalf(string, ...any) }, text string) (plain bool) {
		var got GateRequest
		plain = got.readPlain([]byte(text))
		want, ok := strict([]byte(text))
		if !plain {
			want = GateRequest{}
		}
		if diff := cmp.Diff(want, got); diff != "" || (plain && !ok) {
			t.Fatalf("%q: plain %v, strictly %v (-strict +plain):\n%s", text, plain, ok, diff)
		}
		return plain
	}
	for text, plain := range map[string]bool{
		`{"subject":"u-1042"}`: true, `{"subject": "u 1042"}`: true,
		`{"subject":"u","session_issued_at":0}`: true, `{"subject": "u", "session_issued_at": 1308297601}`: true,
		`{"subject":"u","session_issued_at":253402300799}`: true, `{"subject":"u","session_issued_at":253402300800}`: false,
		`{"subject":"u","session_issued_at":01}`: false, `{"subject":"u","session_issued_at":}`: false, `{"subject":"u","session_issued_at":-1}`: false,
		`{"subject":"","session_issued_at":1}`: false, `{"subject":"u\u0041"}`: false, "{\"subject\":\"u\x00\"}": false, `{"subject":"é"}`: false,
		`{"subject":"u"}}`: false, `{"subject":"u"} `: false, `{"subject":"u",}`: false, `{"subject":"u","subject":"v"}`: false, `{"subject"`: false, ``: false,
		`{"subject":"` + strings.Repeat("u", maxSubject) + `"}`: true, `{"subject":"` + strings.Repeat("u", maxSubject+1) + `"}`: false,
	} {
		if got := compare(t, text); got != plain {
			t.Errorf("%q: read plainly %v, want %v", text, got, plain)
		}
	}
	parts := []string{`{`, `}`, `"subject"`, `"session_issued_at"`, `:`, `,`, ` `, `"u"`, `"u-1"`, `"`, `\"`, `1`, `0`, `253402300799`, `-`, `.5`, `null`, "\x00", "é",
		`{"subject":"u"`, `{"subject":"u","session_issued_at":`}
	rapid.Check(t, func(r *rapid.T) {
		compare(r, strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 9).Draw(r, "parts"), ""))
	})
	if *schema.Properties["subject"].MaxLength != maxSubject || *schema.Properties["session_issued_at"].Maximum != maxIssuedAt {
		t.Error("the schema has other bounds")
	}
}
