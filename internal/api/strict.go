package api

import (
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// schemas are those of the requests, by type. The description shows the same ones, so what is documented is what is enforced.
type schemas map[reflect.Type]*huma.Schema

// Codes of refused bodies, in the problem's code.
const (
	codeSyntax    = "not_json"
	codeUnknown   = "unknown_field"
	codeDuplicate = "duplicate_field"
	codeMissing   = "missing_field"
	codeType      = "wrong_type"
	codeText      = "bad_text"     // half a surrogate pair, or U+0000
	codeRange     = "out_of_range" // the one that is 422
)

var errNotJSON = &problem.Error{Kind: problem.Invalid, Code: codeSyntax, Text: "The body is not one JSON object in UTF-8."}

// check holds a body to its schema, and to one meaning: Go's decoder takes names in any case, the last of two, null for anything and
// broken text, where the next parser on the way may see something else (RFC 8259 §4, §8.1). Nothing of the body is in the error.
func (s schemas) check(schema *huma.Schema, text []byte) error {
	if !utf8.Valid(text) {
		return errNotJSON
	}
	if !wholeEscapes(text) {
		return refuse(codeText, "", "holds half of a surrogate pair")
	}
	w := walk{json.NewDecoder(bytes.NewReader(text)), s}
	w.decoder.UseNumber()
	if err := w.value(schema, ""); err != nil {
		return err
	}
	if _, err := w.decoder.Token(); err != io.EOF {
		return errNotJSON
	}
	return nil
}

// walk reads a body token by token beside its schema. It goes no deeper than the schema does: whatever opens where nothing may is refused there.
type walk struct {
	decoder *json.Decoder
	schemas schemas
}

func (w walk) value(schema *huma.Schema, path string) error {
	if schema.Ref != "" {
		schema = w.schemas.resolve(schema)
	}
	token, err := w.decoder.Token()
	if err != nil {
		return errNotJSON
	}
	switch v := token.(type) {
	case json.Delim:
		return w.nested(v, schema, path)
	case string:
		return checkText(schema, path, v)
	case json.Number:
		return checkNumber(schema, path, v)
	case bool:
		return expect(huma.TypeBoolean, schema, path)
	}
	return expect("null", schema, path)
}

func (w walk) nested(open json.Delim, schema *huma.Schema, path string) error {
	switch open {
	case '{':
		if err := expect(huma.TypeObject, schema, path); err != nil {
			return err
		}
		return w.object(schema, path)
	case '[':
		if err := expect(huma.TypeArray, schema, path); err != nil {
			return err
		}
		return w.array(schema, path)
	}
	return errNotJSON
}

func (w walk) object(schema *huma.Schema, path string) error {
	seen := make([]string, 0, 8)
	for w.decoder.More() {
		token, err := w.decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return errNotJSON
		}
		member := schema.Properties[name]
		switch {
		case member == nil:
			return refuse(codeUnknown, path, "holds a field that is not known here")
		case slices.Contains(seen, name):
			return refuse(codeDuplicate, join(path, name), "stands there twice")
		}
		seen = append(seen, name)
		if err := w.value(member, join(path, name)); err != nil {
			return err
		}
	}
	if err := w.end(); err != nil {
		return err
	}
	for _, name := range schema.Required {
		if !slices.Contains(seen, name) {
			return refuse(codeMissing, join(path, name), "is missing")
		}
	}
	return nil
}

func (w walk) array(schema *huma.Schema, path string) error {
	items := w.schemas.resolve(schema.Items)
	n := 0
	for ; w.decoder.More(); n++ {
		if n == *schema.MaxItems {
			return outOfRange(path, "holds more than "+strconv.Itoa(n)+" entries")
		}
		if err := w.value(items, path+"["+strconv.Itoa(n)+"]"); err != nil {
			return err
		}
	}
	if n < *schema.MinItems {
		return outOfRange(path, "holds too few entries")
	}
	return w.end()
}

func (w walk) end() error {
	if _, err := w.decoder.Token(); err != nil {
		return errNotJSON
	}
	return nil
}

// resolve follows a reference to the schema of another request type.
func (s schemas) resolve(schema *huma.Schema) *huma.Schema {
	for t, known := range s {
		if schema.Ref == refPrefix+schemaName(t, "") {
			return known
		}
	}
	return schema
}

func checkText(schema *huma.Schema, path, v string) error {
	if err := expect(huma.TypeString, schema, path); err != nil {
		return err
	}
	length := utf8.RuneCountInString(v)
	switch {
	case strings.ContainsRune(v, 0):
		return refuse(codeText, path, "holds U+0000")
	case schema.MinLength != nil && length < *schema.MinLength:
		return outOfRange(path, "is too short")
	case schema.MaxLength != nil && length > *schema.MaxLength:
		return outOfRange(path, "has more than "+strconv.Itoa(*schema.MaxLength)+" characters")
	case schema.Format == "ip":
		if a, err := netip.ParseAddr(v); err != nil || a.Zone() != "" {
			return outOfRange(path, "is not an IP address")
		}
	}
	return nil
}

// checkNumber takes whole numbers written as such: 1.0 and 1e3 are read in more than one way.
func checkNumber(schema *huma.Schema, path string, v json.Number) error {
	if err := expect(huma.TypeInteger, schema, path); err != nil {
		return err
	}
	if strings.ContainsAny(v.String(), ".eE") {
		return refuse(codeType, path, "is not an integer")
	}
	n, err := v.Int64()
	if err != nil || float64(n) < *schema.Minimum || float64(n) > *schema.Maximum {
		return outOfRange(path, "is out of range")
	}
	return nil
}

var article = map[string]string{
	huma.TypeString: "a text", huma.TypeInteger: "an integer", huma.TypeBoolean: "true or false", huma.TypeArray: "a list", huma.TypeObject: "an object",
}

func expect(got string, schema *huma.Schema, path string) error {
	if got == schema.Type {
		return nil
	}
	return refuse(codeType, path, "is not "+article[schema.Type])
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func refuse(code, path, what string) error { return fault(problem.Invalid, code, path, what) }

func outOfRange(path, what string) error { return fault(problem.Unprocessable, codeRange, path, what) }

// fault names the place. A path is made of names in the schema and of positions, so nothing in it was sent.
func fault(kind problem.Kind, code, path, what string) error {
	if path == "" {
		path = "The body"
	}
	return &problem.Error{Kind: kind, Code: code, Text: path + " " + what + "."}
}

// wholeEscapes reports whether every \u escape of a surrogate is half of a pair. Go reads a lone one as U+FFFD, so that two different passwords would be one.
func wholeEscapes(text []byte) bool {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 || at+1 == len(text) {
			return true
		}
		text = text[at:]
		if text[1] != 'u' {
			text = text[2:]
			continue
		}
		r := escaped(text)
		if !utf16.IsSurrogate(r) {
			text = text[2:]
			continue
		}
		if len(text) < 12 || utf16.DecodeRune(r, escaped(text[6:])) == utf8.RuneError {
			return false
		}
		text = text[12:]
	}
}

// escaped is the code unit of a \uXXXX at the start of text, else -1: the decoder refuses what is none.
func escaped(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}
