package delivery

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// form is a campaign mail as it goes over the wire, but for what differs between members. The encoding of a mail is laid out by the lengths
// of what stands in it, so a form serves all values of the same lengths that need no escaping; its lines are then as long as they must be.
type form struct{ pieces []piece }

// piece is text and a part of a value behind it.
type piece struct {
	text     []byte
	value    int // one of the values below; none: the end
	from, to int // part of the value
}

// The values of a form, in the order of formValues.
const (
	valueSubject = iota
	valueToken
	valueCode
	valueTo
	valueDate
	valueID
	valueEnd
)

type formValues [valueEnd]string

// maxForms bounds the memory, at some 6 kB each.
const maxForms = 512

// What stands for the values of the header while a form is made.
const gapTo = "gap-for-the-recipient@gap.invalid"

var gapDate = time.Unix(0, 0).UTC()

// longestTo is as long as an address may be that surely stands in a line of its own.
const longestTo = 60

// formFor gives the form of mails that say r, with values of these lengths; nil if they must be encoded one by one.
func (c *Composer) formFor(key string, r rendered, v formValues) (*form, error) {
	for _, value := range v[:valueTo] {
		key += "\x00" + strconv.Itoa(len(value))
	}
	c.repeats.mu.Lock()
	f, ok := c.repeats.forms[key]
	c.repeats.mu.Unlock()
	if ok {
		return f, nil
	}
	f, err := c.makeForm(r, v)
	if err != nil {
		return nil, err
	}
	c.repeats.mu.Lock()
	defer c.repeats.mu.Unlock()
	if c.repeats.forms == nil || len(c.repeats.forms) >= maxForms {
		c.repeats.forms = map[string]*form{}
	}
	c.repeats.forms[key] = f
	return f, nil
}

// makeForm encodes the mail with one letter in all gaps, and again with another in the gaps of one value: where the two differ that value stands.
func (c *Composer) makeForm(r rendered, v formValues) (*form, error) {
	boundary := c.boundary
	if boundary == "" {
		boundary = rand26() + rand26()
	}
	id := strings.Repeat("g", len(v[valueID])-len(c.idDomain)-1) + "@" + c.idDomain
	encode := func(other int) ([]byte, error) {
		var gaps [valueTo]string
		for i := range gaps {
			letter := "A"
			if i == other {
				letter = "B"
			}
			gaps[i] = strings.Repeat(letter, len(v[i]))
		}
		return c.encode(r.fill(gaps[valueSubject], gaps[valueToken], gaps[valueCode]), gapTo, id, gapDate, boundary)
	}
	plain, err := encode(valueEnd)
	if err != nil {
		return nil, err
	}
	owner := bytes.Repeat([]byte{valueEnd}, len(plain))
	for value := range valueTo {
		marked, err := encode(value)
		if err != nil || len(marked) != len(plain) {
			return nil, err
		}
		for i := range plain {
			if plain[i] != marked[i] {
				owner[i] = byte(value)
			}
		}
	}
	if !own(plain, owner, valueTo, "\r\nTo: <", gapTo) || !own(plain, owner, valueID, "\r\nMessage-ID: <", id) ||
		!own(plain, owner, valueDate, "Date: ", gapDate.Format(time.RFC1123Z)) {
		return nil, nil //nolint:nilnil // a folded line: there is no form, and nothing is wrong
	}
	return cut(plain, owner, v), nil
}

// own marks text as a value's, where it stands behind its header's name.
func own(data, owner []byte, value int, name, text string) bool {
	at := bytes.Index(data, []byte(name+text+"\r\n"))
	if at < 0 {
		at = bytes.Index(data, []byte(name+text+">\r\n"))
	}
	for i := range text {
		if at >= 0 {
			owner[at+len(name)+i] = byte(value)
		}
	}
	return at >= 0
}

// cut makes pieces of an encoded mail. owner tells which value each of its bytes belongs to; a value may stand there many times, and
// broken over lines.
func cut(data, owner []byte, v formValues) *form {
	f := &form{}
	var given [valueEnd]int // of each value, since it began
	for i := 0; i < len(data); {
		start := i
		for i < len(data) && owner[i] == valueEnd {
			i++
		}
		p := piece{text: data[start:i], value: valueEnd}
		if i < len(data) {
			start, p.value = i, int(owner[i])
			p.from = given[p.value]
			for i < len(data) && int(owner[i]) == p.value && (p.value >= valueTo || p.from+i-start < len(v[p.value])) {
				i++
			}
			p.to = p.from + i - start
			if given[p.value] = p.to; p.to == len(v[p.value]) {
				given[p.value] = 0
			}
		}
		f.pieces = append(f.pieces, p)
	}
	return f
}

// write fills the values in.
func (f *form) write(v *formValues) []byte {
	n := 0
	for _, p := range f.pieces {
		n += len(p.text) + len(p.of(v))
	}
	data := make([]byte, 0, n)
	for _, p := range f.pieces {
		data = append(append(data, p.text...), p.of(v)...)
	}
	return data
}

// of is the part of its value that stands behind the text.
func (p piece) of(v *formValues) string {
	switch {
	case p.value == valueEnd:
		return ""
	case p.value >= valueTo: // in a line of its own, whole and of any length
		return v[p.value]
	}
	return v[p.value][p.from:p.to]
}
