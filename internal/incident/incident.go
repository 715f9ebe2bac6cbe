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
	OccurredAt  *time.Time `json:"occurred_at"` // nil: unknown
	FoundAt     *time.Time `json:"found_at"`    // nil: not said; legal clocks start here
	Classes     []string   `json:"classes"`     // classes of data exposed, in the operator's words; never nil
	Notice      string     `json:"notice"`      // plain text, blank lines between paragraphs
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	PublishedAt *time.Time `json:"published_at"` // nil: its page answers 404
}

// Change is what an operator says about an incident. A nil field keeps what is stored; a new incident starts empty.
type Change struct {
	Slug       string
	Title      *string
	OccurredAt *time.Time
	FoundAt    *time.Time
	Classes    []string // nil keeps, empty clears
	Notice     *string
	Publish    *bool // false takes the notice back
}

// Limits of what a page or a mail can show.
const (
	maxTitle   = 200      // characters
	maxClass   = 100      // characters
	maxClasses = 50       // entries
	maxNotice  = 64 << 10 // bytes
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
	case len(c.Classes) > maxClasses:
		return problem.Newf(problem.Invalid, "at most %d classes of data", maxClasses)
	case c.Notice != nil && (len(*c.Notice) > maxNotice || !utf8.ValidString(*c.Notice) || strings.ContainsRune(*c.Notice, 0)):
		return problem.Newf(problem.Invalid, "a notice is UTF-8 text of at most %d bytes", maxNotice)
	case c.OccurredAt != nil && c.OccurredAt.After(now), c.FoundAt != nil && c.FoundAt.After(now):
		return problem.New(problem.Invalid, "an incident cannot have happened or been found in the future")
	case c.OccurredAt != nil && c.FoundAt != nil && c.FoundAt.Before(*c.OccurredAt):
		return problem.New(problem.Invalid, "an incident cannot be found before it happened")
	}
	return checkClasses(c.Classes)
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
