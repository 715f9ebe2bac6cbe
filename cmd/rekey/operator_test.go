package main

import (
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/seed-1c168855/rekey/internal/storetest"
)

// operatorsBrowser keeps cookies and follows where it is led.
type operatorsBrowser struct {
	t    testing.TB
	url  string
	http *http.Client
}

func (s *service) browser(adminURL string) *operatorsBrowser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &operatorsBrowser{s.t, adminURL, &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}}
}

// read gives where it ended and what it read.
func (b *operatorsBrowser) read(answer *http.Response, err error) (string, string) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer.Request.URL.Path, string(body)
}

func (b *operatorsBrowser) get(path string) (string, string) {
	b.t.Helper()
	return b.read(b.http.Get(b.url + path))
}

func (b *operatorsBrowser) post(path string, pairs ...string) (string, string) {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	request, err := http.NewRequest(http.MethodPost, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", b.url)
	return b.read(b.http.Do(request))
}

var secretOnPage = regexp.MustCompile(`<code class="secret">([A-Z2-7]+)</code>`)

// enrol follows an invitation to a password and an authenticator app.
func (b *operatorsBrowser) enrol(invite, password string) (secret string) {
	b.t.Helper()
	_, token, _ := strings.Cut(invite, "#t=")
	_, page := b.post("/enrol", "token", token)
	found := secretOnPage.FindStringSubmatch(page)
	if found == nil {
		b.t.Fatalf("the invitation leads to %s", page)
	}
	if at, page := b.post("/enrol/password", "password", password, "confirm", password, "code", appCode(b.t, found[1], 0)); at != "/me" {
		b.t.Fatalf("enrolling ends at %s: %s", at, page)
	}
	return found[1]
}

func appCode(t testing.TB, secret string, step int) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(step)*30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// onFreeAdmin gives the installation an admin address that it knows before it listens.
func (r *terminal) onFreeAdmin() string {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		r.t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address)
	r.env["REKEY_ADMIN_URL"] = "http://localhost:" + port
	return "--admin-listen=" + address
}

// On each database: nobody can sign in before somebody was made at the command line; the link it prints leads in, once, and the password with a code leads in again.
func TestFirstOperator(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(*terminal){
		"sqlite": func(*terminal) {},
		"postgres": func(r *terminal) {
			r.env["REKEY_DATABASE_URL"], r.env["REKEY_MASTER_KEY"] = storetest.PostgresURL(r.t), testKey
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := atTerminal(t)
			at(r)
			listen := r.onFreeAdmin()
			s := r.serve(listen)
			b := s.browser(r.env["REKEY_ADMIN_URL"])
			if at, page := b.post("/sign-in", "name", "admin", "password", "admin"); at != "/sign-in" || !strings.Contains(page, "That did not work") {
				t.Errorf("without any operator: %s", at)
			}
			made := r.object("operator", "create", "Ada", "--email", "ada@example.org", "--role", "admin", "--role", "responder")
			secret := b.enrol(made["invite"].(string), freshPassword)
			if at, page := b.get("/"); at != "/" || !strings.Contains(page, "<h1>Overview</h1>") {
				t.Errorf("after enrolling: %s", at)
			}
			again := s.browser(b.url)
			again.post("/sign-in", "name", "ada", "password", freshPassword, "next", "/operators")
			if at, page := again.post("/sign-in/totp", "code", appCode(t, secret, 1)); at != "/operators" || !strings.Contains(page, "ada@example.org") {
				t.Errorf("signing in: %s %s", at, page)
			}
			same(t, "ways in", []any{"ada", true, true}, func() []any {
				one := r.object("operator", "list")["operators"].([]any)[0].(map[string]any)
				return []any{one["name"], one["has_password"], one["has_totp"]}
			}())
			if status, _ := s.get(s.admin + "/metrics"); status != http.StatusOK {
				t.Errorf("metrics beside the console: %d", status)
			}
			if status, _ := s.get(s.public + "/sign-in"); status != http.StatusNotFound {
				t.Errorf("the console at the public address: %d", status)
			}
			if strings.Contains(s.log.String(), freshPassword) || strings.Contains(s.log.String(), secret) || strings.Contains(s.log.String(), "#t=") {
				t.Error("a secret is in the log")
			}
		})
	}
}

// Once somebody enrolled can approve, the direct command line does nothing destructive without a reason. With one it does, the audit log names it, and every operator gets a mail.
func TestBreakGlass(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	box := catching(r)
	r.imported()
	r.ok("operator", "create", "ada", "--email", "ada@example.org", "--role", "admin")
	grace := r.object("operator", "create", "grace", "--email", "grace@example.org", "--role", "approver")
	r.ok("campaign", "create", "--incident", "breach", "--scope", "everyone")
	r.ok("campaign", "create", "--incident", "breach", "--scope", "everyone")
	r.ok("campaign", "prepare", "1")
	r.ok("campaign", "discard", "2", "--yes") // nobody is enrolled yet
	listen := r.onFreeAdmin()
	s := r.serve("--no-delivery", listen)
	s.browser(r.env["REKEY_ADMIN_URL"]).enrol(grace["invite"].(string), freshPassword)
	r.ok("client", "create", "website", "--scope", "login")
	kid := r.object("key", "list")["keys"].([]any)[0].(map[string]any)["kid"].(string)
	r.ok("lockdown", "on", "--reason", "first things first")

	acts := [][]string{
		{"campaign", "activate", "1", "--expect", "25", "--tolerance", "0"}, {"campaign", "close", "1"}, {"campaign", "cancel", "1", "--reason", "wrong"},
		{"lockdown", "off", "--reason", "over"}, {"client", "revoke", "website"}, {"key", "rotate", "--revoke"}, {"accounts", "delete", "t-001"},
		{"operator", "roles", "ada", "--role", "auditor", "--role", "admin"}, {"operator", "disable", "grace"},
	}
	for _, act := range append(acts, []string{"key", "revoke", kid}) {
		if why := r.fails(exitFailed, append(act, "--yes")...); !strings.Contains(why, "--break-glass") {
			t.Errorf("%v: %s", act, why)
		}
	}
	same(t, "refusals on record", len(acts)+1, len(r.object("audit", "list", "--outcome", "refused")["entries"].([]any)))
	before := box.Total()
	for _, act := range acts {
		r.ok(append(act, "--yes", "--break-glass", "nobody of the second shift answers")...)
	}
	for _, entry := range r.object("audit", "list", "--action", "campaign.cancel", "--outcome", "done")["entries"].([]any) {
		same(t, "on record", "nobody of the second shift answers", entry.(map[string]any)["detail"].(map[string]any)["break_glass"])
	}
	same(t, "mails to everybody", 2*len(acts)-1, int(box.Total()-before)) // the last act shut one of the two out
	mails := box.Find("ada@example.org", 100)
	text := strings.ReplaceAll(string(mails[len(mails)-1].Raw), "=\r\n", "")
	if !strings.Contains(text, "campaign.activate on campaign:1") || !strings.Contains(text, "nobody of the second shift answers") {
		t.Errorf("the mail: %s", text)
	}
}

// Whoever's sign-in is touched hears of it by a mail of its own, also while a lockdown holds members' mail; the invitation's link is not in it.
func TestOperatorIsTold(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	box := catching(r)
	r.ok("lockdown", "on", "--reason", "first things first")
	made := r.object("operator", "create", "ada", "--email", "ada@example.org", "--role", "admin")
	r.serve(r.onFreeAdmin())
	m, err := box.Next(t.Context(), "ada@example.org", 0)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(m.Raw), "=\r\n", "")
	_, token, _ := strings.Cut(made["invite"].(string), "#t=")
	for _, want := range []string{"your sign-in was changed", "You were added as an operator (admin)", "at the command line beside the database", r.env["REKEY_ADMIN_URL"] + "/me"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if strings.Contains(text, token) {
		t.Error("the invitation's token was mailed")
	}
}
