package account

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/seed-1c168855/rekey/internal/csvsafe"
	"github.com/seed-1c168855/rekey/internal/password"
)

// Row is one account as a file or the login service gives it, after the rules that need no database.
type Row struct {
	Line                    int64 // where it stands in the file
	Subject                 string
	Email, EmailKey, Locale string // "" = none
	// What was not given or cannot be read leaves a known account's value as it is.
	KeepEmail, KeepLocale, KeepPassword bool
	CreatedAt                           time.Time // zero: not known
	PasswordHash, PasswordScheme        string    // "" = none
	PasswordSetAt                       time.Time // zero: not known
	Warned                              bool
}

// maxHash is the longest stored hash in bytes. No scheme that is ever verified comes near; more is cut, and never verified either.
const maxHash = 1024

// rules turn records into rows. They are for one goroutine.
type rules struct {
	now     time.Time         // the database's clock when the import began
	locales map[string]string // canonical tags of those already seen
	labels  map[string]int64  // rows by scheme
	found   []reason          // warnings of the row at hand
}

func newRules(now time.Time) *rules {
	return &rules{now: now, locales: map[string]string{}, labels: map[string]int64{}}
}

// row applies every rule that needs no database. Only a subject that is none refuses a row: whatever else is wrong, the account
// must exist, so that its password can die. The row's warnings are in found until the next call.
func (r *rules) row(rec *record, row *Row) reason {
	r.found = r.found[:0]
	*row = Row{Line: rec.line, Subject: rec.fields[colSubject]}
	if bad := checkSubject(row.Subject); bad != fine {
		return bad
	}
	if csvsafe.Cell(row.Subject) != row.Subject {
		r.warn(formulaSubject)
	}
	r.email(rec, row)
	r.locale(rec, row)
	r.password(rec, row)
	if created, err := parseTime(rec.fields[colCreatedAt]); err != nil || created.After(r.now) {
		r.warn(badCreatedAt)
	} else {
		row.CreatedAt = created
	}
	row.Warned = len(r.found) > 0
	return fine
}

func (r *rules) warn(w reason) { r.found = append(r.found, w) }

func checkSubject(s string) reason {
	switch {
	case strings.TrimSpace(s) == "":
		return noSubject
	case !utf8.ValidString(s), strings.ContainsFunc(s, unicode.IsControl), len(s) > MaxSubject && utf8.RuneCountInString(s) > MaxSubject:
		return badSubject
	}
	return fine
}

func (r *rules) email(rec *record, row *Row) {
	row.KeepEmail = !rec.has[colEmail]
	address := strings.Trim(rec.fields[colEmail], " \t")
	if address == "" {
		return
	}
	key, err := EmailKey(address)
	if err != nil {
		r.warn(badEmail)
		row.KeepEmail = true
		return
	}
	row.Email, row.EmailKey = address, key
}

func (r *rules) locale(rec *record, row *Row) {
	row.KeepLocale = !rec.has[colLocale]
	typed := strings.Trim(rec.fields[colLocale], " \t")
	if typed == "" {
		return
	}
	tag, known := r.locales[typed]
	if !known {
		if parsed, err := language.Parse(typed); err == nil && len(typed) <= 64 {
			tag = parsed.String()
		}
		if len(r.locales) < 1000 {
			r.locales[strings.Clone(typed)] = tag
		}
	}
	if tag == "" {
		r.warn(badLocale)
		row.KeepLocale = true
		return
	}
	row.Locale = tag
}

func (r *rules) password(rec *record, row *Row) {
	row.KeepPassword = !rec.has[colPasswordHash]
	row.PasswordHash = rec.fields[colPasswordHash]
	if row.PasswordHash == "" {
		return
	}
	if !storable(row.PasswordHash) {
		row.PasswordHash, row.PasswordScheme = unreadable(row.PasswordHash), unreadableScheme
		r.warn(neverVerified)
	} else {
		info := password.Identify(row.PasswordHash)
		row.PasswordScheme = info.Label
		if !info.Verifiable {
			r.warn(neverVerified)
		}
	}
	r.count(row.PasswordScheme)
	r.setAt(rec.fields[colPasswordSetAt], row)
}

func (r *rules) setAt(typed string, row *Row) {
	set, err := parseTime(typed)
	switch {
	case err != nil:
		r.warn(badSetAt)
	case set.After(r.now):
		r.warn(futureSetAt)
	default:
		row.PasswordSetAt = set
	}
}

// manyLabels is how many schemes are counted apart; a file made to have more is counted under "other".
const manyLabels = 200

func (r *rules) count(label string) {
	if _, known := r.labels[label]; !known && len(r.labels) >= manyLabels {
		label = "other"
	}
	r.labels[label]++
}

// unreadableScheme labels what no database can store as it came.
const unreadableScheme = "unknown"

func storable(hash string) bool {
	return len(hash) <= maxHash && utf8.ValidString(hash) && strings.IndexByte(hash, 0) < 0
}

// unreadable makes a storable text of a hash that is none, so that the account has a credential and dies. What it begins with
// keeps any scheme from claiming it.
func unreadable(hash string) string {
	hash = strings.ReplaceAll(strings.ToValidUTF8(hash[:min(len(hash), maxHash)], "\ufffd"), "\x00", "\ufffd")
	return "unreadable:" + hash
}

// parseTime reads a time in one of the forms that exports hold: RFC 3339, a date or a date and time in UTC, or whole seconds
// since 1970. The empty text is the zero time. Databases keep microseconds.
func parseTime(s string) (time.Time, error) {
	s = strings.Trim(s, " \t")
	if s == "" {
		return time.Time{}, nil
	}
	if strings.IndexByte(s[1:], '-') < 0 {
		seconds, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return time.Time{}, errTime
		}
		return inRange(time.Unix(min(max(seconds, -1<<40), 1<<40), 0).UTC())
	}
	for _, layout := range [...]string{time.RFC3339Nano, time.DateOnly, time.DateTime} {
		t, err := time.Parse(layout, s)
		if err == nil {
			return inRange(t.UTC().Truncate(time.Microsecond))
		}
	}
	return time.Time{}, errTime
}

var errTime = errors.New("not a time")

// inRange refuses years that no account can have and some database cannot keep. Year 1 is the zero time and must not come in by a file.
func inRange(t time.Time) (time.Time, error) {
	if t.Year() < 1900 || t.Year() > 9999 {
		return time.Time{}, errTime
	}
	return t, nil
}
