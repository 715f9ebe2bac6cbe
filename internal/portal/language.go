package portal

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/web"
)

// languages has the texts of every locale file, English first: what no other file says is said in English.
type languages struct {
	matcher language.Matcher
	texts   []text
}

// text says things in one language. Templates call its methods.
type text struct {
	Lang string // BCP 47 tag, for <html lang> and for the mail that is asked for here
	Dir  string // ltr or rtl
	from *i18n.Localizer
}

// loadLanguages reads web/locales. The order is English, then by file name, so that every replica chooses alike.
func loadLanguages() (*languages, error) {
	files, err := fs.Glob(web.Files, "locales/*.json")
	if err != nil {
		return nil, fmt.Errorf("listing the languages: %w", err)
	}
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	tags := []language.Tag{language.English}
	for _, file := range files {
		data, err := fs.ReadFile(web.Files, file)
		if err != nil {
			return nil, fmt.Errorf("reading the language %s: %w", path.Base(file), err)
		}
		m, err := bundle.ParseMessageFileBytes(data, path.Base(file))
		if err != nil {
			return nil, fmt.Errorf("reading the language %s: %w", path.Base(file), err)
		}
		if m.Tag != language.English {
			tags = append(tags, m.Tag)
		}
	}
	l := &languages{matcher: language.NewMatcher(tags)}
	for _, tag := range tags {
		t := text{Lang: tag.String(), from: i18n.NewLocalizer(bundle, tag.String())}
		t.Dir = t.say("language.direction")
		l.texts = append(l.texts, t)
	}
	return l, nil
}

// maxAccept is how much of an Accept-Language header is read; honest ones have a few dozen bytes.
const maxAccept = 256

// choose takes the language that fits an Accept-Language header best (RFC 9110 §12.5.4), English if none does.
func (l *languages) choose(accept string) text {
	if len(accept) > maxAccept {
		accept = accept[:strings.LastIndexByte(accept[:maxAccept], ',')+1]
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return l.texts[0]
	}
	_, i, _ := l.matcher.Match(wanted...)
	return l.texts[i]
}

// T is the text of that id, with names and values for its placeholders. A missing text fails the page, which a test excludes.
func (t text) T(id string, pairs ...any) (string, error) {
	data := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		data[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return t.from.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
}

// N is the text of that id in the plural form for n, which stands in it as {{.Count}}.
func (t text) N(id string, n int) (string, error) {
	return t.from.Localize(&i18n.LocalizeConfig{MessageID: id, PluralCount: n, TemplateData: map[string]any{"Count": n}})
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
	return t.say("language.date", "Day", d.Day(), "Month", t.say("language.month_"+strconv.Itoa(int(d.Month()))), "Year", d.Year())
}

// ISODate writes a day (UTC) for machines.
func (t text) ISODate(at *time.Time) string { return at.UTC().Format(time.DateOnly) }

// reason says why a password was refused: in the page's language for the codes we know, else in the words of the problem, which are English.
func (t text) reason(d problem.Details, minimum int) string {
	if s, err := t.N("reason."+d.Code, minimum); err == nil {
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
