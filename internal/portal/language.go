package portal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"github.com/seed-1c168855/rekey/web"
)

// languages has the texts of every locale file, English first: what a language leaves out is said in English.
type languages struct {
	bundle  *i18n.Bundle
	english map[string]*i18n.Message
	tags    []language.Tag
	matcher language.Matcher
	texts   []text
}

// loadLanguages reads web/locales and then the operator's own files of the same form, TAG.json, which add languages or change texts; own may be nil.
// The order is English, then by file name, so that every replica chooses alike. A file that could break a page is refused.
func loadLanguages(own fs.FS) (*languages, error) {
	l := &languages{bundle: i18n.NewBundle(language.English), english: map[string]*i18n.Message{}, tags: []language.Tag{language.English}}
	l.bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	ours, err := fs.Sub(web.Files, "locales")
	if err != nil {
		return nil, fmt.Errorf("listing the languages: %w", err)
	}
	if err := l.read(ours, "en.json"); err != nil {
		return nil, err
	}
	for _, files := range []fs.FS{ours, own} {
		if err := l.readAll(files); err != nil {
			return nil, err
		}
	}
	l.matcher = language.NewMatcher(l.tags)
	for _, tag := range l.tags {
		l.texts = append(l.texts, newText(l.bundle, tag))
	}
	return l, nil
}

func (l *languages) readAll(files fs.FS) error {
	if files == nil {
		return nil
	}
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return fmt.Errorf("listing the languages: %w", err)
	}
	for _, name := range names {
		if err := l.read(files, name); err != nil {
			return err
		}
	}
	return nil
}

// read adds a file. The first one is English and says which texts there are.
func (l *languages) read(files fs.FS, name string) error {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return fmt.Errorf("reading the language %s: %w", name, err)
	}
	m, err := l.bundle.ParseMessageFileBytes(data, path.Base(name))
	if err != nil {
		return fmt.Errorf("reading the language %s: %w", name, err)
	}
	if len(l.english) == 0 {
		for _, message := range m.Messages {
			l.english[message.ID] = message
		}
	}
	if err := l.check(m); err != nil {
		return fmt.Errorf("reading the language %s: %w", name, err)
	}
	if !slices.Contains(l.tags, m.Tag) {
		l.tags = append(l.tags, m.Tag)
	}
	return nil
}

// someNumbers need every plural form that CLDR knows for whole numbers.
var someNumbers = []int{0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 21, 22, 25, 100, 101, 102, 103, 1000000}

// check finds at the start what would else fail a page later: a text no page has, placeholders other than the English ones, a missing plural form.
func (l *languages) check(m *i18n.MessageFile) error {
	has := map[string]string{}
	t := newText(l.bundle, m.Tag)
	for _, message := range m.Messages {
		has[message.ID] = message.Other
		english, known := l.english[message.ID]
		if !known {
			return fmt.Errorf("no page has the text %q", message.ID)
		}
		if err := checkPlaceholders(message, english); err != nil {
			return err
		}
		if english.One == "" {
			continue // it counts nothing
		}
		for _, n := range someNumbers {
			if _, err := t.N(message.ID, n); err != nil {
				return fmt.Errorf("%q lacks the plural form for %d", message.ID, n)
			}
		}
	}
	direction, given := has["language.direction"]
	if (given || !slices.Contains(l.tags, m.Tag)) && direction != "ltr" && direction != "rtl" {
		return errors.New("language.direction must be ltr or rtl")
	}
	if has["language.name"] == "" && !slices.Contains(l.tags, m.Tag) {
		return errors.New("language.name, by which people find their language, is missing")
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{\{\.([A-Z][a-z]+)\}\}`)

// checkPlaceholders wants those of the English text; a plural form may leave the number out, as Arabic does for one and two.
func checkPlaceholders(message, english *i18n.Message) error {
	want := placeholders(english.Other)
	if !slices.Equal(placeholders(message.Other), want) {
		return fmt.Errorf("%q has not the placeholders %v", message.ID, want)
	}
	for _, form := range []string{message.Other, message.Zero, message.One, message.Two, message.Few, message.Many} {
		found := placeholders(form)
		if strings.Count(form, "{{") != len(placeholder.FindAllString(form, -1)) || slices.ContainsFunc(found, func(p string) bool { return !slices.Contains(want, p) }) {
			return fmt.Errorf("%q has another placeholder than %v", message.ID, want)
		}
	}
	return nil
}

func placeholders(s string) []string {
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(s, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
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

// named is the language with exactly that tag, as our own links spell it.
func (l *languages) named(tag string) (text, bool) {
	for _, t := range l.texts {
		if t.Lang == tag {
			return t, true
		}
	}
	return text{}, false
}
