package portal_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/portal"
	"github.com/seed-1c168855/rekey/internal/problem"
)

const (
	notice = "/incidents/spring-2011"
	never  = "/incidents/autumn-2011"
)

var tagsAndEntities = regexp.MustCompile(`<[^>]*>`)

// words is the page as it is read: without markup, one line for each line of text.
func words(body string) string {
	_, body, _ = strings.Cut(body, "<main")
	body, _, _ = strings.Cut(body, "</main>")
	var lines []string
	for line := range strings.Lines(tagsAndEntities.ReplaceAllString("<main"+body, "")) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// The notice says when, what, what not, what to do and what our mail is known by, in this order, and what is typed is never markup.
func TestNoticeSaysAll(t *testing.T) {
	t.Parallel()
	s := open(t)
	host := s.url[len("http://"):]
	want := strings.Join([]string{
		"Member data was copied from Example Pass", "Latest update: 1 July 2011",
		"Strangers copied part of our member database.", "No payment data was stored there. &lt;b&gt;Not bold&lt;/b&gt;",
		"What was exposed", "Names", "Email addresses", "Dates of birth", "Passwords, weakly protected", "What was not exposed", "Payment data", "Postal addresses",
		"What you should do", "Set a new password here. Our message to you has a link and a code for it. If you have none, let us send one.",
		"I have a code from your message", "Send me a new message",
		"Change the password on every other site where you used the same one, and your email account first.",
		"Be wary of calls and messages about this breach. Whoever has your data can use them to sound like us.",
		"Tell your bank if you paid by transfer.", "Keep this page: we will say here what else we find.",
		"What happened when", "14 June 2011", "It happened", "16 June 2011", "We found out", "17 June 2011", "The way in was closed", "17 June 2011", "This notice was published",
		"20 June 2011", "Update", "We have told the data protection authority.", "1 July 2011", "Update", "All members have been written to.",
		"The investigation goes on; &lt;i&gt;so far&lt;/i&gt; nothing else was found.", "Corrected on 4 July 2011", "Follow the updates by feed (Atom)",
		"How to recognise our messages", "Strangers may write in our name. Our messages about this breach look like this:",
		"Sender", "Example Pass security@example.com The address ends in @example.com and in nothing else.", "Subject", "Example Pass: please set a new password (en)",
		"LinksEvery link leads to " + host + " and nowhere else.",
		"What they ask forNothing. No answer, no attachment to open, no payment. You type your new password on our page alone.",
		"What we never ask", "We never ask for your old password, your date of birth, payment details or a copy of your passport, neither by mail nor by telephone.",
		"If you don’t trust a link", "You are right to be careful. Type this address into your browser yourself, and use the code from our message: " + host + "/code",
	}, "\n")
	if diff := cmp.Diff(want, words(s.get(notice).body)); diff != "" {
		t.Error(diff)
	}
}

// What is not known leaves no empty heading behind.
func TestNoticeOfLittle(t *testing.T) {
	t.Parallel()
	out := day(2011, 6, 17)
	s := open(t, func(o *portal.Options) {
		o.Sender, o.Subjects = "", nil
		o.Notice = func(context.Context, string) (incident.Incident, error) {
			return incident.Incident{Slug: "bare", PublishedAt: &out, UpdatedAt: out, ChangedAt: out}, nil
		}
	})
	a := s.get("/incidents/bare")
	s.wants(a, 200, "<h1 dir=\"auto\">Notice of a data breach</h1>", `<meta name="description" content="What happened, which data`)
	for _, heading := range []string{"What was exposed", "What was not exposed", "It happened", "Latest update", "Sender", "Subject"} {
		if strings.Contains(a.body, heading) {
			t.Errorf("the page has %q and nothing to say about it", heading)
		}
	}
}

// Known classes of data are said in the page's language however they were typed; others stay as typed.
func TestClassesInThePagesLanguage(t *testing.T) {
	t.Parallel()
	s := open(t)
	for tag, parts := range map[string][]string{
		"de": {"<bdi>Namen</bdi>", "<bdi>E-Mail-Adressen</bdi>", "<bdi>Passwords, weakly protected</bdi>", "<bdi>Zahlungsdaten</bdi>", "Berichtigt am 4. Juli 2011", "(de)"},
		"ja": {"<bdi>氏名</bdi>", "<bdi>生年月日</bdi>", "<bdi>お支払い情報</bdi>", "2011年7月1日"},
		"ar": {"<bdi>الأسماء</bdi>", "<bdi>بيانات الدفع</bdi>", "1 يوليو 2011", `dir="rtl"`},
	} {
		s.wants(s.get(notice+"?lang="+tag), 200, parts...)
	}
}

// Search engines and previews get one address for each language, and the page alone to keep.
func TestNoticeForSearchEngines(t *testing.T) {
	t.Parallel()
	png := append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 20)...)
	s := open(t, func(o *portal.Options) { o.PublicURL, o.Logo = "https://pass.example.com/", png })
	const public = "https://pass.example.com"
	bare, german := s.get(notice+"?utm_source=mail&lang=xx"), s.get(notice+"?lang=de")
	s.wants(bare, 200, `<link rel="canonical" href="`+public+notice+`">`, `<meta property="og:url" content="`+public+notice+`">`, `content="en_US"`, `<meta property="og:locale:alternate" content="pt_BR">`,
		`<link rel="alternate" hreflang="x-default" href="`+public+notice+`">`, `<link rel="alternate" hreflang="pt-BR" href="`+public+notice+`?lang=pt-BR">`,
		`<link rel="alternate" type="application/atom+xml" title="Member data was copied from Example Pass" href="`+public+notice+`/feed">`,
		`<meta name="description" content="Strangers copied part of our member database.">`, `<meta property="og:type" content="article">`,
		`<meta property="og:title" content="Member data was copied from Example Pass">`, `<meta property="og:image" content="`+public+`/static/`,
		`<meta property="article:modified_time" content="2011-07-04T12:00:00Z">`)
	s.wants(german, 200, `<link rel="canonical" href="`+public+notice+`?lang=de">`, `<meta property="og:locale" content="de_DE">`, `href="`+public+notice+`/feed?lang=de"`)
	for _, a := range []answer{bare, german} {
		if strings.Contains(a.body, "noindex") || a.header.Get("X-Robots-Tag") != "" {
			t.Error("search engines may not keep the notice")
		}
		if a.header.Get("Content-Security-Policy") != s.get("/").header.Get("Content-Security-Policy") {
			t.Error("the notice has a policy of its own")
		}
	}
	if s.get(notice+"/feed").header.Get("X-Robots-Tag") != "noindex" || !strings.Contains(s.get("/forgot").body, "noindex") || !strings.Contains(s.get("/incidents/other").body, "noindex") {
		t.Error("search engines may keep something else")
	}
	if strings.Contains(open(t).get(notice).body, "og:image") {
		t.Error("previews cannot show an SVG")
	}
}

// A copy is asked for again by tag or by date, in each language for itself (RFC 9110 §13).
func TestNoticeIsCached(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, path := range []string{notice, notice + "/feed"} {
		whole := s.get(path)
		tag, date := whole.header.Get("ETag"), whole.header.Get("Last-Modified")
		if date != "Mon, 04 Jul 2011 12:00:00 GMT" || !strings.HasPrefix(tag, `"`) || whole.header.Get("Vary") != "Accept-Language" || whole.header.Get("Cache-Control") != "public, max-age=60" {
			t.Errorf("%s: %v", path, whole.header)
		}
		asks := func(want int, headers ...string) {
			t.Helper()
			for _, method := range []string{"GET", "HEAD"} {
				r := s.request(method, path, nil)
				for i := 0; i < len(headers); i += 2 {
					r.Header.Set(headers[i], headers[i+1])
				}
				a := s.do(r)
				if a.status != want || a.header.Get("Cache-Control") != "public, max-age=60" || a.header.Get("Vary") != "Accept-Language" || a.header.Get("ETag") == "" {
					t.Errorf("%s %s with %q: %d %v", method, path, headers, a.status, a.header)
				}
				if want == http.StatusNotModified && a.body != "" {
					t.Errorf("%s %s: 304 with a body", method, path)
				}
			}
		}
		asks(304, "If-None-Match", tag)
		asks(304, "If-None-Match", `"other", W/`+tag)
		asks(304, "If-None-Match", "*")
		asks(304, "If-Modified-Since", date)
		asks(200, "If-Modified-Since", "Mon, 04 Jul 2011 11:59:59 GMT")
		asks(200, "If-None-Match", `"other"`, "If-Modified-Since", date) // §13.2.2: the tag goes first
		asks(200, "If-None-Match", tag, "Accept-Language", "de")
	}
	if page, feed := s.get(notice).header.Get("ETag"), s.get(notice+"/feed").header.Get("ETag"); page == feed {
		t.Error("page and feed have one tag")
	}
}

// A notice that changed a moment ago has no date yet: two changes of one second would share it.
func TestYoungNoticeHasNoDate(t *testing.T) {
	t.Parallel()
	s := open(t, func(o *portal.Options) { o.Since = time.Time{} })
	if a := s.get(notice); a.header.Get("Last-Modified") != "" || a.header.Get("ETag") == "" {
		t.Errorf("%v", a.header)
	}
}

// Taking a notice back works at once, also for who has a copy, and nobody can tell it from one that never was.
func TestNoticeTakenBack(t *testing.T) {
	t.Parallel()
	var gone atomic.Bool
	s := open(t, func(o *portal.Options) {
		o.Notice = func(ctx context.Context, slug string) (incident.Incident, error) {
			if gone.Load() {
				return incident.Incident{}, problem.New(problem.NotFound, "no such incident")
			}
			return published(ctx, slug)
		}
	})
	tag := s.get(notice).header.Get("ETag")
	gone.Store(true)
	for _, tail := range []string{"", "/feed"} {
		r := s.request("GET", notice+tail, nil)
		r.Header.Set("If-None-Match", tag)
		back, other := s.do(r), s.get(never+tail)
		s.wants(back, 404, "no page here")
		if back.header.Get("Cache-Control") != "no-store" || back.header.Get("ETag") != "" || back.header.Get("Last-Modified") != "" {
			t.Errorf("taken back: %v", back.header)
		}
		other.body = strings.ReplaceAll(other.body, never, notice)
		sameAnswer(t, back, other)
	}
}
