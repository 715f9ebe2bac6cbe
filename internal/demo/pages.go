package demo

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

//go:embed web
var files embed.FS

// framing lets a page of ours frame another one of ours, which server.PageHeaders does not: the mailbox shows letters so.
const framing = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"

// pages renders the templates of one of the demo's sites.
type pages struct {
	templates map[string]*template.Template
	site      any // what every page shows
}

// view is what a template sees.
type view struct {
	Site any
	Page any
}

// newPages parses layout NAME.html with each of the pages.
func newPages(layout string, site any, names ...string) (*pages, error) {
	p := &pages{templates: map[string]*template.Template{}, site: site}
	for _, name := range append(names, "problem") {
		t, err := template.ParseFS(files, "web/"+layout+".html", "web/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("reading the demo's page %s: %w", name, err)
		}
		p.templates[name] = t
	}
	return p, nil
}

// show renders into memory first, so that a failure is a page of its own and not half of one.
func (p *pages) show(c *gin.Context, status int, name string, page any) {
	var b bytes.Buffer
	if err := p.templates[name].ExecuteTemplate(&b, "layout", view{p.site, page}); err != nil {
		server.Fail(c, fmt.Errorf("rendering %s: %w", name, err))
		return
	}
	c.Data(status, "text/html; charset=utf-8", b.Bytes())
}

func (p *pages) problem(c *gin.Context, d problem.Details) {
	if c.Writer.Written() {
		return
	}
	var b bytes.Buffer
	if err := p.templates["problem"].ExecuteTemplate(&b, "layout", view{p.site, d}); err != nil {
		c.Status(d.Status)
		return
	}
	c.Data(d.Status, "text/html; charset=utf-8", b.Bytes())
}

// engine is the web server of one of the demo's sites: the same as Rekey's own, with its own problems' page.
func (p *pages) engine(logger *slog.Logger) (*gin.Engine, error) {
	e, err := server.New(server.Options{Logger: logger, Headers: server.PageHeaders(false), Render: p.problem, MaxBody: 8 << 10})
	if err != nil {
		return nil, err
	}
	server.Get(e, "/demo.css", func(c *gin.Context) { c.FileFromFS("web/demo.css", http.FS(files)) })
	server.Get(e, "/icon.svg", func(c *gin.Context) { c.FileFromFS("web/icon.svg", http.FS(files)) })
	return e, nil
}
