// Package incident is the breach: what happened, when, what was exposed, and the public notice about it.
// It promises that nothing of an incident shows before it was published; cmd, the portal and the console call it.
package incident

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Incident is a breach as it is kept.
type Incident struct {
	ID          int64      `json:"id"`
	Slug        string     `json:"slug"` // its name in commands, URLs and answers
	Title       string     `json:"title"`
	OccurredAt  *time.Time `json:"occurred_at"`  // nil: unknown
	FoundAt     *time.Time `json:"found_at"`     // nil: not said; legal clocks start here
	ContainedAt *time.Time `json:"contained_at"` // when the way in was closed; nil: not said
	Classes     []string   `json:"classes"`      // classes of data exposed, in the operator's words; never nil
	Unexposed   []string   `json:"unexposed"`    // classes that were not; never nil
	Notice      string     `json:"notice"`       // plain text, blank lines between paragraphs
	Advice      string     `json:"advice"`       // what members should do beyond a new password; plain text, a step a paragraph
	Updates     []Update   `json:"updates"`      // in order; never nil
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`   // of the incident itself
	ChangedAt   time.Time  `json:"changed_at"`   // of it or any of its updates, the later
	PublishedAt *time.Time `json:"published_at"` // nil: its page answers 404
}

// Change is what an operator says about an incident. A nil field keeps what is stored; a new incident starts empty.
type Change struct {
	Slug        string
	Title       *string
	OccurredAt  *time.Time
	FoundAt     *time.Time
	ContainedAt *time.Time
	Classes     []string // nil keeps, empty clears
	Unexposed   []string // nil keeps, empty clears
	Notice      *string
	Advice      *string
	Publish     *bool // false takes the notice back
}

// Limits of what a page or a mail can show.
const (
	maxTitle   = 200      // characters
	maxClass   = 100      // characters
	maxClasses = 50       // entries
	maxNotice  = 64 << 10 // bytes
	maxText    = 16 << 10 // bytes of an update or of advice
)

// slugs is a DNS label (RFC 1123 section 2.1): it needs no escaping in any URL, and nobody reads a sentence into it.
var slugs = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckSlug refuses a name that cannot stand in a URL as it is: anything but 1 to 63 of a-z, 0-9 and inner hyphens.
func CheckSlug(slug string) error {
	if !slugs.MatchString(slug) {
		return problem.New(problem.Invalid, "an incident's slug is 1 to 63 characters of a-z, 0-9 and, inside, hyphens")
	}
	return nil
}

// check refuses a change that breaks a rule of form; it does not know what is stored.
func (c Change) check(now time.Time) error {
	if err := CheckSlug(c.Slug); err != nil {
		return err
	}
	switch {
	case c.Title != nil && !oneLine(*c.Title, maxTitle):
		return problem.Newf(problem.Invalid, "a title is one line of at most %d characters", maxTitle)
	case len(c.Classes) > maxClasses, len(c.Unexposed) > maxClasses:
		return problem.Newf(problem.Invalid, "at most %d classes of data", maxClasses)
	case c.Notice != nil && !isText(*c.Notice, maxNotice):
		return problem.Newf(problem.Invalid, "a notice is UTF-8 text of at most %d bytes", maxNotice)
	case c.Advice != nil && !isText(*c.Advice, maxText):
		return problem.Newf(problem.Invalid, "advice is UTF-8 text of at most %d bytes", maxText)
	case after(c.OccurredAt, now), after(c.FoundAt, now), after(c.ContainedAt, now):
		return problem.New(problem.Invalid, "an incident cannot have happened, been found or been contained in the future")
	}
	if err := checkClasses(c.Classes); err != nil {
		return err
	}
	if err := checkClasses(c.Unexposed); err != nil {
		return err
	}
	return Incident{OccurredAt: c.OccurredAt, FoundAt: c.FoundAt, ContainedAt: c.ContainedAt, Classes: c.Classes, Unexposed: c.Unexposed}.Consistent()
}

// Consistent refuses an incident whose parts, each well formed, contradict each other. The store asks it about what a change makes of what was stored.
func (i Incident) Consistent() error {
	switch {
	case i.OccurredAt != nil && i.FoundAt != nil && i.FoundAt.Before(*i.OccurredAt):
		return problem.New(problem.Invalid, "an incident cannot be found before it happened")
	case i.OccurredAt != nil && i.ContainedAt != nil && i.ContainedAt.Before(*i.OccurredAt):
		return problem.New(problem.Invalid, "an incident cannot be contained before it happened")
	}
	for _, class := range i.Unexposed {
		if slices.ContainsFunc(i.Classes, func(exposed string) bool { return fold(exposed) == fold(class) }) {
			return problem.Newf(problem.Invalid, "%q cannot be both exposed and not exposed", class)
		}
	}
	return nil
}

func after(t *time.Time, now time.Time) bool { return t != nil && t.After(now) }

// isText tells what can stand on a page and in a feed: UTF-8 without controls but line breaks and tabs.
func isText(s string, limit int) bool {
	return len(s) <= limit && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < ' ' && r != '\n' && r != '\r' && r != '\t') || r == 0x7f
	})
}

// Paragraphs parts a plain text at its blank lines.
func Paragraphs(text string) []string {
	var list []string
	for p := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			list = append(list, p)
		}
	}
	return list
}

func checkClasses(classes []string) error {
	for i, class := range classes {
		if strings.TrimSpace(class) == "" || !oneLine(class, maxClass) || slices.Contains(classes[:i], class) {
			return problem.Newf(problem.Invalid, "each class of data is named once, in one line of at most %d characters", maxClass)
		}
	}
	return nil
}

// oneLine tells a text that cannot break out of a subject line or a log line.
func oneLine(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
