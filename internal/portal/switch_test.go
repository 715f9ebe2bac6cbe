package portal_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/portal"
)

var (
	tags     = []string{"en", "ar", "de", "es", "fr", "it", "ja", "pt-BR"}
	headline = regexp.MustCompile(`<h1[^>]*>([^<]*)`)
)

// bring gets or posts a state over HTTP, in the language of an Accept-Language header.
func (s *site) bring(st state, accept string) answer {
	s.t.Helper()
	for _, call := range []string{"redeem", "check " + oldToken} {
		s.cases.fail(call, st.err)
	}
	path, _, _ := strings.Cut(st.path, "#")
	r := s.request("GET", path, nil)
	if st.fields != nil {
		r = s.request("POST", path, strings.NewReader(form(st.fields)))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept-Language", accept)
	return s.do(r)
}

func TestEveryPageInEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, st := range states() {
		s := open(t)
		if st.name == "closed" {
			s.cases.lock()
		}
		titles := map[string]bool{}
		for _, tag := range tags {
			a := s.bring(st, tag)
			if a.header.Get("Content-Language") != tag || a.header.Get("Vary") != "Accept-Language" {
				t.Errorf("%s in %s: Content-Language %s, Vary %s", st.name, tag, a.header.Get("Content-Language"), a.header.Get("Vary"))
			}
			dir := map[bool]string{true: "rtl", false: "ltr"}[tag == "ar"]
			s.wants(a, a.status, fmt.Sprintf(`<html lang="%s" dir="%s">`, tag, dir))
			if n := strings.Count(a.body, ` hreflang="`) - strings.Count(a.body, `<link rel="alternate" hreflang="`); n != len(tags) || strings.Count(a.body, `aria-current="true"`) != 1 {
				t.Errorf("%s in %s: the switch has %d languages", st.name, tag, n)
			}
			if strings.Contains(a.body, "{{") || strings.Contains(a.body, "<no value>") || strings.Contains(a.body, `name="lang"`) {
				t.Errorf("%s in %s is not filled, or keeps a language nobody chose", st.name, tag)
			}
			titles[headline.FindStringSubmatch(a.body)[1]] = true
		}
		if want := map[bool]int{true: 1, false: len(tags)}[st.name == "incident"]; len(titles) != want {
			t.Errorf("%s has %d headings in %d languages", st.name, len(titles), len(tags))
		}
	}
}

// What is no language is kept out of its rules: addresses, codes and the count run left to right, the operator's own words as they are.
func TestRightToLeft(t *testing.T) {
	t.Parallel()
	s := open(t)
	page := s.get("/reset?lang=ar").body
	for _, part := range []string{`name="email" type="text" inputmode="email" dir="ltr"`, `name="code" class="code" type="text" dir="ltr"`, `id="count" dir="ltr"`, "\u20664F7K‑9QXR‑2MTD\u2069", "\u2068Example Pass\u2069", "<bdi>help@example.com</bdi>"} {
		if !strings.Contains(page, part) {
			t.Errorf("/reset lacks %s", part)
		}
	}
	s.wants(s.get("/incidents/spring-2011?lang=ar"), 200, `<h1 dir="auto">Member data`, `<p class="typed" dir="auto">Strangers`, "<li><bdi>Passwords, weakly protected</bdi></li>", `class="address"><bdi dir="ltr">`, "14 يونيو 2011",
		`<link rel="alternate" hreflang="ja" href="`+s.url+`/incidents/spring-2011?lang=ja">`)
	css := s.get(regexp.MustCompile(`/static/[^"]+portal\.css`).FindString(page)).body
	if bad := regexp.MustCompile(`(?:margin|padding|border|inset)-(?:left|right)|[;{\s](?:left|right):|text-align: ?(?:left|right)|float: ?(?:left|right)`).FindString(css); bad != "" {
		t.Errorf("the style sheet knows left from right: %q", bad)
	}
}

func TestChosenLanguageIsKept(t *testing.T) {
	t.Parallel()
	s := open(t)
	const hidden = `<input type="hidden" name="lang" value="de">`
	s.wants(s.get("/code?lang=de"), 200, `<html lang="de"`, hidden, `href="/forgot?lang=de"`, `href="/?lang=de"`, `href="/code?lang=ja"`)
	s.wants(s.get("/forgot?lang=de"), 200, hidden, `action="/forgot"`, `href="/code?lang=de"`)
	s.wants(s.get("/nowhere?lang=de"), 404, "Hier gibt es keine Seite", `href="/?lang=ja"`)
	if where := s.post("/reset", "token", aToken, "lang", "de").header.Get("Location"); where != "/done?lang=de" {
		t.Error(where)
	}
	s.wants(s.post("/forgot", "email", "a@example.com", "lang", "pt-BR"), 200, `<html lang="pt-BR"`, `href="/forgot?lang=de"`)
	if s.cases.locale != "pt-BR" {
		t.Errorf("the mail is asked for in %s", s.cases.locale)
	}
	s.cases.fail("redeem", refused("too_short", ""))
	s.wants(s.post("/reset", "token", aToken, "lang", "de"), 422, hidden, "Ihr neues Passwort ist noch nicht gespeichert", "mindestens 15 Zeichen", `href="/reset?lang=ja"`)
	s.wants(s.post("/reissue", "token", oldToken, "lang", "de"), 200, "Postfach", `href="/reset?lang=ja"`)
}

// The query is read for one thing, in one spelling. What is sent twice is refused or not looked at, as everywhere (attack 8).
func TestLanguageIsReadInOneWay(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, query := range []string{"lang=xx", "lang=de&lang=fr", "LANG=de", "lang=DE", "lang=", "lang=de-AT", "lang=../../de", "lang=%22%3E%3Cscript%3E", "lang[]=de", "lang=" + strings.Repeat("de", 2000)} {
		sameAnswer(t, s.get("/code"), s.get("/code?"+query))
	}
	for _, row := range [][2]string{{"/forgot", "email=a@example.com&lang=de&lang=fr"}, {"/forgot", "email=a@example.com&Lang=de"}, {"/forgot?lang=de", "email=a@example.com"}, {"/reset?lang=de", "token=a&lang=de"}} {
		if a := s.send(row[0], row[1]); a.status != 400 {
			t.Errorf("%s %s: %d", row[0], row[1], a.status)
		}
	}
	sameAnswer(t, s.post("/forgot", "email", "a@example.com"), s.post("/forgot", "email", "a@example.com", "lang", "<script>"))
	if where := s.post("/reset", "token", aToken, "lang", "//evil.example").header.Get("Location"); where != "/done" {
		t.Error(where)
	}
}

func TestSecurityText(t *testing.T) {
	t.Parallel()
	const path = "/.well-known/security.txt"
	text := func(contact, public string) answer {
		return open(t, func(o *portal.Options) { o.Contact, o.PublicURL = contact, public }).get(path)
	}
	for contact, want := range map[string]string{"security@example.com": "mailto:security@example.com", "mailto:security@example.com": "mailto:security@example.com", "https://example.com/report": "https://example.com/report"} {
		a := text(contact, "https://pass.example.com")
		var expires string
		for line := range strings.Lines(a.body) {
			if at, ok := strings.CutPrefix(line, "Expires: "); ok {
				expires = strings.TrimSpace(at)
			}
		}
		at, err := time.Parse(time.RFC3339, expires)
		if err != nil || time.Until(at) < 30*24*time.Hour || time.Until(at) > 364*24*time.Hour {
			t.Errorf("expires %q: %v", expires, err)
		}
		if wanted := "Contact: " + want + "\nExpires: " + expires + "\nPreferred-Languages: en\nCanonical: https://pass.example.com" + path + "\n"; a.status != 200 || a.body != wanted || a.header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%d %s: %s", a.status, a.header.Get("Content-Type"), a.body)
		}
	}
	for _, contact := range []string{"", "Ask at the desk", "http://example.com/help", "a@example.com b", "call +1 555 0100"} {
		if a := text(contact, "https://pass.example.com"); a.status != 404 {
			t.Errorf("contact %q: %d", contact, a.status)
		}
	}
	if a := text("security@example.com", "http://localhost:8080"); strings.Contains(a.body, "Canonical") {
		t.Error("an http address is canonical")
	}
}
