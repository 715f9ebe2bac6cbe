package api

// IncidentClock is a deadline of an incident, see incident.Clock.
type IncidentClock struct {
	ID     int64  `json:"id" doc:"Its number."`
	Name   string `json:"name"`
	DueAt  int64  `json:"due_at"`
	Note   string `json:"note" doc:"What was filed, where, under which number; or why not."`
	DoneAt *int64 `json:"done_at,omitempty" doc:"When it was met. Left out: it runs."`
}

// ClockSuggestion is a deadline that a law may set, see incident.Suggestion.
type ClockSuggestion struct {
	Name  string `json:"name"`
	Text  string `json:"text" doc:"Who is told, and from when the time is counted."`
	DueAt int64  `json:"due_at"`
}

// IncidentClocks is a list.
type IncidentClocks struct {
	Clocks    []IncidentClock   `json:"clocks" nullable:"false"`
	Suggested []ClockSuggestion `json:"suggested" nullable:"false" doc:"Not set yet, and counted from when the incident was found."`
}

// ClockRequest is the body of POST /v1/admin/incidents/{slug}/clocks.
type ClockRequest struct {
	Name  string  `json:"name" minLength:"1" maxLength:"200" doc:"One line, which no other deadline of the incident has."`
	DueAt int64   `json:"due_at" minimum:"0" maximum:"253402300799"`
	Note  *string `json:"note,omitempty" maxLength:"2000"`
}

// ClockChange is the body of PUT /v1/admin/incidents/{slug}/clocks/{number}.
type ClockChange struct {
	Name  *string `json:"name,omitempty" minLength:"1" maxLength:"200"`
	DueAt *int64  `json:"due_at,omitempty" minimum:"0" maximum:"253402300799"`
	Note  *string `json:"note,omitempty" maxLength:"2000"`
	Done  *bool   `json:"done,omitempty" doc:"true: met now, unless it was met before. false: it runs again."`
}

// IncidentFact is a field of the evidence report, see incident.Field and incident.Fact.
type IncidentFact struct {
	Name      string `json:"name"`
	Label     string `json:"label"`
	Law       string `json:"law" doc:"Where it is asked for."`
	Hint      string `json:"hint" doc:"What belongs into it."`
	Value     string `json:"value" doc:"Plain text; empty until somebody writes it."`
	UpdatedAt *int64 `json:"updated_at,omitempty" doc:"Left out: never written."`
}

// IncidentFacts is a list, in the order of the report.
type IncidentFacts struct {
	Facts []IncidentFact `json:"facts" nullable:"false"`
}

// FactsRequest is the body of PUT /v1/admin/incidents/{slug}/facts. Its members are incident.Fields, which a test holds together.
type FactsRequest struct {
	Nature            *string `json:"nature,omitempty" maxLength:"16384"`
	SubjectCategories *string `json:"subject_categories,omitempty" maxLength:"16384"`
	SubjectNumber     *string `json:"subject_number,omitempty" maxLength:"16384"`
	RecordCategories  *string `json:"record_categories,omitempty" maxLength:"16384"`
	RecordNumber      *string `json:"record_number,omitempty" maxLength:"16384"`
	Contact           *string `json:"contact,omitempty" maxLength:"16384"`
	Consequences      *string `json:"consequences,omitempty" maxLength:"16384"`
	MeasuresTaken     *string `json:"measures_taken,omitempty" maxLength:"16384"`
	MeasuresProposed  *string `json:"measures_proposed,omitempty" maxLength:"16384"`
	Aware             *string `json:"aware,omitempty" maxLength:"16384"`
	Delay             *string `json:"delay,omitempty" maxLength:"16384"`
}

// IncidentReport is one version of the evidence report, see incident.Report.
type IncidentReport struct {
	Version int    `json:"version" doc:"From 1."`
	SHA256  string `json:"sha256" doc:"Of the page, hex; it stands in the audit log too."`
	MadeBy  string `json:"made_by" doc:"kind:name."`
	MadeAt  int64  `json:"made_at"`
}

// IncidentReports is a list.
type IncidentReports struct {
	Reports []IncidentReport `json:"reports" nullable:"false"`
}
