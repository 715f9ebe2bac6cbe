package portal

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/server"
	"github.com/seed-1c168855/rekey/web"
)

// view is what the templates see. The fields below the first group are for some pages only.
type view struct {
	text
	Chosen string // tag of the language chosen by hand; empty: the browser's
	Site   *site
	urls   server.Assets
	all    *languages
	here   string // path of the page in another language

	Token, Email, Code string // carried on from page to page in bodies; there is no field for a password
	Minimum, Maximum   int
	Problem            *refusal

	Heading    string
	Paragraphs []string
	Ways       bool // offer every way to start over
	ByCode     bool // offer the way of the code
	RequestID  string

	Notice *notice
}

// refusal is a notice over a form.
type refusal struct {
	Heading, Text, After string
	Field                string // id of the input to go on with; empty: none
	Forgot               bool   // offer a new message
}

// contact is where to get help.
type contact struct{ Text, Href string }

// contactOf makes a link of an e-mail address or a URL and leaves a sentence as it is.
func contactOf(s string) *contact {
	if s == "" {
		return nil
	}
	if _, err := httpURL(s); err == nil {
		return &contact{Text: s, Href: s}
	}
	if address := strings.TrimPrefix(s, "mailto:"); strings.Contains(address, "@") && !strings.ContainsAny(address, " \t") {
		return &contact{Text: address, Href: "mailto:" + url.PathEscape(address)}
	}
	return &contact{Text: s}
}

func (p *Portal) view(c *gin.Context) *view {
	v := &view{Site: &p.site, urls: p.assets, all: p.languages, here: here(c), Minimum: p.minimum, Maximum: p.maximum}
	if t, known := p.languages.named(asked(c)); known {
		v.text, v.Chosen = t, t.Lang
	} else {
		v.text = p.languages.choose(c.GetHeader("Accept-Language"))
	}
	return v
}

// Asset is the address of a static file.
func (v *view) Asset(name string) string { return v.urls.URL(name) }

// Wrong tells whether the problem is about this input.
func (v *view) Wrong(field string) bool { return v.Problem != nil && v.Problem.Field == field }

// wait says in words what Retry-After says.
func (v *view) wait(c *gin.Context) string {
	seconds, err := strconv.Atoi(c.Writer.Header().Get("Retry-After"))
	if err != nil {
		seconds = int(busyWait.Seconds())
	}
	return v.inSoManySeconds(seconds)
}

// loadPages parses each page beside the layout.
func loadPages() (map[string]*template.Template, error) {
	files, err := fs.Glob(web.Files, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("listing the pages: %w", err)
	}
	pages := make(map[string]*template.Template)
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" {
			continue
		}
		t, err := template.New(name).Option("missingkey=error").ParseFS(web.Files, "templates/layout.html", file)
		if err != nil {
			return nil, fmt.Errorf("reading the page %s: %w", name, err)
		}
		pages[name] = t
	}
	return pages, nil
}

// show renders a page whole before the first byte is sent.
func (p *Portal) show(c *gin.Context, status int, page string, v *view) {
	if body, done := p.render(c, page, v); done {
		leaveDoor(c)
		c.Data(status, htmlType, body)
	}
}

// plainPage is a page on which nothing is the request's own. There are as many as pages, languages and ways to choose one, whatever is asked for.
type plainPage struct{ name, lang, chosen, here string }

// showPlain shows such a page, made once: it is where a rush begins.
func (p *Portal) showPlain(c *gin.Context, page string) {
	v := p.view(c)
	v.here = c.FullPath() // the path as sent has many spellings
	key := plainPage{page, v.Lang, v.Chosen, v.here}
	body, made := p.plain.Load(key)
	if !made {
		rendered, done := p.render(c, page, v)
		if !done {
			return
		}
		body = rendered
		p.plain.Store(key, body)
	}
	v.label(c)
	leaveDoor(c)
	c.Data(http.StatusOK, htmlType, body.([]byte))
}

const htmlType = "text/html; charset=utf-8"

// render makes a page and says in which language it is. Where that fails it has answered.
func (p *Portal) render(c *gin.Context, page string, v *view) (body []byte, done bool) {
	var b bytes.Buffer
	if err := p.pages[page].ExecuteTemplate(&b, "layout", v); err != nil {
		server.Logger(c).Error("page not rendered", "page", page, "error", err)
		c.String(http.StatusInternalServerError, "Something went wrong on our side. Please try again in a few minutes.\n")
		return nil, false
	}
	v.label(c)
	return b.Bytes(), true
}

// label says in which language an answer is, and what that was chosen by.
func (v *view) label(c *gin.Context) {
	c.Header("Content-Language", v.Lang)
	c.Header("Vary", "Accept-Language")
}
