package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const code = "4F7K-9QXR-2MTX"

// link has a token with something that looks like a code in it.
const link = "https://pass.example/reset#t=eyJhbGciOiJFUzI1NiJ9.AAAA-BBBB-CCCC.c2ln_-8"

var letterText = strings.ReplaceAll(`From: =?utf-8?q?P=C3=A4ss?= <no-reply@pass.example>
To: <ann@warmmail.example>
Subject: =?utf-8?q?Bitte_ein_neues_Pa=C3=9Fwort?=
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b"

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Open <`+strings.ReplaceAll(link, "=", "=3D")+`>
or type `+code+`, J=C3=B6rg & <co>.
--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p style=3D"color:red">Open</p><script>alert(1)</script>
--b--
`, "\n", "\r\n")

func TestLetterIsTakenApart(t *testing.T) {
	t.Parallel()
	b := NewMailbox()
	b.Deliver("no-reply@pass.example", "ann@warmmail.example", []byte(letterText))
	m, ok := b.Mail(1)
	if !ok {
		t.Fatal("no mail")
	}
	got, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	want := Letter{From: "Päss <no-reply@pass.example>", To: "<ann@warmmail.example>", Subject: "Bitte ein neues Paßwort",
		Text: "Open <" + link + ">\nor type " + code + ", Jörg & <co>.", HTML: `<p style="color:red">Open</p><script>alert(1)</script>`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Token() != link[strings.Index(link, "eyJ"):] || got.Code() != code {
		t.Errorf("token %q, code %q", got.Token(), got.Code())
	}
	if empty := (Letter{Text: "nothing to reset"}); empty.Token() != "" || empty.Code() != "" {
		t.Error("a notice has a token or code")
	}
}

// The mailbox is bounded, forgets the oldest first, and none to a pinned address.
func TestMailboxForgetsTheOldest(t *testing.T) {
	t.Parallel()
	b := NewMailbox("Ann@warmmail.example")
	b.Deliver("", "ann@warmmail.example", []byte("Subject: first\r\n\r\n"))
	for i := range maxMails + 5 {
		b.Deliver("", fmt.Sprintf("member%d@warmmail.example", i), []byte("Subject: x\r\n\r\n"))
	}
	if n := len(b.Find("", 2*maxMails)); n != maxMails+1 || b.Total() != maxMails+6 {
		t.Errorf("%d mails are there, %d came", n, b.Total())
	}
	if _, ok := b.Mail(2); ok {
		t.Error("the oldest is still there")
	}
	m, err := b.Next(t.Context(), "ANN@warmmail.example", 0)
	if err != nil || m.Subject != "first" {
		t.Errorf("%+v, %v", m, err)
	}
	for i := range maxMailBytes/(1<<20) + 5 {
		b.Deliver("", fmt.Sprintf("large%d@warmmail.example", i), make([]byte, 1<<20))
	}
	if n := len(b.Find("", 2*maxMails)); n > maxMailBytes/(1<<20)+1 {
		t.Errorf("%d large mails are there", n)
	}
}

func TestNextWaits(t *testing.T) {
	t.Parallel()
	b := NewMailbox()
	b.Deliver("", "ann@warmmail.example", []byte("Subject: old\r\n\r\n"))
	got := make(chan Mail)
	go func() {
		m, err := b.Next(t.Context(), "ann@warmmail.example", 1)
		if err != nil {
			t.Error(err)
		}
		got <- m
	}()
	b.Deliver("", "bob@warmmail.example", []byte("Subject: no\r\n\r\n"))
	b.Deliver("", "ann@warmmail.example", []byte("Subject: new\r\n\r\n"))
	if m := <-got; m.Subject != "new" || m.ID != 3 {
		t.Errorf("%+v", m)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Next(ended, "ann@warmmail.example", 3); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestSMTP(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	b, done := NewMailbox(), make(chan error, 1)
	go func() { done <- b.ServeSMTP(ctx, listener, slog.New(slog.DiscardHandler)) }()
	if err := smtp.SendMail(listener.Addr().String(), nil, "a@pass.example", []string{"ann@warmmail.example"}, []byte(letterText)); err != nil {
		t.Error(err)
	}
	m, err := b.Next(t.Context(), "ann@warmmail.example", 0)
	if err != nil || m.From != "a@pass.example" || m.Subject != "Bitte ein neues Paßwort" {
		t.Errorf("%+v, %v", m, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// site is one of the demo's sites under test.
type site struct {
	t      *testing.T
	server *httptest.Server
	client *http.Client
}

func open(t *testing.T, h http.Handler, err error) *site {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &site{t: t, server: server, client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (s *site) get(path string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.server.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(r)
}

func (s *site) do(r *http.Request) (*http.Response, string) {
	s.t.Helper()
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(body)
}

var aGuide = Guide{Name: "Emerald Pass", LoginURL: "http://127.0.0.1:1", MailboxURL: "http://127.0.0.1:2", RekeyURL: "http://127.0.0.1:3", Email: "ann@warmmail.example", Password: "Sonic-0-spindash"}

func TestMailboxPages(t *testing.T) {
	t.Parallel()
	b := NewMailbox()
	b.Deliver("a@pass.example", "ann@warmmail.example", []byte(letterText))
	b.Deliver("a@pass.example", "bob@warmmail.example", []byte("Subject: <b>hi</b>\r\nContent-Type: text/plain\r\n\r\n<i>hello</i>"))
	h, err := NewMailboxSite(b, aGuide, slog.New(slog.DiscardHandler))
	s := open(t, h, err)
	for _, c := range []struct {
		path   string
		status int
		has    []string
		lacks  string
	}{
		{"/", 200, []string{"2 mails", "&lt;b&gt;hi", "none leaves this machine"}, "<b>hi"},
		{"/?to=ANN", 200, []string{"Bitte ein neues Paßwort"}, "bob@"},
		{"/?to=nobody", 200, []string{"Nothing came for this address"}, "ann@"},
		{"/mail/1", 200, []string{`href="` + link + `"`, "Jörg &amp; &lt;co&gt;", code}, "<script"},
		{"/mail/1?part=html", 200, []string{`sandbox="allow-popups allow-popups-to-escape-sandbox"`, `src="/mail/1/html"`}, "<script"},
		{"/mail/2?part=html", 200, []string{"&lt;i&gt;hello"}, "<iframe"},
		{"/mail/1/html", 200, []string{`<base target="_blank">`, "<script>"}, ""},
		{"/mail/1/source", 200, []string{"quoted-printable"}, ""},
		{"/mail/3", 404, []string{"no such mail"}, ""},
		{"/mail/x", 404, []string{"no such mail"}, ""},
		{"/demo.css", 200, []string{"--accent"}, ""},
	} {
		resp, body := s.get(c.path)
		if resp.StatusCode != c.status {
			t.Errorf("%s: %d", c.path, resp.StatusCode)
		}
		for _, text := range c.has {
			if !strings.Contains(body, text) {
				t.Errorf("%s lacks %s", c.path, text)
			}
		}
		if c.lacks != "" && strings.Contains(body, c.lacks) {
			t.Errorf("%s has %s", c.path, c.lacks)
		}
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src 'unsafe") {
			t.Errorf("%s: policy %q", c.path, policy)
		}
	}
	// A stranger's script is in the HTML part, so its policy is what stands between it and the browser.
	resp, _ := s.get("/mail/1/html")
	if policy := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "sandbox allow-popups") || strings.Contains(policy, "script") || strings.Contains(policy, "same-origin") {
		t.Errorf("the letter's policy is %q", policy)
	}
	if resp, _ := s.get("/mail/1/source"); !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("source: %v", resp.Header)
	}
}
