package portal

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// text says things in one language. Templates call its methods.
type text struct {
	Lang    string // BCP 47 tag, for <html lang> and for the mail that is asked for here
	Dir     string // ltr or rtl
	Own     string // the language's name in itself
	from    *i18n.Localizer
	numbers *message.Printer
}

func newText(bundle *i18n.Bundle, tag language.Tag) text {
	t := text{Lang: tag.String(), from: i18n.NewLocalizer(bundle, tag.String()), numbers: message.NewPrinter(latinDigits(tag))}
	t.Dir, t.Own = t.say("language.direction"), t.say("language.name")
	return t
}

// latinDigits keeps to 0–9 in every language: codes and the live count are written in them, and one page has one kind of digits.
func latinDigits(tag language.Tag) language.Tag {
	latin, err := tag.SetTypeForKey("nu", "latn")
	if err != nil {
		return tag
	}
	return latin
}

// T is the text of that id, with names and values for its placeholders. A missing text fails the page, which a test excludes.
func (t text) T(id string, pairs ...any) (string, error) {
	data := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		data[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return t.localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
}

// N is the text of that id in the plural form for n, which stands in it as {{.Count}}, written as the language writes numbers.
func (t text) N(id string, n int) (string, error) {
	return t.localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: n, TemplateData: map[string]any{"Count": t.numbers.Sprintf("%d", n)}})
}

// localize takes the English text where an operator's language has none.
func (t text) localize(c *i18n.LocalizeConfig) (string, error) {
	s, err := t.from.Localize(c)
	if missing := (*i18n.MessageNotFoundErr)(nil); errors.As(err, &missing) && s != "" {
		return s, nil
	}
	return s, err
}

// say is T for Go code. A text that is missing in spite of the test shows its id.
func (t text) say(id string, pairs ...any) string {
	s, err := t.T(id, pairs...)
	if err != nil {
		return id
	}
	return s
}

// Date writes a day (UTC) as the language does.
func (t text) Date(at *time.Time) string {
	d := at.UTC()
	day := strconv.Itoa(d.Day())
	if d.Day() == 1 {
		day = t.say("language.day_1")
	}
	return t.say("language.date", "Day", day, "Month", t.say("language.month_"+strconv.Itoa(int(d.Month()))), "Year", d.Year())
}

// ISODate writes a day (UTC) for machines.
func (t text) ISODate(at *time.Time) string { return at.UTC().Format(time.DateOnly) }

// Instant writes a moment for machines (RFC 3339, UTC).
func (t text) Instant(at *time.Time) string { return at.UTC().Format(time.RFC3339) }

// reason says why a password was refused: in the page's language for the codes we know, else in the words of the problem, which are English.
func (t text) reason(d problem.Details, minimum int) string {
	if s, err := t.N("reason."+d.Code, minimum); err == nil {
		return s
	}
	if s, err := t.T("reason." + d.Code); err == nil { // it counts nothing, and so has not every plural form
		return s
	}
	return d.Detail
}

// inSoManySeconds says when to come back, in minutes where seconds would be silly.
func (t text) inSoManySeconds(seconds int) string {
	id, n := "wait.seconds", max(1, seconds)
	if seconds > 90 {
		id, n = "wait.minutes", (seconds+59)/60
	}
	s, err := t.N(id, n)
	if err != nil {
		return id
	}
	return s
}
