package delivery

import (
	"bytes"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"slices"
	"strings"
	"sync"
	texttemplate "text/template"

	"golang.org/x/text/language"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// templates finds and keeps the mail templates by locale. A locale is a folder named by its BCP 47 tag in small letters; in it,
// KIND.txt defines "subject" and "body" and KIND.html defines "body"; parts.txt and parts.html define "mail" around them, and words.txt what both share.
// Each file is looked for in the operator's folder first, then among the embedded ones, then in the next wider locale, at last in en;
// a locale that has no folder in its chain takes that of the language its readers know best (CLDR), so pt is written in pt-br.
type templates struct {
	layers  []fs.FS
	folders []string // fallbackLocale first
	matcher language.Matcher
	mu      sync.Mutex
	byName  map[string]*template
}

type template struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

// rendered is a mail before it becomes MIME.
type rendered struct{ Subject, Text, HTML string }

const fallbackLocale = "en"

// newTemplates checks every locale there is, so that a broken template shows at the start and not in the middle of a mailing.
// own may be nil.
func newTemplates(own, embedded fs.FS) (*templates, error) {
	t := &templates{layers: []fs.FS{embedded}, byName: map[string]*template{}}
	if own != nil {
		t.layers = []fs.FS{own, embedded}
	}
	t.folders = t.locales()
	tags := make([]language.Tag, len(t.folders))
	for i, folder := range t.folders {
		tags[i] = language.Make(folder)
	}
	t.matcher = language.NewMatcher(tags)
	for _, locale := range t.folders {
		for kind, sample := range samples {
			if _, err := t.render(kind, locale, sample); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// locales are the folders in all layers.
func (t *templates) locales() []string {
	found := []string{fallbackLocale}
	for _, layer := range t.layers {
		entries, err := fs.ReadDir(layer, ".")
		if err != nil {
			continue // an empty layer; what is missing shows when a file is looked for
		}
		for _, e := range entries {
			if e.IsDir() && !slices.Contains(found, e.Name()) {
				found = append(found, e.Name())
			}
		}
	}
	return found
}

// chain is where to look for a locale: de-at, de, en, as far as there are such folders. A tag that is none is looked for as en.
func (t *templates) chain(locale string) []string {
	wanted, err := language.Parse(locale)
	if err != nil {
		return []string{fallbackLocale}
	}
	var names []string
	for tag := wanted; tag != language.Und; tag = tag.Parent() {
		if name := strings.ToLower(tag.String()); slices.Contains(t.folders, name) {
			names = append(names, name)
		}
	}
	if _, i, sure := t.matcher.Match(wanted); len(names) == 0 && sure > language.No {
		names = append(names, t.folders[i])
	}
	if !slices.Contains(names, fallbackLocale) {
		names = append(names, fallbackLocale)
	}
	return names
}

func (t *templates) render(kind queue.Kind, locale string, c *content) (rendered, error) {
	tmpl, err := t.find(kind, locale)
	if err != nil {
		return rendered{}, err
	}
	var subject, text, html bytes.Buffer
	err = errors.Join(tmpl.text.ExecuteTemplate(&subject, "subject", c), tmpl.text.ExecuteTemplate(&text, "mail", c), tmpl.html.ExecuteTemplate(&html, "mail", c))
	if err != nil {
		return rendered{}, fmt.Errorf("writing mail %s in %q: %w", kind, locale, err)
	}
	return rendered{Subject: clean(subject.String()), Text: strings.TrimSpace(text.String()) + "\n", HTML: strings.TrimSpace(html.String()) + "\n"}, nil
}

// find parses a kind's files once for each locale asked for.
func (t *templates) find(kind queue.Kind, locale string) (*template, error) {
	names := t.chain(locale)
	key := string(kind) + "/" + strings.Join(names, "/")
	t.mu.Lock()
	defer t.mu.Unlock()
	if tmpl := t.byName[key]; tmpl != nil {
		return tmpl, nil
	}
	words, spoken, err := t.read(names, "words.txt")
	if err != nil {
		return nil, err
	}
	var sources [4]string
	for i, file := range [...]string{"parts.txt", string(kind) + ".txt", "parts.html", string(kind) + ".html"} {
		if sources[i], _, err = t.read(names, file); err != nil {
			return nil, err
		}
	}
	tmpl, err := parse(spoken, words, sources)
	if err != nil {
		return nil, fmt.Errorf("reading the templates of mail %s in %q: %w", kind, locale, err)
	}
	t.byName[key] = tmpl
	return tmpl, nil
}

// parse takes the words, their locale, and the files for text and for HTML.
func parse(locale, words string, sources [4]string) (*template, error) {
	text := texttemplate.New("").Funcs(functions(locale))
	html := htmltemplate.New("").Funcs(functions(locale))
	if _, err := text.Parse(words); err != nil {
		return nil, err
	}
	if _, err := html.Parse(words); err != nil {
		return nil, err
	}
	for i := range 2 {
		if _, err := text.Parse(sources[i]); err != nil {
			return nil, err
		}
		if _, err := html.Parse(sources[2+i]); err != nil {
			return nil, err
		}
	}
	return &template{text, html}, nil
}

// read also tells in which locale the file was found.
func (t *templates) read(locales []string, file string) (source, locale string, err error) {
	for _, locale := range locales {
		for _, layer := range t.layers {
			source, err := fs.ReadFile(layer, locale+"/"+file)
			if err == nil {
				return string(source), locale, nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return "", "", fmt.Errorf("reading mail template %s/%s: %w", locale, file, err)
			}
		}
	}
	return "", "", fmt.Errorf("there is no mail template %s in %s", file, strings.Join(locales, ", "))
}

// clean makes one line of what stands in a header, and takes out what no line may have.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if isUnsafe(r) && r != ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.Join(strings.Fields(s), " ")
}
