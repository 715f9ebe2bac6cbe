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
	"time"

	"golang.org/x/text/language"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// templates finds and keeps the mail templates by locale. A locale is a folder named by its BCP 47 tag in small letters; in it,
// KIND.txt defines "subject" and "body" and KIND.html defines "body"; parts.txt and parts.html define "mail" around them.
// Each file is looked for in the operator's folder first, then among the embedded ones, then in the next wider locale, at last in en.
type templates struct {
	layers []fs.FS
	mu     sync.Mutex
	byName map[string]*template
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
	for _, locale := range t.locales() {
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

// chain is where to look for a locale: de-at, de, en. A tag that is none is looked for as en.
func chain(locale string) []string {
	var names []string
	tag, err := language.Parse(locale)
	for err == nil && tag != language.Und {
		names = append(names, strings.ToLower(tag.String()))
		tag = tag.Parent()
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
	names := chain(locale)
	key := string(kind) + "/" + names[0]
	t.mu.Lock()
	defer t.mu.Unlock()
	if tmpl := t.byName[key]; tmpl != nil {
		return tmpl, nil
	}
	var sources [4]string
	for i, file := range [...]string{"parts.txt", string(kind) + ".txt", "parts.html", string(kind) + ".html"} {
		source, err := t.read(names, file)
		if err != nil {
			return nil, err
		}
		sources[i] = source
	}
	tmpl, err := parse(sources)
	if err != nil {
		return nil, fmt.Errorf("reading the templates of mail %s in %q: %w", kind, locale, err)
	}
	t.byName[key] = tmpl
	return tmpl, nil
}

func parse(sources [4]string) (*template, error) {
	text := texttemplate.New("").Funcs(texttemplate.FuncMap{"format": format})
	html := htmltemplate.New("").Funcs(htmltemplate.FuncMap{"format": format})
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

func (t *templates) read(locales []string, file string) (string, error) {
	for _, locale := range locales {
		for _, layer := range t.layers {
			source, err := fs.ReadFile(layer, locale+"/"+file)
			if err == nil {
				return string(source), nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("reading mail template %s/%s: %w", locale, file, err)
			}
		}
	}
	return "", fmt.Errorf("there is no mail template %s in %s", file, strings.Join(locales, ", "))
}

// format writes an instant in UTC by a layout of package time, so that each language says it in its own way.
func format(layout string, t time.Time) string { return t.UTC().Format(layout) }

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
