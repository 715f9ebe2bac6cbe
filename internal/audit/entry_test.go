package audit_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/seed-1c168855/rekey/internal/audit"
)

var ann = audit.Actor{Kind: audit.KindOperator, Name: "ann"}

func TestRecordIsCanonical(t *testing.T) {
	t.Parallel()
	e := audit.New(ann, audit.CampaignActivate, "campaign/7", audit.Detail{
		"would_die": 1290775, "expect": uint16(7), "share": 0.25, "big": int64(1) << 60, "reason": "a <b> & c", "none": nil,
		"parts": []string{"x", "y"}, "left": 90 * time.Second,
	}).In("req-1")
	e.At = time.Date(2011, 6, 17, 12, 0, 0, 123456789, time.FixedZone("east", 3600))
	want := `{"v":1,"at":"2011-06-17T11:00:00.123456Z","actor":{"kind":"operator","name":"ann"},"action":"campaign.activate",` +
		`"object":"campaign/7","outcome":"done","detail":{"big":"1152921504606846976","expect":7,"left":90000000000,` +
		`"none":null,"parts":["x","y"],"reason":"a <b> & c","share":"0.25","would_die":1290775},"request_id":"req-1"}`
	if d := cmp.Diff(want, string(e.Record())); d != "" {
		t.Errorf("record (-want +got):\n%s", d)
	}
}

// stored is e as it comes back from a database: microseconds in another zone, and the detail decoded anew from re-indented
// text, once with float64 numbers and once as DecodeDetail does it.
func stored(t interface{ Fatal(...any) }, e audit.Entry, floats bool) audit.Entry {
	var text bytes.Buffer
	if err := json.Indent(&text, []byte(e.EncodeDetail()), "", "  "); err != nil {
		t.Fatal(err)
	}
	e.At = time.UnixMicro(e.At.UnixMicro()).In(time.FixedZone("west", -5*3600))
	var err error
	if floats {
		e.Detail = nil
		err = json.Unmarshal(text.Bytes(), &e.Detail)
	} else {
		e.Detail, err = audit.DecodeDetail(text.String())
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRecordSurvivesStorage(t *testing.T) {
	t.Parallel()
	values := rapid.Deferred(func() *rapid.Generator[any] {
		return rapid.OneOf(rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.String().AsAny(), rapid.Int64().AsAny(),
			rapid.Float64().AsAny(), rapid.SliceOfN(rapid.String(), 0, 3).AsAny(),
			rapid.MapOfN(rapid.String(), rapid.Int().AsAny(), 0, 3).AsAny())
	})
	rapid.Check(t, func(t *rapid.T) {
		e := audit.New(audit.Actor{Kind: audit.KindClient, Name: rapid.String().Draw(t, "name")}, audit.AccountPut,
			rapid.String().Draw(t, "object"), rapid.MapOfN(rapid.String(), values, 0, 5).Draw(t, "detail"))
		e.At = time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns"))
		want := string(e.Record())
		for _, floats := range []bool{false, true} {
			if d := cmp.Diff(want, string(stored(t, e, floats).Record())); d != "" {
				t.Fatalf("floats %v (-written +read back):\n%s", floats, d)
			}
		}
		if strings.ContainsAny(want, "\r\n\x00") || strings.Contains(want, `\u0000`) {
			t.Fatalf("record holds what Postgres refuses or a log viewer breaks at: %q", want)
		}
	})
}

func TestNoDetailIsEmptyDetail(t *testing.T) {
	t.Parallel()
	e := audit.New(ann, audit.LockdownOn, "lockdown", nil)
	bare := e
	bare.Detail = nil
	if !bytes.Equal(e.Record(), bare.Record()) || e.EncodeDetail() != "{}" {
		t.Errorf("%s and %s differ, detail %q", e.Record(), bare.Record(), e.EncodeDetail())
	}
	if d, err := audit.DecodeDetail(""); err != nil || len(d) != 0 {
		t.Errorf("DecodeDetail of nothing = %v, %v", d, err)
	}
	if _, err := audit.DecodeDetail("[1]"); err == nil {
		t.Error("DecodeDetail took a list for a detail")
	}
}

func TestRedaction(t *testing.T) {
	t.Parallel()
	const gone = "[redacted]"
	for _, c := range []struct {
		key         string
		value, want any
	}{
		{"password", "hunter2", gone},
		{"newPassword", "hunter2", gone},
		{"PASSWORD_HASH", "x", gone},
		{"reset-token", "x", gone},
		{"code", 123456, gone},
		{"apiKey", "x", gone},
		{"api_keys", []any{"x"}, gone},
		{"client.secret", map[string]any{"a": "x"}, gone},
		{"key_id", "2026-01", "2026-01"},
		{"keys_count", 3, int64(3)},
		{"hash_scheme", "bcrypt", "bcrypt"},
		{"password_set_at", "2011-06-17", "2011-06-17"},
		{"credential_version", 4, int64(4)},
		{"monkey", "ok", "ok"},
		{"decoded", 9, int64(9)},
		{"note", "see eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln end", "see " + gone + " end"},
		{"note", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", gone},
		{"note", "was $2y$10$abcdefghijklmnopqrstuv.", "was " + gone},
		{"note", "{SSHA}abcdef==", gone},
		{"note", "open https://x.example/reset#t=abc.def", "open https://x.example/reset" + gone},
		{"dial", "postgres://rekey:s3cret@db/rekey", "postgres" + gone + "db/rekey"},
		{"note", "typed 7K3M-92XQ-AB0Z today", "typed " + gone + " today"},
		{"note", "costs $5 and $6 each", "costs $5 and $6 each"},
		{"reason", "one\r\ntwo\x1b[31m\u2028\u202e\xff", "one��two�[31m���"},
		{"reason", strings.Repeat("é", 600), strings.Repeat("é", 499) + "…"},
		{"nested", map[string]any{"password": "x", "n": 1}, map[string]any{"password": gone, "n": int64(1)}},
		{"nested", []any{map[string]any{"token": "x"}}, []any{map[string]any{"token": gone}}},
		{"error", errors.New("reading a\nb"), "reading a�b"},
	} {
		got := audit.New(ann, audit.ActRefused, "", audit.Detail{c.key: c.value}).Detail[c.key]
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s = %v (-want +got):\n%s", c.key, c.value, d)
		}
	}
}

func TestDetailStaysSmall(t *testing.T) {
	t.Parallel()
	wide, deep := audit.Detail{}, audit.Detail{}
	for i := range 500 {
		wide[strings.Repeat("x", 10)+string(rune('a'+i%26))+string(rune(0x100+i))] = strings.Repeat("y", 10_000)
		deep = audit.Detail{"in": deep, "list": []any{deep}}
		if i > 10 {
			deep = audit.Detail{"in": audit.Detail{}}
		}
	}
	for name, d := range map[string]audit.Detail{"wide": wide, "deep": deep} {
		if n := len(audit.New(ann, audit.ActRefused, "", d).Record()); n > 64<<10 {
			t.Errorf("%s detail: a record of %d bytes", name, n)
		}
	}
	if got := audit.New(ann, audit.ActRefused, "", wide).Detail["omitted"]; got != int64(450) {
		t.Errorf("omitted = %v, want 450: what is left out is said", got)
	}
}

func TestEntryIsNotShared(t *testing.T) {
	t.Parallel()
	given := audit.Detail{"n": 1}
	e := audit.New(ann, audit.CampaignCancel, "campaign/1", given)
	given["n"] = 2
	refused := e.Refuse("not an approver").With("password", "x").In("r\n1")
	if d := cmp.Diff(audit.Detail{"n": int64(1)}, e.Detail); d != "" || e.Outcome != audit.Done {
		t.Errorf("a later change reached the first entry (-want +got):\n%s", d)
	}
	want := audit.Detail{"n": int64(1), "refused": "not an approver", "password": "[redacted]"}
	if d := cmp.Diff(want, refused.Detail); d != "" || refused.Outcome != audit.Refused || refused.RequestID != "r�1" {
		t.Errorf("refused = %+v (-want +got):\n%s", refused, d)
	}
}

func TestActionsAreNamedOnce(t *testing.T) {
	t.Parallel()
	seen := map[audit.Action]bool{}
	for _, a := range audit.Actions() {
		if seen[a] || !strings.Contains(string(a), ".") {
			t.Errorf("action %q is listed twice or is not noun.verb", a)
		}
		seen[a] = true
	}
}

func all(entries []audit.Entry) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func TestExports(t *testing.T) {
	t.Parallel()
	e := audit.New(audit.Actor{Kind: audit.KindOperator, Name: "=cmd|'/c calc'!A1"}, audit.CampaignCancel, "campaign/1", audit.Detail{"reason": `say "hi"; =1`})
	pending := e
	e.Index = new(int64)

	var nd bytes.Buffer
	if err := audit.WriteNDJSON(&nd, all([]audit.Entry{e, pending})); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(nd.String()), "\n")
	var first struct {
		Index  *int64
		Leaf   tlog.Hash
		Record json.RawMessage
	}
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil {
		t.Fatal(err)
	}
	if *first.Index != 0 || first.Leaf != tlog.RecordHash(first.Record) || !bytes.Equal(first.Record, e.Record()) {
		t.Errorf("line %s does not carry the record and its leaf", lines[0])
	}
	if len(lines) != 2 || !strings.HasPrefix(lines[1], `{"index":null,`) {
		t.Errorf("lines %q, want the second without an index", lines)
	}

	var table strings.Builder
	if err := audit.WriteCSV(&table, all([]audit.Entry{e})); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(table.String())).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][3] != "'=cmd|'/c calc'!A1" || rows[1][8] != `{"reason":"say \"hi\"; =1"}` {
		t.Errorf("rows %q, %v", rows, err)
	}

	broken := func(yield func(audit.Entry, error) bool) { yield(audit.Entry{}, errors.New("connection lost")) }
	if err := audit.WriteNDJSON(&nd, broken); err == nil {
		t.Error("WriteNDJSON hid that the log could not be read")
	}
	if err := audit.WriteCSV(&table, broken); err == nil {
		t.Error("WriteCSV hid that the log could not be read")
	}
}

// What the context knows of an act goes into its entry; what the entry says itself stays, and so does the context's own copy.
func TestUnderAContext(t *testing.T) {
	t.Parallel()
	outer := audit.WithDetail(audit.WithRequest(t.Context(), "req-1"), audit.Detail{"approval": 7, "password": "hunter2"})
	inner := audit.WithDetail(outer, audit.Detail{"asked_by": "bob", "expect": 1})
	e := audit.New(ann, audit.CampaignActivate, "campaign:7", audit.Detail{"expect": 25})

	got := e.Under(inner)
	if d := cmp.Diff(`{"approval":7,"asked_by":"bob","expect":25,"password":"[redacted]"}`, got.EncodeDetail()); d != "" || got.RequestID != "req-1" {
		t.Errorf("request %q, detail (-want +got):\n%s", got.RequestID, d)
	}
	if d := cmp.Diff(`{"approval":7,"expect":25,"password":"[redacted]"}`, e.Under(outer).EncodeDetail()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(`{"expect":25}`, e.Under(t.Context()).EncodeDetail()); d != "" {
		t.Error(d)
	}
}
