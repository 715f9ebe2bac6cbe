package portal

import (
	"encoding/xml"
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/server"
)

// atomFeed is RFC 4287 as far as a notice needs it. Times are RFC 3339 in UTC, links are absolute.
type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated time.Time   `xml:"updated"`
	Author  string      `xml:"author>name"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID        string    `xml:"id"`
	Title     string    `xml:"title"`
	Published time.Time `xml:"published"`
	Updated   time.Time `xml:"updated"`
	Link      atomLink  `xml:"link"`
	Content   atomHTML  `xml:"content"`
}

type atomHTML struct {
	Type string `xml:"type,attr"`
	HTML string `xml:",chardata"`
}

const atomType = "application/atom+xml"

// feed is the notice and its updates for feed readers, the newest first. It names no language in its ids, so that they are the same in each.
func (p *Portal) feed(c *gin.Context) {
	v, i, found := p.published(c)
	if !found {
		return
	}
	body, err := xml.Marshal(v.atom(i))
	if err != nil {
		server.Fail(c, fmt.Errorf("writing the feed of incident %s: %w", i.Slug, err))
		return
	}
	v.label(c)
	c.Header("X-Robots-Tag", "noindex") // search engines have the page
	p.serveShared(c, atomType+"; charset=utf-8", append([]byte(xml.Header), body...), i)
}

func (v *view) atom(i incident.Incident) atomFeed {
	n := v.Notice
	f := atomFeed{
		Lang: v.Lang, ID: n.Plain, Title: n.Title + " – " + v.Site.Name, Updated: n.Modified.UTC(), Author: v.Site.Name,
		Links: []atomLink{{"self", atomType, n.Feed}, {"alternate", "text/html", n.Address}},
	}
	for _, e := range n.Events {
		if e.ID == 0 {
			continue
		}
		f.Entries = append([]atomEntry{{
			ID: n.Plain + "#" + e.Anchor(), Title: v.say("incident.update_of", "Date", v.Date(e.At)), Published: e.At.UTC(), Updated: e.changed.UTC(),
			Link: atomLink{"alternate", "text/html", n.Address + "#" + e.Anchor()}, Content: atomHTML{"html", htmlOf(e.Paragraphs)},
		}}, f.Entries...)
	}
	first := *n.Published
	if i.UpdatedAt.After(first) {
		first = i.UpdatedAt
	}
	content := htmlOf(n.Paragraphs) + htmlList(v.say("incident.exposed"), n.Exposed) + htmlList(v.say("incident.unexposed"), n.Unexposed)
	f.Entries = append(f.Entries, atomEntry{
		ID: n.Plain + "#notice", Title: n.Title, Published: n.Published.UTC(), Updated: first.UTC(),
		Link: atomLink{"alternate", "text/html", n.Address}, Content: atomHTML{"html", content},
	})
	return f
}

func htmlOf(paragraphs []string) string {
	var b strings.Builder
	for _, p := range paragraphs {
		b.WriteString(`<p dir="auto">` + html.EscapeString(p) + "</p>")
	}
	return b.String()
}

func htmlList(heading string, items []string) string {
	if len(items) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("<h2>" + html.EscapeString(heading) + "</h2><ul>")
	for _, item := range items {
		b.WriteString("<li><bdi>" + html.EscapeString(item) + "</bdi></li>")
	}
	return b.String() + "</ul>"
}
