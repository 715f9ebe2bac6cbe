package portal_test

import (
	"context"
	"encoding/xml"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/portal"
)

const atom = "http://www.w3.org/2005/Atom"

// element is any XML element, so that nothing of the program under test takes part in reading.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

func (e element) all(name string) (found []element) {
	for _, c := range e.Children {
		if c.XMLName == (xml.Name{Space: atom, Local: name}) {
			found = append(found, c)
		}
	}
	return found
}

func (e element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// one is the text of the only child of that name.
func (e element) one(t *testing.T, name string) string {
	t.Helper()
	found := e.all(name)
	if len(found) != 1 {
		t.Fatalf("%s has %d %s, RFC 4287 wants one", e.XMLName.Local, len(found), name)
	}
	return found[0].Text
}

func (e element) link(rel string) (hrefs []string) {
	for _, l := range e.all("link") {
		if l.attr("rel") == rel {
			hrefs = append(hrefs, l.attr("href"))
		}
	}
	return hrefs
}

// readFeed parses a feed and holds it to RFC 4287 §4.1.1 and §4.1.2: what must be there once, ids that are IRIs and differ, dates, absolute links.
func readFeed(t *testing.T, a answer, public string) element {
	t.Helper()
	var f element
	if err := xml.Unmarshal([]byte(a.body), &f); err != nil {
		t.Fatalf("%v in\n%s", err, a.body)
	}
	if f.XMLName != (xml.Name{Space: atom, Local: "feed"}) || a.header.Get("Content-Type") != "application/atom+xml; charset=utf-8" {
		t.Fatalf("%v as %s", f.XMLName, a.header.Get("Content-Type"))
	}
	if len(f.all("author")) != 1 || f.all("author")[0].one(t, "name") == "" {
		t.Error("no author")
	}
	ids := map[string]bool{}
	newest := time.Time{}
	for _, e := range append(f.all("entry"), f) {
		id, err := url.Parse(e.one(t, "id"))
		if err != nil || !id.IsAbs() || ids[id.String()] || e.one(t, "title") == "" {
			t.Errorf("id %v, title %q: %v", id, e.one(t, "title"), err)
		}
		ids[id.String()] = true
		at, err := time.Parse(time.RFC3339, e.one(t, "updated"))
		if err != nil {
			t.Error(err)
		}
		if e.XMLName.Local == "entry" && at.After(newest) {
			newest = at
		}
		if e.XMLName.Local == "feed" && at.Before(newest) {
			t.Errorf("the feed is of %v, an entry of %v", at, newest)
		}
		for _, l := range e.all("link") {
			if !strings.HasPrefix(l.attr("href"), public+"/") {
				t.Errorf("a link to %s", l.attr("href"))
			}
		}
		if len(e.link("alternate")) != 1 {
			t.Errorf("%d alternate links", len(e.link("alternate")))
		}
	}
	return f
}

func TestFeed(t *testing.T) {
	t.Parallel()
	const public = "https://pass.example.com"
	s := open(t, func(o *portal.Options) { o.PublicURL = public })
	f := readFeed(t, s.get(notice+"/feed"), public)
	type entry struct{ ID, Title, Published, Updated, Link, Content string }
	var got []entry
	for _, e := range f.all("entry") {
		if e.all("content")[0].attr("type") != "html" {
			t.Error("content is not said to be HTML")
		}
		got = append(got, entry{e.one(t, "id"), e.one(t, "title"), e.one(t, "published"), e.one(t, "updated"), e.link("alternate")[0], e.one(t, "content")})
	}
	const here = public + notice
	want := []entry{
		{here + "#update-4", "Update of 1 July 2011", "2011-07-01T12:00:00Z", "2011-07-04T12:00:00Z", here + "#update-4",
			`<p dir="auto">All members have been written to.</p><p dir="auto">The investigation goes on; &lt;i&gt;so far&lt;/i&gt; nothing else was found.</p>`},
		{here + "#update-3", "Update of 20 June 2011", "2011-06-20T12:00:00Z", "2011-06-20T12:00:00Z", here + "#update-3", `<p dir="auto">We have told the data protection authority.</p>`},
		{here + "#notice", "Member data was copied from Example Pass", "2011-06-17T12:00:00Z", "2011-06-17T12:00:00Z", here,
			`<p dir="auto">Strangers copied part of our member database.</p><p dir="auto">No payment data was stored there. &lt;b&gt;Not bold&lt;/b&gt;</p>` +
				`<h2>What was exposed</h2><ul><li><bdi>Names</bdi></li><li><bdi>Email addresses</bdi></li><li><bdi>Dates of birth</bdi></li><li><bdi>Passwords, weakly protected</bdi></li></ul>` +
				`<h2>What was not exposed</h2><ul><li><bdi>Payment data</bdi></li><li><bdi>Postal addresses</bdi></li></ul>`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if self := f.link("self"); !slices.Equal(self, []string{here + "/feed"}) || f.one(t, "updated") != "2011-07-04T12:00:00Z" {
		t.Errorf("self %v, updated %s", self, f.one(t, "updated"))
	}
	german := readFeed(t, s.get(notice+"/feed?lang=de"), public)
	if german.attr("lang") != "de" || german.all("entry")[0].one(t, "title") != "Neuigkeit vom 1. Juli 2011" || !slices.Equal(german.link("self"), []string{here + "/feed?lang=de"}) {
		t.Errorf("in German: %v %s", german.Attrs, german.all("entry")[0].one(t, "title"))
	}
	for i, e := range german.all("entry") {
		if e.one(t, "id") != want[i].ID {
			t.Errorf("the id of an entry is %s in German", e.one(t, "id"))
		}
	}
}

// Whatever an operator typed, the feed can be parsed.
func TestFeedOfAnyText(t *testing.T) {
	t.Parallel()
	s := open(t, func(o *portal.Options) {
		o.Notice = func(ctx context.Context, slug string) (incident.Incident, error) {
			i, err := published(ctx, slug)
			i.Title, i.Notice = "a < b ]]> & \"c\"", "\x01\ufffe </content> ]]> &amp; &#0; "
			i.Classes = []string{"<script>"}
			return i, err
		}
	})
	f := readFeed(t, s.get(notice+"/feed"), s.url)
	last := f.all("entry")[2]
	if last.one(t, "title") != "a < b ]]> & \"c\"" || !strings.Contains(last.one(t, "content"), "&lt;/content&gt; ]]&gt; &amp;amp; &amp;#0;") || strings.Contains(last.one(t, "content"), "<script") {
		t.Errorf("%q %q", last.one(t, "title"), last.one(t, "content"))
	}
}
