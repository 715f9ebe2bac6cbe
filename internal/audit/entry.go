// Package audit is the record of who did what: entries, redaction, and the Merkle log that seals them so that a later change shows.
// It touches no database; the use cases make entries, the store keeps them in the transaction of the act, and cmd verifies and exports.
package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// Kinds of actor.
const (
	KindOperator = "operator" // a person signed in to the console; Name is the operator's name
	KindClient   = "client"   // a program with a key; Name is the client's name
	KindMember   = "member"   // a member redeeming a reset; Name is the account's id
	KindSystem   = "system"   // Rekey itself; Name is the part that acted
	KindCLI      = "cli"      // whoever holds the database and the master key; Name is the system user
)

// Actor is whoever did it.
type Actor struct {
	Kind string `json:"kind"` // one of the Kind constants
	Name string `json:"name"`
}

// String is the actor as pages and logs show it, "kind:name".
func (a Actor) String() string { return a.Kind + ":" + a.Name }

// Outcomes of an act.
const (
	Done    = "done"
	Refused = "refused"
)

// Detail is what else there is to know about an act: counts, reasons, states. New and With redact it; never put personal data
// of a member into it, name accounts by id or subject.
type Detail = map[string]any

// Entry is one line of the audit log.
type Entry struct {
	ID        int64     // given by the database; 0 before
	Index     *int64    // position in the sealed log, from 0; nil until the sequencer has sealed the entry
	At        time.Time // set by the store when it inserts, from the database's clock; microseconds
	Actor     Actor
	Action    Action
	Object    string // what it was done to, as "campaign/3" or "account/SUBJECT"
	Outcome   string // Done or Refused
	Detail    Detail
	RequestID string // ties the entry to the access log; may be empty
}

// New makes an entry of a finished act. Detail, which may be nil, is copied, redacted and brought into the form that a round
// trip through JSON leaves alone, so that the entry's Record is the same before and after it was stored.
func New(actor Actor, action Action, object string, detail Detail) Entry {
	actor.Name = line(actor.Name, maxName)
	return Entry{Actor: actor, Action: action, Object: mask(line(object, maxName), shapes), Outcome: Done, Detail: redact(detail)}
}

// With returns the entry with one more detail, redacted as New does; the store adds what only the transaction knows.
func (e Entry) With(key string, value any) Entry {
	e.Detail = maps.Clone(e.Detail)
	if e.Detail == nil {
		e.Detail = Detail{}
	}
	maps.Copy(e.Detail, redact(Detail{key: value}))
	return e
}

// Refuse returns the entry of the same act refused, with the reason in its detail.
func (e Entry) Refuse(reason string) Entry {
	e = e.With("refused", reason)
	e.Outcome = Refused
	return e
}

// In returns the entry tied to a request.
func (e Entry) In(requestID string) Entry {
	e.RequestID = line(requestID, maxName)
	return e
}

// recordVersion tags the leaf encoding. A change of the encoding needs a new tag, chosen per entry: old leaves never change.
const recordVersion = 1

// record is the leaf as encoded. ID and Index are not in it: a leaf's place in the tree says where it stands.
type record struct {
	V         int    `json:"v"`
	At        string `json:"at"`
	Actor     Actor  `json:"actor"`
	Action    Action `json:"action"`
	Object    string `json:"object"`
	Outcome   string `json:"outcome"`
	Detail    Detail `json:"detail"`
	RequestID string `json:"request_id"`
}

// timeLayout is RFC 3339 in UTC with microseconds, the resolution that both databases keep.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Record is the entry's canonical encoding, the leaf of the sealed log: one line of JSON with a fixed order of fields, sorted
// detail keys and a version tag. It depends on nothing that storing changes: not on the time's zone or nanoseconds, not on
// whether a number came back as int64, float64 or json.Number, not on an absent detail being NULL or {}.
func (e Entry) Record() []byte {
	return encode(record{
		V: recordVersion, At: e.At.UTC().Truncate(time.Microsecond).Format(timeLayout), Actor: e.Actor, Action: e.Action,
		Object: e.Object, Outcome: e.Outcome, Detail: plainMap(e.Detail), RequestID: e.RequestID,
	})
}

// EncodeDetail is the detail as the store writes it: a JSON object, {} for none.
func (e Entry) EncodeDetail() string {
	return string(encode(plainMap(e.Detail)))
}

// DecodeDetail reads what EncodeDetail wrote, also after jsonb has re-ordered and re-spaced it. Empty text is no detail.
func DecodeDetail(text string) (Detail, error) {
	if text == "" {
		return Detail{}, nil
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var detail Detail
	if err := d.Decode(&detail); err != nil {
		return nil, fmt.Errorf("reading the detail of an audit entry: %w", err)
	}
	return plainMap(detail), nil
}

// encode is JSON without HTML escaping. Its values are made of strings, numbers, booleans, lists and maps alone, which
// always encode; anything else is a defect.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("audit: encoding %T: %v", v, err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
