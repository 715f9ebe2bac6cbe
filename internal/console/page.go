package console

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
	"github.com/seed-1c168855/rekey/web"
)

// view is what every template is given. Page is the page's own.
type view struct {
	Site      site
	Who       *operator.Principal // nil before the sign-in
	Nav       []entry
	Locked    *campaign.Lockdown // nil unless a lockdown holds
	Said      string             // what the last act did
	Wrong     *wrong             // why the form was refused
	RequestID string
	Here      string // the page's own path
	Page      any

	assets server.Assets
}

// entry is a line of the navigation.
type entry struct {
	Href, Text string
	Current    bool
	Count      int
}

// wrong is a refusal over the form that it concerns.
type wrong struct{ Heading, Text, Code string }

// May tells whether a page offers an act: whether the viewer's role covers it, to do it or to ask a second person for it.
func (v *view) May(act string) bool {
	return v.Who != nil && mayAsk(*v.Who, operator.Act(act))
}

func mayAsk(p operator.Principal, a operator.Act) bool {
	rule, ok := operator.RuleOf(a)
	return ok && (p.Roles.Has(rule.Roles...) || p.Roles.Has(rule.Ask...))
}

// Fresh tells whether the viewer's second factor was shown lately enough for what asks for that.
func (v *view) Fresh() bool { return v.Who != nil && time.Now().Before(v.Who.FreshUntil) }

// Words is an act in plain words.
func (v *view) Words(act operator.Act) string {
	if rule, ok := operator.RuleOf(act); ok {
		return rule.Text
	}
	return string(act)
}

// Place is the page of what an entry or a request is about; "" for none.
func (v *view) Place(object string) string {
	kind, name, _ := strings.Cut(object, ":")
	switch kind {
	case "campaign", "incident", "operator":
		return "/" + kind + "s/" + name
	case "lockdown":
		return "/lockdown"
	}
	return ""
}

// long are numbers that nobody reads at a glance.
var long = regexp.MustCompile(`\b\d{5,}\b`)

// grouped writes the long numbers in a sentence as Number does.
func grouped(text string) string {
	return long.ReplaceAllStringFunc(text, func(n string) string {
		v, err := strconv.ParseInt(n, 10, 64)
		if err != nil {
			return n
		}
		return (*view)(nil).Number(v)
	})
}

// Share is a part of a whole in per cent, "" of nothing.
func (v *view) Share(part, whole int64) string {
	if whole == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(part)*100/float64(whole), 'f', 1, 64) + "\u202f%"
}

// Language is a language's name in English, or its tag.
func (v *view) Language(tag string) string {
	if t, err := language.Parse(tag); err == nil {
		return display.English.Tags().Name(t)
	}
	return tag
}

// Asset is where a style sheet, script or picture is.
func (v *view) Asset(name string) string { return v.assets.URL(name) }

// Time is a moment as everybody can read it: in UTC, which a script turns into the viewer's zone.
func (v *view) Time(at any) template.HTML {
	var t time.Time
	switch at := at.(type) {
	case time.Time:
		t = at
	case *time.Time:
		if at == nil {
			return "–"
		}
		t = *at
	}
	if t.IsZero() {
		return "–"
	}
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format("2006-01-02 15:04:05") + " UTC</time>") //nolint:gosec // made of digits alone
}

// Number writes a count with thin spaces between groups of three digits.
func (v *view) Number(n any) string {
	var s string
	switch n := n.(type) {
	case int:
		s = strconv.Itoa(n)
	case int64:
		s = strconv.FormatInt(n, 10)
	case *int64:
		if n == nil {
			return "–"
		}
		s = strconv.FormatInt(*n, 10)
	default:
		return fmt.Sprint(n)
	}
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	var b strings.Builder
	for i, digit := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteRune('\u202f')
		}
		b.WriteRune(digit)
	}
	return sign + b.String()
}

// loadTemplates joins each page of web/console with the layout when it is first shown: all of them would take a fifth of what a server keeps in memory,
// and most servers show few or none.
func loadTemplates() (map[string]func() (*template.Template, error), error) {
	layout, err := template.New("layout.html").Funcs(template.FuncMap{"grouped": grouped, "moment": new(view).Time, "fact": fact}).ParseFS(web.Files, "console/layout.html")
	if err != nil {
		return nil, fmt.Errorf("reading the layout: %w", err)
	}
	files, err := fs.Glob(web.Files, "console/*.html")
	if err != nil {
		return nil, fmt.Errorf("looking for pages: %w", err)
	}
	pages := make(map[string]func() (*template.Template, error))
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" || name == reportName {
			continue
		}
		pages[name] = sync.OnceValues(func() (*template.Template, error) {
			return template.Must(layout.Clone()).ParseFS(web.Files, file) // the layout itself is never executed, which Clone asks for
		})
	}
	return pages, nil
}

// show writes a page, whole or not at all.
func (c *Console) show(g *gin.Context, status int, name string, v *view) {
	load := c.templates[name]
	if load == nil {
		load, name = c.templates["problem"], "problem"
	}
	var b bytes.Buffer
	page, err := load()
	if err == nil {
		err = page.ExecuteTemplate(&b, "layout", v)
	}
	if err != nil {
		g.Error(fmt.Errorf("writing page %s: %w", name, err)) //nolint:errcheck // it gives back what it is given
		g.String(http.StatusInternalServerError, "The page could not be shown.")
		return
	}
	g.Data(status, "text/html; charset=utf-8", b.Bytes())
}

// codeOf is the rule that a refusal is about, "" for none.
func codeOf(err error) string {
	var p *problem.Error
	if errors.As(err, &p) {
		return p.Code
	}
	return ""
}
