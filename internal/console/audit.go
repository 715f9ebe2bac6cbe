package console

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// auditRows is how many entries a page of the log has.
const auditRows = 50

// logFields are the fields of the search.
var logFields = []string{"actor", "action", "object", "outcome", "since", "until"}

// logSearch is the audit log as it was searched.
type logSearch struct {
	Typed    map[string]string // by logFields
	Actions  []audit.Action
	Entries  []audit.Entry
	Older    int64 // before which entry older ones are, 0 for nowhere
	Later    bool  // it is not the first page
	Filtered bool
}

// errInAddress keeps members out of what proxies and browsers remember.
var errInAddress = &problem.Error{Kind: problem.Unprocessable, Code: "object", Text: "An address is kept by browsers and proxies, so none may name a member. Search for them with the form."}

// auditLog shows the newest entries, or a search that stands in the address and names no member.
func (c *Console) auditLog(r *call) error {
	if strings.HasPrefix(strings.TrimSpace(r.Query("object")), "account") {
		return r.again("audit", logSearch{Typed: map[string]string{}, Actions: audit.Actions()}, errInAddress)
	}
	return c.searched(r, r.Query)
}

// searchAudit is the form: what is searched for may name a member, so that it is in no address, history or log of a proxy.
func (c *Console) searchAudit(r *call) error { return c.searched(r, r.PostForm) }

func (c *Console) searched(r *call, field func(name string) string) error {
	s := logSearch{Typed: map[string]string{}, Actions: audit.Actions(), Later: field("before") != ""}
	for _, name := range logFields {
		if typed := strings.TrimSpace(field(name)); typed != "" {
			s.Typed[name], s.Filtered = typed, true
		}
	}
	q, err := s.query(field("before"))
	if err != nil {
		return r.again("audit", s, err)
	}
	if s.Entries, s.Older, err = c.o.Desk.Audit(r.Request.Context(), r.who, q); err != nil {
		return err
	}
	return r.page("audit", s)
}

func (s logSearch) query(before string) (audit.Query, error) {
	q := audit.Query{Actor: s.Typed["actor"], Action: s.Typed["action"], Object: s.Typed["object"], Outcome: s.Typed["outcome"], Limit: auditRows}
	var err error
	if q.Since, err = bound(s.Typed["since"]); err != nil {
		return q, err
	}
	if q.Until, err = bound(s.Typed["until"]); err != nil || before == "" {
		return q, err
	}
	if q.Before, err = strconv.ParseInt(before, 10, 64); err != nil || q.Before < 1 {
		return q, problem.New(problem.NotFound, "There is nothing at this address.")
	}
	return q, nil
}

// bound is a time that may be missing.
func bound(text string) (time.Time, error) {
	at, err := moment(text)
	if err != nil || at == nil {
		return time.Time{}, err
	}
	return *at, nil
}

// leaf is an entry on its page.
type leaf struct {
	desk.ProvenEntry
	Told  string // its detail, indented
	Shown string // the proof, as rekey audit verify reads it; "" for none yet
}

func (c *Console) auditEntry(r *call) error {
	page, err := c.leaf(r)
	if err != nil {
		return err
	}
	return r.page("audit-entry", page)
}

func (c *Console) leaf(r *call) (l leaf, err error) {
	id, err := r.id()
	if err != nil {
		return l, err
	}
	if l.ProvenEntry, err = c.o.Desk.AuditEntry(r.Request.Context(), r.who, id); err != nil {
		return l, err
	}
	if l.Told, err = indented(l.Detail); err != nil || l.Proof == nil {
		return l, err
	}
	l.Shown, err = indented(l.Proof)
	return l, err
}

func indented(v any) (string, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return "", fmt.Errorf("writing JSON for a page: %w", err)
	}
	return string(text), nil
}

// auditProof downloads the proof.
func (c *Console) auditProof(r *call) error {
	l, err := c.leaf(r)
	if err != nil {
		return err
	}
	if l.Shown == "" {
		return problem.New(problem.NotFound, "No checkpoint speaks for this entry yet.")
	}
	r.Header("Content-Disposition", fmt.Sprintf(`attachment; filename="entry-%d-proof.json"`, *l.Index))
	r.Data(200, "application/json", []byte(l.Shown+"\n"))
	return nil
}

// heads is the list of signed heads of the log.
type heads struct {
	All       []audit.Checkpoint
	Verifiers []string
	Older     int64 // 0: no older ones
}

func (c *Console) auditCheckpoints(r *call) error {
	before, err := strconv.ParseInt(r.DefaultQuery("before", "0"), 10, 64)
	if err != nil || before < 0 {
		return problem.New(problem.NotFound, "There is nothing at this address.")
	}
	var page heads
	if page.All, page.Verifiers, err = c.o.Desk.Checkpoints(r.Request.Context(), r.who, before); err != nil {
		return err
	}
	if n := len(page.All); n > 0 && page.All[n-1].N > 1 {
		page.Older = page.All[n-1].N
	}
	return r.page("audit-checkpoints", page)
}
