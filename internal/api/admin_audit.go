package api

import (
	"encoding/json"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// AuditSearch is the body of POST /v1/admin/audit/search: the filters of GET, where they may name a member.
type AuditSearch struct {
	Since   *int64 `json:"since,omitempty" minimum:"0" maximum:"253402300799" doc:"Made at this second since 1970 or later."`
	Until   *int64 `json:"until,omitempty" minimum:"0" maximum:"253402300799" doc:"Made before this second since 1970."`
	Actor   string `json:"actor,omitempty" maxLength:"1000" doc:"As operator:ann, one kind as client, or one name."`
	Action  string `json:"action,omitempty" maxLength:"1000" doc:"As campaign.activate, or a noun's as campaign."`
	Object  string `json:"object,omitempty" maxLength:"1000" doc:"As account:SUBJECT, or with a star at its end whatever begins so."`
	Outcome string `json:"outcome,omitempty" enum:"done,refused"`
	Before  *int64 `json:"before,omitempty" minimum:"0" maximum:"9007199254740991" doc:"Older than the entry with this index."`
	Limit   *int64 `json:"limit,omitempty" minimum:"1" maximum:"1000" doc:"Unless given 50."`
}

// errInAddress keeps members out of what proxies write down.
var errInAddress = &problem.Error{Kind: problem.Unprocessable, Code: codeRange, Text: "An address is kept by proxies, so none may name a member. Search for them with POST /v1/admin/audit/search."}

func (a *Admin) auditRoutes() []adminRoute {
	return []adminRoute{
		does(post, "/audit/search", operator.ReadAudit, doc{id: "searchAudit", tag: tagRecords, summary: "Search the audit log, also for members, the newest first",
			about: "What is searched for stands in no address. It changes nothing.", example: AuditSearch{Object: "account:u-1042"}}, a.searchAudit),
	}
}

func (a *Admin) searchAudit(r *asked, s AuditSearch) (AuditPage, error) {
	q := audit.Query{Actor: s.Actor, Action: s.Action, Object: s.Object, Outcome: s.Outcome, Limit: auditPage}
	for bound, seconds := range map[*time.Time]*int64{&q.Since: s.Since, &q.Until: s.Until} {
		if at := moment(seconds); at != nil {
			*bound = *at
		}
	}
	if s.Limit != nil {
		q.Limit = int(*s.Limit)
	}
	return a.auditPage(r, q, s.Before)
}

// auditPage is a page of what the query picks.
func (a *Admin) auditPage(r *asked, q audit.Query, before *int64) (AuditPage, error) {
	page := AuditPage{Entries: []AuditEntry{}}
	entries, next, err := a.o.Desk.AuditBefore(r.ctx, r.who, q, before)
	for _, e := range entries {
		page.Entries = append(page.Entries, AuditEntry{e.Index, e.At.Unix(), e.Actor.String(), string(e.Action), e.Object, e.Outcome, json.RawMessage(e.EncodeDetail()), e.RequestID})
	}
	page.Next = next
	return page, err
}
