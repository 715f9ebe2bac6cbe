package account

import (
	"encoding/json"
	"strings"
)

// ndjsonReader reads one JSON object a line, with the field names of the CSV columns. A value is a text or null, a time also a
// whole number of seconds. A field that is not there leaves what is stored as it is; null and "" clear it.
type ndjsonReader struct{ lines *lineReader }

func (n *ndjsonReader) next() (*record, error) {
	l, err := n.lines.next()
	if err != nil {
		return nil, err
	}
	if l.long {
		return nil, &refusal{line: l.no, reason: recordTooLong}
	}
	rec := &record{line: l.no}
	if r := rec.decode(l.text); r != fine {
		return nil, &refusal{line: l.no, subject: rec.fields[colSubject], reason: r}
	}
	return rec, nil
}

// decode goes token by token: encoding/json's own decoding of objects takes the last of two equal keys, and keys in any case.
func (rec *record) decode(text string) reason {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return notAnObject
	}
	for d.More() {
		if r := rec.decodeField(d); r != fine {
			return r
		}
	}
	if _, err := d.Token(); err != nil {
		return notAnObject
	}
	if strings.TrimSpace(text[d.InputOffset():]) != "" {
		return notAnObject
	}
	return fine
}

func (rec *record) decodeField(d *json.Decoder) reason {
	key, err := d.Token()
	if err != nil {
		return notAnObject
	}
	column := -1
	for i, name := range columnNames {
		if key == name {
			column = i
		}
	}
	if column < 0 {
		return unknownField
	}
	if rec.has[column] {
		return fieldTwice
	}
	rec.has[column] = true
	value, err := d.Token()
	if err != nil {
		return notAnObject
	}
	switch v := value.(type) {
	case nil:
	case string:
		rec.fields[column] = v
	case json.Number:
		if column != colPasswordSetAt && column != colCreatedAt {
			return wrongType
		}
		rec.fields[column] = v.String()
	default:
		return wrongType
	}
	return fine
}
