package audit

import (
	"strings"
	"time"
)

// Query picks entries. Empty fields pick all; fields are joined by and.
type Query struct {
	Since, Until time.Time // made at Since or later, before Until
	Actor        string    // "kind:name", a kind alone, or a name alone
	Action       string    // an action as campaign.activate, or a noun's, as campaign
	Object       string    // an object as campaign:7, or with a star at its end whatever begins so
	Outcome      string    // Done or Refused

	Before int64 // newest first only: a page after the entry with this ID, the last one's next; 0 begins with the newest
	Limit  int   // newest first only: most entries of a page
}

// MaxPage is the most entries of one page; more are for an export.
const MaxPage = 1000

// IsAll tells a query without a filter.
func (q Query) IsAll() bool {
	return q.Since.IsZero() && q.Until.IsZero() && q.Actor+q.Action+q.Object+q.Outcome == ""
}

// ActorParts splits the actor's filter into kind and name, either of which may be empty.
func (q Query) ActorParts() (kind, name string) {
	kind, name, both := strings.Cut(q.Actor, ":")
	switch kind {
	case KindOperator, KindClient, KindMember, KindSystem, KindCLI:
		return kind, name
	}
	if both {
		return "", q.Actor
	}
	return "", kind
}

// Actions are the actions that the action's filter names: those of a noun, or the one. Empty for all.
func (q Query) Actions() []string {
	if q.Action == "" {
		return nil
	}
	names := []string{q.Action}
	for _, a := range Actions() {
		if strings.HasPrefix(string(a), q.Action+".") {
			names = append(names, string(a))
		}
	}
	return names
}

// ObjectParts gives the object's filter and whether it is a beginning.
func (q Query) ObjectParts() (object string, prefix bool) { return strings.CutSuffix(q.Object, "*") }
