package delivery

import (
	"bytes"
	"fmt"
	"html"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/delivery/queue"
)

// neverAsk is what a mail says in each language about what nobody of ours asks for.
var neverAsk = map[string]string{
	"en": "We never ask for your password", "de": "Wir fragen nie nach Ihrem Passwort", "fr": "Nous ne demandons jamais votre mot de passe",
	"es": "Nunca le pedimos su contraseña", "it": "Non chiediamo mai la Sua password", "pt-br": "Nunca pedimos sua senha",
	"ja": "おたずねすることは決してありません", "ar": "لا نطلب أبدًا كلمة مروركم",
}

// promise is what a kind of mail must have in it.
type promise struct {
	link     string // the only link begins so; empty: there is none
	code     bool   // a code to type, and where
	incident bool   // what happened, what was exposed and what was not
}

var promises = map[queue.Kind]promise{
	queue.Reset:    {link: publicURL + "/reset#t=", code: true, incident: true},
	queue.Reminder: {link: publicURL + "/reset#t=", code: true, incident: true},
	queue.Notice:   {incident: true},
	queue.Asked:    {link: publicURL + "/reset#t=", code: true},
	queue.Reissue:  {link: publicURL + "/reset#t=", code: true},
	queue.Disabled: {link: publicURL + "/reset#t=", code: true},
	queue.Changed:  {link: publicURL + "/forgot"},
}

// TestMailsCanBeTrusted reads every kind of mail in every language as the mail server of a member received it.
func TestMailsCanBeTrusted(t *testing.T) {
	t.Parallel()
	server := &smtpd{}
	server.start(t, smtpdOptions{})
	conn, err := dialer(t, server, "smtp://", "?tls=none").Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := fixedComposer(t, Letterhead{ReplyTo: "Help <help@example.org>", Contact: "help@example.org", Service: "Example"})
	c.now, c.random, c.boundary = time.Now, rand26, ""
	if diff := cmp.Diff(len(samples), len(promises)); diff != "" {
		t.Errorf("kinds of mail without a promise: %s", diff)
	}
	seen := map[string]bool{}
	for kind, want := range promises {
		for _, locale := range mailLocales {
			m := written(t, c, kind, locale)
			if err := conn.Deliver(m, func() error { return nil }); err != nil {
				t.Fatal(err)
			}
			got := server.mails()
			t.Run(fmt.Sprintf("%s/%s", kind, locale), func(t *testing.T) {
				raw := got[len(got)-1].Data
				trusted(t, raw, m, locale, want)
				if seen[m.ID] {
					t.Errorf("two mails are called %s", m.ID)
				}
				seen[m.ID] = true
			})
		}
	}
}

// written is a mail to the member m with account user-1 in a published incident.
func written(t *testing.T, c *Composer, kind queue.Kind, locale string) *Message {
	t.Helper()
	to := queue.Recipient{Account: 1, Subject: "user-1", Email: "m@example.net", Locale: locale, Version: 1, Epoch: 1, HasPassword: true, Dead: kind != queue.Notice}
	var m *Message
	var err error
	if promises[kind].incident {
		when := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		k := queue.Campaign{ID: 1, Slug: "pass-2011", Title: "Pass break-in", Classes: []string{"Shoe sizes"}, Unexposed: []string{"Star signs"}, OccurredAt: &when, Published: true}
		var got queue.Kind
		m, got, err = c.member(testRing(t), k, queue.Member{Campaign: 1, Reminder: kind == queue.Reminder, Recipient: to})
		if got != kind {
			t.Fatalf("a mail %s was written, want %s", got, kind)
		}
	} else {
		m, err = c.single(testRing(t), queue.Single{IDs: []int64{1}, Kind: kind, CreatedAt: time.Now()}, []queue.Recipient{to})
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func trusted(t *testing.T, raw []byte, m *Message, locale string, want promise) {
	t.Helper()
	trustedHeader(t, raw, m)
	read := readMail(t, raw)
	text, page := read.text, read.html
	if at := bytes.Index(raw, []byte("Content-Type: text/plain; charset=UTF-8")); at < 0 || at > bytes.Index(raw, []byte("Content-Type: text/html; charset=UTF-8")) {
		t.Error("the text does not come first")
	}
	visible := html.UnescapeString(regexp.MustCompile(`(?s)<head>.*</head>|<[^>]*>`).ReplaceAllString(page, " "))
	for _, must := range []string{neverAsk[locale], publicURL, "help@example.org", "Example"} {
		if !strings.Contains(text, must) || !strings.Contains(visible, must) {
			t.Errorf("%q is not in text and HTML", must)
		}
	}
	if want.incident {
		for _, must := range []string{"Pass break-in", "Shoe sizes", "Star signs", publicURL + "/incidents/pass-2011"} {
			if !strings.Contains(text, must) || !strings.Contains(visible, must) {
				t.Errorf("%q is not in text and HTML", must)
			}
		}
	}
	if tag := `lang="` + strings.Replace(locale, "-br", "-BR", 1) + `"`; !strings.Contains(page, tag) || (locale == "ar") != strings.Contains(page, `dir="rtl"`) {
		t.Errorf("the HTML does not say %s, or not its direction", tag)
	}
	if len(strings.Join(strings.Fields(text), "")) < len(strings.Join(strings.Fields(visible), ""))*8/10 {
		t.Error("the text says much less than the HTML")
	}
	trustedLinks(t, text, page, visible, want)
}

// trustedHeader holds standards of RFC 5322, RFC 3834 and of what such a mail must not have: it is no list mail, so no List-* (RFC 8058).
func trustedHeader(t *testing.T, raw []byte, m *Message) {
	t.Helper()
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") || bytes.ContainsFunc(line, func(r rune) bool { return r >= utf8.RuneSelf }) {
			t.Errorf("a line is too long or not ASCII: %q", line)
		}
	}
	read := readMail(t, raw)
	var names []string
	for name, values := range read.header {
		names = append(names, name)
		if len(values) != 1 {
			t.Errorf("header %s stands %d times", name, len(values))
		}
	}
	slices.Sort(names)
	allowed := []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Reply-To", "Subject", "To", "X-Auto-Response-Suppress"}
	if diff := cmp.Diff(allowed, names); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	for name, value := range map[string]string{
		"Auto-Submitted": "auto-generated", "From": `"Example" <security@example.org>`, "To": "<m@example.net>", "Reply-To": `"Help" <help@example.org>`,
		"Message-Id": m.ID, "Mime-Version": "1.0",
	} {
		if got := read.header[textproto.CanonicalMIMEHeaderKey(name)]; len(got) != 1 || got[0] != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if !regexp.MustCompile(`^<[a-z2-7]{26}@reset\.example\.org>$`).MatchString(m.ID) {
		t.Errorf("the mail is called %s", m.ID)
	}
	if sent, err := read.header.Date(); err != nil || time.Since(sent).Abs() > time.Minute {
		t.Errorf("the mail is dated %v (%v)", sent, err)
	}
}

var (
	anAddress = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"<>()（）。，]+|\bwww\.`)
	aLink     = regexp.MustCompile(`(?i)\shref\s*=\s*"([^"]*)"`)
	aTrace    = regexp.MustCompile(`(?i)<(img|script|link|iframe|object|embed|video|audio|form|base|svg)\b|\s(src|srcset|background|poster|ping|on[a-z]+)\s*=|url\(|@import|http-equiv|utm_`)
)

// trustedLinks finds one link, by the public URL, no other site, and nothing that a mail program would fetch.
func trustedLinks(t *testing.T, text, page, visible string, want promise) {
	t.Helper()
	for _, address := range anAddress.FindAllString(text+"\n"+page, -1) {
		path, ours := strings.CutPrefix(address, publicURL)
		if !ours || path != "" && !strings.HasPrefix(path, "/") || strings.Contains(path, "?") {
			t.Errorf("the mail names %s", address)
		}
	}
	if trace := aTrace.FindString(page); trace != "" {
		t.Errorf("the mail has %q in it", trace)
	}
	links := aLink.FindAllStringSubmatch(page, -1)
	switch {
	case want.link == "" && len(links) != 0:
		t.Errorf("the mail has links: %q", links)
	case want.link != "" && (len(links) != 1 || !strings.HasPrefix(links[0][1], want.link)):
		t.Errorf("the links are %q, want one to %s", links, want.link)
	case want.link != "" && !strings.Contains(text, html.UnescapeString(links[0][1])):
		t.Error("the text lacks the link")
	}
	code := codePattern.FindString(text)
	if want.code != (code != "") || want.code != strings.Contains(text, publicURL+"/code") || want.code && (!strings.Contains(visible, code) || !strings.Contains(visible, publicURL+"/code")) {
		t.Errorf("the code %q and where to type it: want %v", code, want.code)
	}
	if want.link == publicURL+"/forgot" && !strings.Contains(visible, want.link) {
		t.Error("the address to type is not to be seen")
	}
}
