package api

// The requests of the admin API. Times are whole seconds since 1970.

// Nothing is the body of an act that needs none; it may also be left away.
type Nothing struct{}

// Reasoned is the body of an act whose reason is kept.
type Reasoned struct {
	Reason string `json:"reason,omitempty" maxLength:"1000" doc:"Why, for the second person and the audit log."`
}

// IncidentRequest is the body of PUT /v1/admin/incidents/{slug}. What is left out stays as it is.
type IncidentRequest struct {
	Title       *string  `json:"title,omitempty" maxLength:"200"`
	OccurredAt  *int64   `json:"occurred_at,omitempty" minimum:"0" maximum:"253402300799"`
	FoundAt     *int64   `json:"found_at,omitempty" minimum:"0" maximum:"253402300799"`
	ContainedAt *int64   `json:"contained_at,omitempty" minimum:"0" maximum:"253402300799"`
	Classes     []string `json:"classes,omitempty" nullable:"false" minItems:"0" maxItems:"50" doc:"An empty list clears them."`
	Unexposed   []string `json:"unexposed,omitempty" nullable:"false" minItems:"0" maxItems:"50" doc:"An empty list clears them."`
	Notice      *string  `json:"notice,omitempty" maxLength:"65536"`
	Advice      *string  `json:"advice,omitempty" maxLength:"16384"`
	Publish     *bool    `json:"publish,omitempty" doc:"Publish the notice in the same step; false takes it back."`
}

// IncidentUpdateRequest is the body of a new update and of a correction.
type IncidentUpdateRequest struct {
	Text string `json:"text" minLength:"1" maxLength:"16384" doc:"Plain text, blank lines between paragraphs."`
	At   *int64 `json:"at,omitempty" minimum:"0" maximum:"253402300799" doc:"The date it carries. Left out: now for a new one; a corrected one keeps its date."`
}

// CampaignRequest is the body of POST /v1/admin/campaigns. A list comes by /v1/admin/campaigns/upload instead.
type CampaignRequest struct {
	Incident     string          `json:"incident" minLength:"1" maxLength:"63" doc:"The incident's slug; made, unpublished, if it is missing."`
	Scope        string          `json:"scope" minLength:"1" maxLength:"20" enum:"everyone,list" doc:"everyone: also accounts that come later. list: what the filter finds."`
	Filter       *CampaignFilter `json:"filter,omitempty" doc:"With scope list. All parts that are given must hold."`
	Cutoff       *int64          `json:"cutoff,omitempty" minimum:"0" maximum:"253402300799" doc:"Only passwords set before it die. Left out: the moment of activation."`
	KeepSessions bool            `json:"keep_sessions,omitempty" doc:"Only where sessions cannot have been stolen."`
}

// ActivateRequest is the body of POST /v1/admin/campaigns/{id}/activate.
type ActivateRequest struct {
	Expect      int64  `json:"expect" minimum:"0" maximum:"9007199254740991" doc:"How many live passwords should die: would_die of the preview that was looked at."`
	Tolerance   *int64 `json:"tolerance,omitempty" minimum:"0" maximum:"9007199254740991" doc:"How far off the count may be. Left out: 10, or 1 % of expect if that is more."`
	Preparation string `json:"preparation,omitempty" maxLength:"40" doc:"The campaign's preparation that was previewed; another one is refused."`
	Reason      string `json:"reason,omitempty" maxLength:"1000" doc:"Why. Needed where a second person is."`
}

// RemindRequest is the body of POST /v1/admin/campaigns/{id}/remind.
type RemindRequest struct {
	AgainAfter *int64 `json:"again_after,omitempty" minimum:"0" maximum:"315360000" doc:"Seconds. Only members whose last mail is at least so old, and only if no reminder was ordered for so long. Left out: three days."`
}

// TestMailRequest is the body of POST /v1/admin/campaigns/{id}/test-mail.
type TestMailRequest struct {
	To     string `json:"to" minLength:"3" maxLength:"320" doc:"Where the mail goes, marked as a test. Its link and code open nothing."`
	Mail   string `json:"mail,omitempty" maxLength:"20" enum:"reset,notice,reminder" doc:"Which mail. Left out: reset."`
	Locale string `json:"locale,omitempty" maxLength:"255" doc:"Its language, as en or pt-BR."`
}

// DecisionRequest is the body of approve and reject.
type DecisionRequest struct {
	Note string `json:"note,omitempty" maxLength:"1000" doc:"What the second person says to it."`
}

// OperatorRequest is the body of POST /v1/admin/operators.
type OperatorRequest struct {
	Name  string   `json:"name" minLength:"1" maxLength:"63"`
	Email string   `json:"email" minLength:"3" maxLength:"320"`
	Roles []string `json:"roles" nullable:"false" minItems:"1" maxItems:"4" doc:"Any of auditor, responder, approver, admin."`
}

// RolesRequest is the body of PUT /v1/admin/operators/{id}/roles.
type RolesRequest struct {
	Roles  []string `json:"roles" nullable:"false" minItems:"1" maxItems:"4" doc:"Any of auditor, responder, approver, admin."`
	Reason string   `json:"reason,omitempty" maxLength:"1000" doc:"Why, for the second person and the audit log."`
}

// ClientRequest is the body of POST /v1/admin/clients.
type ClientRequest struct {
	Name      string `json:"name" minLength:"1" maxLength:"63"`
	Scope     string `json:"scope" minLength:"1" maxLength:"20" enum:"login,import,admin"`
	ExpiresAt *int64 `json:"expires_at,omitempty" minimum:"0" maximum:"253402300799" doc:"When the key stops working by itself."`
}

// RotateRequest is the body of POST /v1/admin/keys/rotate.
type RotateRequest struct {
	Revoke bool   `json:"revoke,omitempty" doc:"Also refuse everything that older keys signed. That needs a second person."`
	Reason string `json:"reason,omitempty" maxLength:"1000" doc:"Why, for the second person and the audit log."`
}

// The answers below are made of several nouns, or of none.

// Incidents is a list.
type Incidents struct {
	Incidents []Incident `json:"incidents" nullable:"false"`
}

// Campaigns is a page of them, the newest first.
type Campaigns struct {
	Campaigns []Campaign `json:"campaigns" nullable:"false"`
	Next      *int64     `json:"next,omitempty" doc:"The before of the next page. Left out: this was the last."`
}

// Approvals is a page of requests, the newest first.
type Approvals struct {
	Approvals []Approval `json:"approvals" nullable:"false"`
	Next      *int64     `json:"next,omitempty" doc:"The before of the next page. Left out: this was the last."`
}

// Operators is a list.
type Operators struct {
	Operators []Operator `json:"operators" nullable:"false"`
}

// Clients is a list.
type Clients struct {
	Clients []Client `json:"clients" nullable:"false"`
}

// SigningKeys is a list.
type SigningKeys struct {
	Keys []SigningKey `json:"keys" nullable:"false"`
}

// AuditPage is a page of the log, the newest first.
type AuditPage struct {
	Entries []AuditEntry `json:"entries" nullable:"false"`
	Next    *int64       `json:"next,omitempty" doc:"Give it as before for the next page. Left out: this was the last."`
}

// Invited is an operator with the link that lets them set up their ways in. It is shown here and never again.
type Invited struct {
	Operator Operator `json:"operator"`
	URL      string   `json:"url" doc:"Good once, for 24 hours. What follows # is a secret."`
}

// Ended says how many sessions were ended.
type Ended struct {
	Sessions int64 `json:"sessions"`
}

// ClientMade is a new client with its key, which is shown here and never again.
type ClientMade struct {
	Client Client `json:"client"`
	Key    string `json:"key"`
}

// Mailed says where a test mail went.
type Mailed struct {
	MailedTo string `json:"mailed_to"`
}

// Granted says that an export may be downloaded now.
type Granted struct {
	Granted bool `json:"granted"`
}

// Self is whoever calls.
type Self struct {
	Kind       string   `json:"kind" enum:"operator,client"`
	Name       string   `json:"name"`
	Roles      []string `json:"roles" nullable:"false"`
	FreshUntil *int64   `json:"fresh_until,omitempty" doc:"Until then acts are done that need a fresh second factor. Left out: none is."`
}
