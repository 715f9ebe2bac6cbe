package delivery

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wneessen/go-mail"
)

func testMessage(to string) *Message {
	return &Message{ID: "<1@example.org>", From: "security@example.org", To: to, Data: []byte("Subject: x\r\n\r\nfirst\r\n.\r\n.dot\r\nlast\r\n")}
}

var noObjection = func() error { return nil }

// TestTransports tries each way to a server: what the URL asks for is what happens, or nothing is sent.
func TestTransports(t *testing.T) {
	t.Parallel()
	config, ca := certificate(t)
	for name, c := range map[string]struct {
		server smtpdOptions
		url    func(addr string) string
		secure bool
		fails  string // part of the error; empty: the mail arrives
	}{
		"in the clear":                 {server: smtpdOptions{}, url: func(a string) string { return "smtp://" + a }},
		"STARTTLS where offered":       {server: smtpdOptions{TLS: config}, url: func(a string) string { return "smtp://" + a + "?ca=" + ca }, secure: true},
		"STARTTLS required":            {server: smtpdOptions{TLS: config}, url: func(a string) string { return "smtp://" + a + "?tls=require&ca=" + ca }, secure: true},
		"STARTTLS not offered":         {server: smtpdOptions{}, url: func(a string) string { return "smtp://" + a + "?tls=require" }, fails: "STARTTLS"},
		"unknown certificate":          {server: smtpdOptions{TLS: config}, url: func(a string) string { return "smtp://" + a }, fails: "certificate does not verify"},
		"STARTTLS left alone":          {server: smtpdOptions{TLS: config}, url: func(a string) string { return "smtp://" + a + "?tls=none" }},
		"implicit TLS":                 {server: smtpdOptions{TLS: config, Implicit: true}, url: func(a string) string { return "smtps://" + a + "?ca=" + ca }, secure: true},
		"implicit unknown certificate": {server: smtpdOptions{TLS: config, Implicit: true}, url: func(a string) string { return "smtps://" + a }, fails: "certificate does not verify"},
		"AUTH under TLS":               {server: smtpdOptions{TLS: config, Auth: true}, url: func(a string) string { return "smtp://rekey:s3cret%20pass@" + a + "?ca=" + ca }, secure: true},
		"AUTH under implicit TLS":      {server: smtpdOptions{TLS: config, Auth: true, Implicit: true}, url: func(a string) string { return "smtps://rekey:s3cret%20pass@" + a + "?ca=" + ca }, secure: true},
		"AUTH on loopback":             {server: smtpdOptions{Auth: true}, url: func(a string) string { return "smtp://rekey:s3cret%20pass@" + a }},
		"AUTH missing":                 {server: smtpdOptions{Auth: true}, url: func(a string) string { return "smtp://" + a }, fails: "MAIL FROM: 502"},
		"AUTH wrong":                   {server: smtpdOptions{Auth: true}, url: func(a string) string { return "smtp://rekey:wrong@" + a }, fails: "535"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &smtpd{}
			d.start(t, c.server)
			config, err := ParseSMTPURL(c.url(d.addr))
			if err != nil {
				t.Fatal(err)
			}
			var failed *sendError
			conn, err := NewSMTP(config, 5e9).Dial(context.Background())
			if err == nil {
				defer conn.Close()
				err = conn.Deliver(testMessage("m@example.net"), noObjection)
			}
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) || strings.Contains(err.Error(), "s3cret") || !errors.As(err, &failed) || failed.fault != faultServer {
					t.Errorf("the error is %v (%+v), want a fault of the server with %q", err, failed, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := d.mails()
			if len(got) != 1 || got[0].TLS != c.secure {
				t.Fatalf("the server got %+v, want one mail, TLS %v", got, c.secure)
			}
			if want := "Subject: x\r\n\r\nfirst\r\n.\r\n.dot\r\nlast\r\n"; string(got[0].Data) != want {
				t.Errorf("the server got %q, want %q", got[0].Data, want)
			}
			if c.server.Auth && d.user != "rekey" {
				t.Error("nobody signed in")
			}
		})
	}
}

// TestOneConnectionServesMany pins that a refusal or a change of mind costs one mail and not the connection.
func TestOneConnectionServesMany(t *testing.T) {
	t.Parallel()
	t.Run("pipelining", func(t *testing.T) { t.Parallel(); oneConnection(t, true) })
	t.Run("one by one", func(t *testing.T) { t.Parallel(); oneConnection(t, false) })
}

func oneConnection(t *testing.T, pipelining bool) {
	d := &smtpd{onRcpt: func(to string) error {
		if strings.HasPrefix(to, "no") {
			return reply(550, "5.1.1", "no")
		}
		return nil
	}}
	d.start(t, smtpdOptions{UTF8: true})
	conn, err := dialer(t, d, "smtp://", "").Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if !conn.(*smtpConn).pipelining {
		t.Fatal("the server does not offer PIPELINING")
	}
	conn.(*smtpConn).pipelining = pipelining
	for _, smuggled := range []string{"a@b.example>\r\nRCPT TO:<c@d.example", "a@b.example\nDATA"} {
		if err := conn.Deliver(testMessage(smuggled), noObjection); err == nil {
			t.Errorf("%q is taken", smuggled)
		}
		conn.Close()
		if conn, err = dialer(t, d, "smtp://", "").Dial(context.Background()); err != nil {
			t.Fatal(err)
		}
		conn.(*smtpConn).pipelining = pipelining
	}
	stop := errors.New("stop")
	for i := range 20 {
		var want error
		to, objection := fmt.Sprintf("m%d@example.net", i), noObjection
		switch i % 4 {
		case 1:
			to = "no" + to
		case 2:
			want, objection = stop, func() error { return stop }
		}
		err := conn.Deliver(testMessage(to), objection)
		if i%4 == 1 {
			var failed *sendError
			if !errors.As(err, &failed) || !failed.deadAddress() {
				t.Errorf("mail %d: %v, want a dead address", i, err)
			}
		} else if !errors.Is(err, want) {
			t.Errorf("mail %d: %v, want %v", i, err, want)
		}
	}
	utf8 := testMessage("jörg@example.net")
	utf8.UTF8 = true
	if err := conn.Deliver(utf8, noObjection); err != nil {
		t.Errorf("an address beyond ASCII, where the server takes it: %v", err)
	}
	if n := len(d.mails()); n != 11 || d.dial != 3 || !conn.Usable() {
		t.Errorf("%d mails on %d connections, want 11 on one of three", n, d.dial)
	}
}

// TestASlowServerIsLeft pins the deadline of a session, and whose fault a silence is.
func TestASlowServerIsLeft(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]fault{"before the content": faultServer, "after the content": faultTemporary} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			awake := make(chan struct{})
			sleep := func(string) error { <-awake; return nil }
			d := &smtpd{}
			if want == faultServer {
				d.onMail = sleep
			} else {
				d.onData = sleep
			}
			d.start(t, smtpdOptions{})
			t.Cleanup(func() { close(awake) })
			config, err := ParseSMTPURL("smtp://" + d.addr)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := NewSMTP(config, 300*time.Millisecond).Dial(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			begun := time.Now()
			var failed *sendError
			err = conn.Deliver(testMessage("m@example.net"), noObjection)
			if !errors.As(err, &failed) || failed.fault != want || conn.Usable() {
				t.Errorf("%v (%+v), usable %v; want fault %d and no more use", err, failed, conn.Usable(), want)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("it was left after %s", took)
			}
		})
	}
}

func TestParseSMTPURL(t *testing.T) {
	t.Parallel()
	takes := func(raw string, port int, policy mail.TLSPolicy, implicit bool) {
		t.Helper()
		c, err := ParseSMTPURL(raw)
		if err != nil || c.Port != port || c.TLS != policy || c.Implicit != implicit {
			t.Errorf("%s gives port %d, TLS %v, implicit %v, %v; want %d, %v, %v", raw, c.Port, c.TLS, c.Implicit, err, port, policy, implicit)
		}
	}
	refuses := func(raw string) {
		t.Helper()
		if _, err := ParseSMTPURL(raw); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want it refused, without the password", raw, err)
		}
	}
	takes("smtp://mail.example.org", 25, mail.TLSOpportunistic, false)
	takes("smtp://mail.example.org:2525?tls=require", 2525, mail.TLSMandatory, false)
	takes("smtp://u:hunter2@mail.example.org", 587, mail.TLSMandatory, false)
	takes("smtp://u:hunter2@127.0.0.1:25", 25, mail.TLSOpportunistic, false)
	takes("smtp://[::1]:25?tls=none", 25, mail.NoTLS, false)
	takes("smtps://u:hunter2@mail.example.org", 465, mail.TLSOpportunistic, true)
	for _, raw := range []string{
		"", "mail.example.org:25", "http://mail.example.org", "smtp://", "smtp://u:hunter2@mail.example.org:0", "smtp://u:hunter2@mail.example.org:99999", "smtp://mail.example.org/path",
		"smtp://u:hunter2@mail.example.org?tls=none", "smtp://mail.example.org?tls=none", "smtps://u:hunter2@mail.example.org?tls=none", "smtp://u:hunter2@mail.example.org?tls=maybe",
		"smtp://u:hunter2@mail.example.org?insecure=1", "smtp://u@mail.example.org", "smtp://u:hunter2@mail.example.org?ca=/does/not/exist", "smtp://u:hunter2@[mail", "smtp://mail.example.org?helo=a%0d%0ab",
	} {
		refuses(raw)
	}
	c := SMTPConfig{Host: "mail.example.org"}
	if got := c.tlsConfig(); got.InsecureSkipVerify || got.MinVersion < tls.VersionTLS12 || got.ServerName != c.Host {
		t.Error("certificates would not be verified")
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"5.1.1 <bob@example.net>: user unknown":                            "5.1.1 … user unknown",
		"blocked https://reset.example.org/reset#t=eyJhbGciOi.x.y in body": "blocked … in body",
		"code 7K3M-9QXZ-0ABC seen":                                         "code … seen",
		"a\x00b\x1b[31m\xff":                                               "a?b?[31m?",
		strings.Repeat("x", 300):                                           strings.Repeat("x", 200) + "…",
	} {
		if got := redact(said); got != want {
			t.Errorf("%q becomes %q, want %q", said, got, want)
		}
	}
}
