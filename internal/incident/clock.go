package incident

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Clock is a deadline of an incident.
type Clock struct {
	ID     int64      `json:"id"`
	Name   string     `json:"name"` // unique within the incident
	DueAt  time.Time  `json:"due_at"`
	Note   string     `json:"note"`    // what was filed, where, under which number; or why not
	DoneAt *time.Time `json:"done_at"` // when it was met; nil: it runs
}

// DueClock is a deadline with the incident it is of.
type DueClock struct {
	Clock
	Slug, Title string // of the incident
}

// Overdue tells a clock that ran out before it was met.
func (c Clock) Overdue(now time.Time) bool { return c.DoneAt == nil && now.After(c.DueAt) }

// Late tells one that was met, and too late.
func (c Clock) Late() bool { return c.DoneAt != nil && c.DoneAt.After(c.DueAt) }

// ClockChange adds a clock (ID 0) or changes one. A nil field keeps what is stored.
type ClockChange struct {
	Slug  string
	ID    int64
	Name  *string // required for a new one
	DueAt *time.Time
	Note  *string
	Done  *bool // true: met now, unless it was met before; false: it runs again
}

const maxNote = 2000 // characters

func (c ClockChange) check() error {
	if err := CheckSlug(c.Slug); err != nil {
		return err
	}
	switch {
	case c.ID == 0 && (c.Name == nil || c.DueAt == nil):
		return problem.New(problem.Unprocessable, "A deadline needs a name and a time.")
	case c.Name != nil && (strings.TrimSpace(*c.Name) == "" || !oneLine(*c.Name, maxTitle)):
		return problem.Newf(problem.Unprocessable, "The name of a deadline is one line of 1 to %d characters.", maxTitle)
	case c.DueAt != nil && (c.DueAt.Year() < 2000 || c.DueAt.Year() > 2100):
		return problem.New(problem.Unprocessable, "The time of a deadline lies between the years 2000 and 2100.")
	case c.Note != nil && !isText(*c.Note, maxNote):
		return problem.Newf(problem.Unprocessable, "A note is plain text of at most %d bytes.", maxNote)
	}
	return nil
}

// File is what is kept about an incident beside its notice. Entries are recorded in the same transaction.
type File interface {
	// Clocks gives those of an incident, the next due first, met ones last.
	Clocks(ctx context.Context, slug string) ([]Clock, error)
	// DueClocks gives up to limit of those of all incidents that run and are due before a moment, the next due first.
	DueClocks(ctx context.Context, before time.Time, limit int) ([]DueClock, error)
	// ChangeClock adds or changes one. NotFound; Conflict, Code "clock", if the incident has another of the name.
	ChangeClock(ctx context.Context, c ClockChange, entry audit.Entry) (Clock, error)
	// Facts gives the fields that were written.
	Facts(ctx context.Context, slug string) (map[string]Fact, error)
	// SetFacts writes fields; an empty text clears one. NotFound.
	SetFacts(ctx context.Context, slug string, values map[string]string, entry audit.Entry) error
}

// ChangeClock adds a clock, changes one or marks it met. Errors: Unprocessable, NotFound, Conflict.
func ChangeClock(ctx context.Context, file File, c ClockChange, actor audit.Actor) (Clock, error) {
	if err := c.check(); err != nil {
		return Clock{}, err
	}
	detail := audit.Detail{}
	if c.Name != nil {
		detail["clock"] = *c.Name
	}
	if c.DueAt != nil {
		detail["due"] = c.DueAt.UTC().Format(time.RFC3339)
	}
	if c.Note != nil {
		detail["note"] = *c.Note
	}
	if c.Done != nil {
		detail["met"] = *c.Done
	}
	done, err := file.ChangeClock(ctx, c, audit.New(actor, audit.IncidentClock, Object(c.Slug), detail))
	if err != nil {
		return Clock{}, fmt.Errorf("changing a deadline of incident %s: %w", c.Slug, err)
	}
	return done, nil
}

// Suggestion is a deadline that a law may set.
type Suggestion struct {
	Name  string
	Text  string // who is told, and from when the time is counted
	DueAt time.Time
}

// Suggest gives the deadlines that laws set to an incident, counted from when it was found: nobody's advice, but a list to go through with somebody who knows.
// What has a clock of its name already is left out. Without a time of finding there are none.
func Suggest(i Incident, have []Clock) []Suggestion {
	if i.FoundAt == nil {
		return nil
	}
	found := *i.FoundAt
	told, from := found.AddDate(0, 0, 30), "the last day for telling them, as the notice is not public yet"
	if i.PublishedAt != nil {
		told, from = *i.PublishedAt, "the publication of the notice here"
	}
	all := []Suggestion{
		{"GDPR Art. 33: supervisory authority", "72 hours after becoming aware; later only with reasons.", found.Add(72 * time.Hour)},
		{"UK GDPR Art. 33: ICO", "72 hours after becoming aware; PECR incidents too, since August 2025.", found.Add(72 * time.Hour)},
		{"NIS2 Art. 23: early warning to the CSIRT", "24 hours, for essential and important entities.", found.Add(24 * time.Hour)},
		{"NIS2 Art. 23: incident notification", "72 hours.", found.Add(72 * time.Hour)},
		{"NIS2 Art. 23: final report", "One month after the notification.", found.Add(72*time.Hour).AddDate(0, 1, 0)},
		{"California (SB 446): residents", "30 calendar days after discovery.", found.AddDate(0, 0, 30)},
		{"California (SB 446): Attorney General", "15 days after residents are told, if more than 500 are; counted from " + from + ".", told.AddDate(0, 0, 15)},
		{"SEC Form 8-K item 1.05", "Four business days after it is judged material; counted as if that were when it was found.", businessDays(found, 4)},
		{"HIPAA: individuals and HHS", "60 calendar days after discovery, for protected health information.", found.AddDate(0, 0, 60)},
	}
	open := all[:0]
	for _, s := range all {
		known := false
		for _, c := range have {
			known = known || c.Name == s.Name
		}
		if !known {
			open = append(open, s)
		}
	}
	return open
}

// businessDays counts Monday to Friday; it knows no holidays, so a deadline with one in it is really later.
func businessDays(from time.Time, n int) time.Time {
	for n > 0 {
		from = from.AddDate(0, 0, 1)
		if d := from.Weekday(); d != time.Saturday && d != time.Sunday {
			n--
		}
	}
	return from
}
