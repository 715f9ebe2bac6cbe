package delivery

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/token"
	mailtemplates "github.com/seed-1c168855/rekey/web/mail"
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
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
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

// mailLocales are the folders of web/mail. English stands in testdata itself, the others in folders of their own.
var mailLocales = []string{"en", "ar", "de", "es", "fr", "it", "ja", "pt-br"}

func TestMailTexts(t *testing.T) {
	t.Parallel()
	c := fixedComposer(t, Letterhead{})
	if diff := cmp.Diff(slices.Sorted(slices.Values(mailLocales)), slices.Sorted(slices.Values(c.templates.folders))); diff != "" {
		t.Error(diff)
	}
	said := map[string]string{}
	for _, locale := range mailLocales {
		for kind, page := range samples {
			r, err := c.templates.render(kind, locale, page)
			if err != nil {
				t.Fatal(err)
			}
			file := string(kind) + ".golden"
			if locale != "en" {
				file = filepath.Join(locale, file)
			}
			golden(t, file, []byte("Subject: "+r.Subject+"\n\n"+r.Text+"\n"+r.HTML))
			for _, remote := range []string{"<img", "<script", "@import", "url(", "<link"} {
				if strings.Contains(r.HTML, remote) {
					t.Errorf("mail %s in %s has %s in it", kind, locale, remote)
				}
			}
			if !hasLinks(kind) && (strings.Contains(r.Text, "#t=") || strings.Contains(r.HTML, "#t=")) {
				t.Errorf("mail %s in %s has a link, and goes out while the service is locked down", kind, locale)
			}
			if other, is := said[r.Subject]; is {
				t.Errorf("mail %s in %s has the subject of %s", kind, locale, other)
			}
			said[r.Subject] = string(kind) + " in " + locale
		}
	}
}

// TestMailsSayTheSame holds what templates fill in, in every language, against English: nothing left out, nothing more, in text and HTML.
func TestMailsSayTheSame(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile(`\.(?:Service|Home|CodePage|ForgotPage|Contact|NoticePage|Title|Classes|Unexposed|OccurredAt|Accounts|Subject|Link|Code|Ends|At|Test)\b`)
	names := func(locale, file string) []string {
		source, err := fs.ReadFile(mailtemplates.Files, locale+"/"+file)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(slices.Values(named.FindAllString(strings.ReplaceAll(string(source), `{{template "service" .}}`, "{{.Service}}"), -1)))
	}
	for kind := range samples {
		for _, file := range []string{"parts.txt", "parts.html", string(kind) + ".txt", string(kind) + ".html"} {
			for _, locale := range mailLocales[1:] {
				if diff := cmp.Diff(names("en", file), names(locale, file)); diff != "" {
					t.Errorf("%s in English (-) and %s (+):\n%s", file, locale, diff)
				}
			}
		}
	}
}

// TestMailsCountByTheLanguage renders how long links live, and the first of a month.
func TestMailsCountByTheLanguage(t *testing.T) {
	t.Parallel()
	c := fixedComposer(t, Letterhead{})
	says := func(locale string, life time.Duration, want string) {
		t.Helper()
		page := *samples[queue.Asked]
		page.setLife(time.Date(2026, 8, 1, 9, 30, 0, 0, time.UTC).Add(-life), life)
		r, err := c.templates.render(queue.Asked, locale, &page)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(r.Text, want) || !strings.Contains(r.HTML, want) {
			t.Errorf("%s, %v: %q is not in\n%s", locale, life, want, r.Text)
		}
	}
	says("en", time.Hour, "until 1 August 2026, 09:30 UTC (1 hour)")
	says("en", 90*time.Minute, "(90 minutes)")
	says("de-CH", 24*time.Hour, "bis 1. August 2026, 09:30 Uhr UTC (24 Stunden)")
	says("de", time.Minute, "(1 Minute)")
	says("fr-CA", time.Hour, "jusqu’au 1er août 2026, 09:30 UTC (1 heure)")
	says("es-MX", 2*time.Hour, "hasta el 1 de agosto de 2026, 09:30 UTC (2 horas)")
	says("it", time.Hour, "1º agosto 2026, 09:30 UTC (1 ora)")
	says("pt", time.Hour, "até 1º de agosto de 2026, 09:30 UTC (1 hora)")
	says("pt-PT", 3*time.Hour, "(3 horas)")
	says("ja-JP", 24*time.Hour, "2026年8月1日 09:30（協定世界時）まで使えます（24時間）")
	for hours, want := range map[time.Duration]string{1: "(ساعة واحدة)", 2: "(ساعتان)", 3: "(3 ساعات)", 11: "(11 ساعة)", 24: "(24 ساعة)"} {
		says("ar-EG", hours*time.Hour, want)
	}
	for _, locale := range []string{"zh", "zh-Hant-TW", "", "und", "no such thing"} {
		says(locale, time.Hour, "until 1 August 2026")
	}
}

func TestSampleMail(t *testing.T) {
	t.Parallel()
	when := time.Date(2011, 6, 15, 0, 0, 0, 0, time.UTC)
	c := fixedComposer(t, Letterhead{From: "Bücherei <security@bücher.example>", ReplyTo: "Help <help@example.org>", Contact: "help@example.org"})
	m, err := c.Sample(queue.Campaign{ID: 3, Slug: "pass-2011", Title: "Einbruch in Pass – “2011”", Classes: []string{"names", "dates of birth"}, Unexposed: []string{"Payment data", "Kundennummern"}, OccurredAt: &when, Published: true}, queue.Reset, "Operator@bücher.example", "de-AT")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "sample.eml.golden", bytes.ReplaceAll(m.Data, []byte("\r\n"), []byte("\n")))
	if m.From != "security@xn--bcher-kva.example" || m.To != "Operator@xn--bcher-kva.example" || m.UTF8 {
		t.Errorf("envelope from %s to %s", m.From, m.To)
	}
	read := readMail(t, m.Data)
	if !strings.Contains(read.text, "DIES IST EIN TEST") || !strings.HasPrefix(read.header.Get("Subject"), "[Test]") {
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
		m, _, err := c.member(ring, queue.Campaign{ID: 1, Title: evil, Classes: []string{evil}, Unexposed: []string{evil}}, queue.Member{Recipient: queue.Recipient{Account: 1, Subject: evil, Email: "m@example.net", Version: 1, HasPassword: true, Dead: true}})
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

// TestRepeatedMailsAreAsIfWrittenAlone holds mails filled into a form, byte by byte, against mails rendered and encoded whole.
func TestRepeatedMailsAreAsIfWrittenAlone(t *testing.T) {
	t.Parallel()
	own := fstest.MapFS{
		"xx/reset.html": {Data: []byte(`{{define "body"}}{{range .Accounts}}<a href="{{.Link}}" title="{{.Subject}}">{{.Subject}}</a> {{.Code}}{{.Code}}{{end}}{{end}}`)},
		"xx/reset.txt":  {Data: []byte(`{{define "subject"}}{{range .Accounts}}{{.Subject}}{{end}} für{{end}}{{define "body"}}{{range .Accounts}}{{.Code}} {{.Link}}{{.Subject}}{{end}}{{end}}`)},
	}
	c := fixedComposer(t, Letterhead{Templates: own})
	link := publicURL + "/reset#t="
	long := link + strings.Repeat("aB-_.c", 50)
	for _, locale := range []string{"en", "xx", "ar", "ja"} {
		for i, account := range []line{
			{"user-1", link + "aB-_.c.d", "0000-0000-0000"}, {"user-2", link + "x.y.z", "1111-2222-3333"}, {"user-A", link + "AA.BB.AB", "AAAA-BBBB-ABAB"},
			{"7", long, "0000-0000-0000"}, {"8", link + strings.Repeat("..B-", 70), "0000-0000-0000"}, {"a<b>&\"c", link + "x", "4444-5555-6666"}, {"user-3", "", ""},
		} {
			for _, address := range []string{"a@example.net", "o'neil.b@xn--bcher-kva.example", `"two..dots"@example.net`, "jörg@example.net", strings.Repeat("l", 62) + "@example.net"} {
				page := *samples[queue.Reset]
				page.Campaign, page.Title, page.Accounts = 1, fmt.Sprint("Title ", i%2), []line{account}
				to, err := parseAddress(address)
				if err != nil {
					t.Fatal(err)
				}
				id, now := fmt.Sprintf("%026d@%s", i, c.idDomain), c.now().Add(time.Duration(i)*time.Second)
				want, err := c.alone(queue.Reset, locale, &page, to, id, now)
				if err != nil {
					t.Fatal(err)
				}
				got, err := c.campaign(queue.Reset, locale, &page, to, id, now)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("%s %v to %s (-whole +filled):\n%s", locale, account, address, diff)
				}
			}
		}
	}
	if kept, forms := len(c.repeats.kept), len(c.repeats.forms); kept != 12 || forms != 4*5 {
		t.Errorf("%d mails and %d forms are kept, want one for each language, title and with or without a link, and one for each of those and length", kept, forms)
	}
	for key, f := range c.repeats.forms {
		if f == nil {
			t.Errorf("there is no form for %q", key)
		}
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
		"nl/changed.txt":    {Data: []byte(`{{define "subject"}}Wachtwoord gewijzigd{{end}}{{define "body"}}{{template "date" .At}}{{end}}`)},
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
	subject(queue.Changed, "nl-BE", "Wachtwoord gewijzigd")
	subject(queue.Notice, "nl-BE", "Our own words")
	subject(queue.Disabled, "de-AT", "Example: Wir haben Ihr Passwort abgeschaltet")
	subject(queue.Changed, "pt", "Example: sua senha foi alterada")
	subject(queue.Changed, "zh", "Example: your password was changed")
	subject(queue.Changed, "../../etc", "Example: your password was changed")
	subject(queue.Changed, "", "Example: your password was changed")
	subject(queue.Notice, "en-GB", "Our own words")
	if _, err := newTemplates(fstest.MapFS{"de/reset.txt": {Data: []byte(`{{define "subject"}}{{.Pasword}}{{end}}`)}}, tmpl.layers[1]); err == nil {
		t.Error("a template that names a field there is not is taken")
	}
}
