package delivery

import (
	"bytes"
	"flag"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/token"
)

var update = flag.Bool("update", false, "write the golden files")

var codePattern = regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}`)

type readback struct {
	header     netmail.Header
	text, html string
}

// readMail takes a mail apart as a mail program does.
func readMail(t testing.TB, data []byte) readback {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("reading a mail: %v\n%s", err, data)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("the mail is %q: %v", kind, err)
	}
	var bodies []string
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			break
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	if len(bodies) != 2 {
		t.Fatalf("the mail has %d parts, want text and HTML", len(bodies))
	}
	return readback{m.Header, bodies[0], bodies[1]}
}

func fixedComposer(t testing.TB, l Letterhead) *Composer {
	t.Helper()
	if l.From == "" {
		l.From = "Example <security@example.org>"
	}
	l.PublicURL = publicURL
	c, err := NewComposer(l, token.NewCoder(secret.NewMaster()))
	if err != nil {
		t.Fatal(err)
	}
	c.now = func() time.Time { return time.Date(2026, 3, 2, 14, 5, 0, 0, time.UTC) }
	c.random = func() string { return "abcdefghijklmnopqrstuvwxyz" }
	c.boundary = "boundary"
	return c
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestMailTexts(t *testing.T) {
	t.Parallel()
	c := fixedComposer(t, Letterhead{})
	for kind, page := range samples {
		r, err := c.templates.render(kind, "en", page)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, string(kind)+".golden", []byte("Subject: "+r.Subject+"\n\n"+r.Text+"\n"+r.HTML))
		for _, remote := range []string{"<img", "<script", "@import", "url(", "<link"} {
			if strings.Contains(r.HTML, remote) {
				t.Errorf("mail %s has %s in it", kind, remote)
			}
		}
		if !hasLinks(kind) && (strings.Contains(r.Text, "#t=") || strings.Contains(r.HTML, "#t=")) {
			t.Errorf("mail %s has a link, and goes out while the service is locked down", kind)
		}
	}
}

func TestSampleMail(t *testing.T) {
	t.Parallel()
	when := time.Date(2011, 6, 15, 0, 0, 0, 0, time.UTC)
	c := fixedComposer(t, Letterhead{From: "Bücherei <security@bücher.example>", ReplyTo: "Help <help@example.org>", Contact: "help@example.org"})
	m, err := c.Sample(queue.Campaign{ID: 3, Slug: "pass-2011", Title: "Einbruch in Pass – “2011”", Classes: []string{"names", "dates of birth"}, OccurredAt: &when, Published: true}, "Operator@bücher.example", "de-AT")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "sample.eml.golden", bytes.ReplaceAll(m.Data, []byte("\r\n"), []byte("\n")))
	if m.From != "security@xn--bcher-kva.example" || m.To != "Operator@xn--bcher-kva.example" || m.UTF8 {
		t.Errorf("envelope from %s to %s", m.From, m.To)
	}
	read := readMail(t, m.Data)
	if !strings.Contains(read.text, "THIS IS A TEST") || !strings.HasPrefix(read.header.Get("Subject"), "[Test]") {
		t.Error("the sample is not marked as a test")
	}
}

// TestNothingGetsIntoAHeader puts what an attacker may control (title, subject of an account, names, address) full of line breaks (attack 26).
func TestNothingGetsIntoAHeader(t *testing.T) {
	t.Parallel()
	for _, evil := range []string{
		"x\r\nBcc: victim@example.com", "x\nBcc: victim@example.com", "x\rBcc: victim@example.com", "x\x00y", "x\r\n\r\n<b>body</b>", "x\r\n.\r\nMAIL FROM:<a@b.c>",
		"=?utf-8?q?=0D=0ABcc:_victim@example.com?=", "x\u2028Bcc: v@example.com", "x\u0085Bcc: v@example.com", "a\n.\nb",
	} {
		c := fixedComposer(t, Letterhead{Service: evil, Contact: evil})
		ring := testRing(t)
		m, _, err := c.member(ring, queue.Campaign{ID: 1, Title: evil, Classes: []string{evil}}, queue.Recipient{Account: 1, Subject: evil, Email: "m@example.net", Version: 1, HasPassword: true, Dead: true})
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := bytes.Cut(m.Data, []byte("\r\n\r\n"))
		var names []string
		for line := range strings.SplitSeq(string(head), "\r\n") {
			if name, _, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, " ") {
				names = append(names, name)
			}
			if strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("%q: a header line holds a control: %q", evil, line)
			}
		}
		want := []string{"Auto-Submitted", "Date", "MIME-Version", "Message-ID", "Subject", "X-Auto-Response-Suppress", "From", "To", "Content-Type"}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%q changed the headers (-want +got):\n%s", evil, diff)
		}
		if bytes.Contains(bytes.ReplaceAll(m.Data, []byte("\r\n"), nil), []byte("\n")) {
			t.Errorf("%q: a bare line feed stands in the mail", evil)
		}
		readMail(t, m.Data)
	}
}

// TestRepeatedMailsAreAsIfRenderedAlone holds mails filled into a kept one against mails rendered whole.
func TestRepeatedMailsAreAsIfRenderedAlone(t *testing.T) {
	t.Parallel()
	own := fstest.MapFS{"xx/reset.html": {Data: []byte(`{{define "body"}}{{range .Accounts}}<a href="{{.Link}}" title="{{.Subject}}">{{.Subject}}</a> {{.Code}}{{end}}{{end}}`)}}
	c := fixedComposer(t, Letterhead{Templates: own})
	link := publicURL + "/reset#t="
	for _, locale := range []string{"en", "xx"} {
		for _, account := range []line{{"user-1", link + "aB-_.c.d", "0000-0000-0000"}, {"user-2", link + "x.y.z", "1111-2222-3333"}, {"a<b>&\"c", link + "x", "4444-5555-6666"}, {"user-3", "", ""}, {"user-4", link + "u.v", "7777-8888-9999"}} {
			for _, title := range []string{"One", "Two"} {
				page := *samples[queue.Reset]
				page.Campaign, page.Title, page.Accounts = 1, title, []line{account}
				want, err := c.templates.render(queue.Reset, locale, &page)
				if err != nil {
					t.Fatal(err)
				}
				got, err := c.repeat(queue.Reset, locale, &page)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s %v (-whole +filled):\n%s", locale, account, diff)
				}
			}
		}
	}
	if len(c.repeats.kept) != 8 {
		t.Errorf("%d mails are kept, want one for each language, title, and with or without a link", len(c.repeats.kept))
	}
}

func testRing(t testing.TB) *token.Ring {
	t.Helper()
	key, err := token.NewKey(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.NewRing(publicURL, []token.Key{key})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestParseAddress(t *testing.T) {
	t.Parallel()
	takes := func(stored, address string, utf8 bool) {
		t.Helper()
		got, err := parseAddress(stored)
		if err != nil || got.Address != address || got.UTF8 != utf8 {
			t.Errorf("%q gives %+v, %v; want %s", stored, got, err, address)
		}
	}
	refuses := func(stored string) {
		t.Helper()
		if got, err := parseAddress(stored); err == nil {
			t.Errorf("%q gives %+v, want it refused", stored, got)
		}
	}
	takes("a@example.org", "a@example.org", false)
	takes("O'Brien+x@Example.ORG", "O'Brien+x@example.org", false)
	takes("a@bücher.example", "a@xn--bcher-kva.example", false)
	takes("jörg@example.org", "jörg@example.org", true)
	takes("a..b.@docomo.example", `"a..b."@docomo.example`, false)
	takes(`"a,b"@example.org`, `"a,b"@example.org`, false)
	for _, stored := range []string{
		"", "@", "a@", "@b", "a b@c.example", "a@b c.example", "a@b\r\nRCPT TO:<x@y.example>", "a\r\n@b.example", "<a@b.example>", "a@b.example>", "a,b@c.example", "x@y@z.example,",
		"a@b.example, c@d.example", "\"a\\\"b\"@c.example", "a\x00@b.example", "a@b..example", "a\u202e@b.example", strings.Repeat("a", 65) + "@b.example", "a@" + strings.Repeat("b.", 130) + "example", "a\xff@b.example",
	} {
		refuses(stored)
	}
}

// TestTemplateLayers pins where templates come from: the operator's folder before ours, the narrower locale before the wider.
func TestTemplateLayers(t *testing.T) {
	t.Parallel()
	own := fstest.MapFS{
		"de/changed.txt":    {Data: []byte(`{{define "subject"}}Passwort geändert{{end}}{{define "body"}}{{format "02.01.2006" .At}}{{end}}`)},
		"de-at/changed.txt": {Data: []byte(`{{define "subject"}}Passwort geändert, gelt{{end}}{{define "body"}}x{{end}}`)},
		"en/notice.txt":     {Data: []byte(`{{define "subject"}}Our own words{{end}}{{define "body"}}y{{end}}`)},
	}
	tmpl, err := newTemplates(own, fixedComposer(t, Letterhead{}).templates.layers[0])
	if err != nil {
		t.Fatal(err)
	}
	subject := func(kind queue.Kind, locale, want string) {
		t.Helper()
		got, err := tmpl.render(kind, locale, samples[kind])
		if err != nil || got.Subject != want {
			t.Errorf("%s in %q is %q, %v; want %q", kind, locale, got.Subject, err, want)
		}
	}
	subject(queue.Changed, "de-DE", "Passwort geändert")
	subject(queue.Changed, "de-AT", "Passwort geändert, gelt")
	subject(queue.Changed, "fr", "Example: your password was changed")
	subject(queue.Changed, "../../etc", "Example: your password was changed")
	subject(queue.Changed, "", "Example: your password was changed")
	subject(queue.Notice, "en-GB", "Our own words")
	if _, err := newTemplates(fstest.MapFS{"de/reset.txt": {Data: []byte(`{{define "subject"}}{{.Pasword}}{{end}}`)}}, tmpl.layers[1]); err == nil {
		t.Error("a template that names a field there is not is taken")
	}
}
