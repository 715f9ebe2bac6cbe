package main

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"golang.org/x/crypto/bcrypt"

	"github.com/seed-1c168855/rekey/internal/storetest"
)

// mailbox is a mail server that hands over the text of each mail.
type mailbox struct {
	url   string
	texts chan string
}

func newMailbox(t testing.TB) *mailbox {
	t.Helper()
	m := &mailbox{texts: make(chan string, 100)}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailing{m: m}, nil }))
	server.Domain = "localhost"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.url = "smtp://" + listener.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) }) // ends with the server's closing
	t.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close() // a server that had not begun to serve does not know it
		serving.Wait()
	})
	return m
}

type mailing struct{ m *mailbox }

func (s *mailing) Mail(string, *smtp.MailOptions) error { return nil }
func (s *mailing) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s *mailing) Reset()                               {}
func (s *mailing) Logout() error                        { return nil }

func (s *mailing) Data(r io.Reader) error {
	text, err := plainText(r)
	if err == nil {
		s.m.texts <- text
	}
	return err
}

// plainText is the text part of a multipart mail.
func plainText(r io.Reader) (string, error) {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return "", err
	}
	_, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		return "", err
	}
	part, err := multipart.NewReader(message.Body, params["boundary"]).NextRawPart()
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(quotedprintable.NewReader(part))
	return message.Header.Get("Subject") + "\n" + string(text), err
}

var linkForm, codeForm = regexp.MustCompile(`/reset#t=(\S+)`), regexp.MustCompile(`\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b`)

// The main job through the real program on each database: the exposed password works, dies at the activation, a mail brings a
// link, the link sets a new password once, and the old one never works again. All at debug level with the database's log on:
// no secret that was in play is in any log.
func TestWholeIncident(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); wholeIncident(t, atTerminal(t)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		r := atTerminal(t)
		r.env["REKEY_DATABASE_URL"], r.env["REKEY_MASTER_KEY"] = storetest.PostgresURL(t), testKey
		wholeIncident(t, r)
	})
}

func wholeIncident(t *testing.T, r *terminal) {
	const old, fresh = "correct horse battery staple", "orchid tractor lemon violin"
	box := newMailbox(t)
	r.env["REKEY_SMTP_URL"], r.env["REKEY_PUBLIC_URL"] = box.url, "https://reset.example.org"
	r.env["REKEY_LOG_LEVEL"], r.env["REKEY_LOG_SQL"] = "debug", "true"
	hash := r.member("one", old)
	key := r.object("client", "create", "web", "--scope", "login")["key"].(string)
	s := r.serve()

	same(t, "before", "ok", s.verify(key, "one", old)["result"])
	r.ok("campaign", "create", "--incident", "breach", "--scope", "everyone")
	r.ok("campaign", "prepare", "1")
	same(t, "activate", 1.0, r.object("campaign", "activate", "1", "--expect", "1", "--tolerance", "0", "--yes")["died"])
	same(t, "dead", numbers{"result": "reset_required", "reason": "breach", "incident": "breach", "reset_url": "https://reset.example.org/forgot"}, s.verify(key, "one", old))

	text := <-box.texts
	link, code := linkForm.FindStringSubmatch(text), codeForm.FindString(text)
	if link == nil || code == "" || !strings.Contains(text, "https://reset.example.org/reset#t=") {
		t.Fatalf("no link or code in the mail: %s", text)
	}
	same(t, "too short", http.StatusUnprocessableEntity, s.reset(link[1], "short"))
	same(t, "reset", http.StatusSeeOther, s.reset(link[1], fresh))
	same(t, "the link again", http.StatusGone, s.reset(link[1], fresh+" again"))
	same(t, "old", "invalid", s.verify(key, "one", old)["result"])
	same(t, "new", "ok", s.verify(key, "one", fresh)["result"])
	if told := <-box.texts; !strings.Contains(strings.ToLower(told), "changed") {
		t.Errorf("the second mail does not say that the password was changed: %s", told)
	}
	same(t, "exit", exitOK, s.stop())

	same(t, "status", numbers{"pending": 0.0, "sent": 1.0, "skipped": 0.0, "failed": 0.0, "bounced": 0.0}, r.object("campaign", "status", "1")["delivery"])
	same(t, "reset", 1.0, r.object("campaign", "status", "1")["reset"])
	same(t, "audit", true, r.object("audit", "verify")["ok"])
	export := r.ok("audit", "export")
	for name, word := range map[string]string{"password": old, "new password": fresh, "link": link[1], "code": code, "client key": key, "hash": hash, "master key": testKey} {
		if strings.Contains(s.log.String(), word) || strings.Contains(export, word) {
			t.Errorf("the %s is in a log", name)
		}
	}
	if !strings.Contains(s.log.String(), `"level":"DEBUG"`) || !strings.Contains(s.log.String(), "UPDATE accounts") {
		t.Error("the log is not at debug level with statements, so the search proves nothing")
	}
}

// member takes in one account with a password and gives its hash.
func (r *terminal) member(subject, password string) string {
	r.t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		r.t.Fatal(err)
	}
	row, err := json.Marshal(map[string]string{"subject": subject, "email": subject + "@example.org", "password_hash": string(hash), "password_set_at": "2020-01-02T03:04:05Z"})
	if err != nil {
		r.t.Fatal(err)
	}
	if status, _, stderr := r.feed(string(row)+"\n", "accounts", "import", "-"); status != exitOK {
		r.t.Fatalf("import: %s", stderr)
	}
	return string(hash)
}

// A preview can send the mail beforehand, marked as a test and with a link that opens nothing.
func TestPreviewMail(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	box := newMailbox(t)
	r.env["REKEY_SMTP_URL"] = box.url
	r.member("one", "correct horse battery staple")
	r.ok("incident", "set", "breach", "--title", "Data was copied")
	r.ok("campaign", "create", "--incident", "breach", "--scope", "everyone")
	r.ok("campaign", "prepare", "1")
	same(t, "preview", numbers{"would_die": 1.0, "mailed_to": "me@example.org"}, pick(r.object("campaign", "preview", "1", "--mail-to", "me@example.org"), "would_die", "mailed_to"))
	if text := <-box.texts; !strings.Contains(strings.ToLower(text), "test") || !strings.Contains(text, "Data was copied") {
		t.Errorf("the mail: %s", text)
	}
	r.fails(exitUsage, "campaign", "preview", "1", "--mail-to", "nobody")
	r.env["REKEY_SMTP_URL"] = "smtp://127.0.0.1:1"
	r.fails(exitFailed, "campaign", "preview", "1", "--mail-to", "me@example.org")
	same(t, "nothing went to a member", 0, len(box.texts))
}

// What stands under a secret's name is not logged, whoever logs it.
func TestLogDropsSecrets(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	l := newLogger(&out, "info")
	l.Info("x", "password", "hunter2", "new_token", "hunter2", "typed_code", "hunter2", "Authorization", "hunter2", "kid", "visible", "keys", 3, "status", 200)
	l.Debug("hidden")
	if got := out.String(); strings.Contains(got, "hunter2") || !strings.Contains(got, `"kid":"visible"`) || !strings.Contains(got, `"keys":3`) || strings.Contains(got, "hidden") {
		t.Error(got)
	}
	if got := fmt.Sprint(cell("a\x1b[31mb\n")); strings.ContainsAny(got, "\x1b\n") {
		t.Errorf("steers the terminal: %q", got)
	}
}
