package delivery

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// smtpd is a mail server in the test's process. Its hooks answer for it; nil takes everything.
type smtpd struct {
	onMail func(from string) error
	onRcpt func(to string) error
	onData func(to string) error // before the answer to the content; errHangUp drops the connection
	leave  bool                  // hang up after each mail taken, once the client knows
	taken  chan struct{}         // one for each mail taken, if not nil

	addr string
	mu   sync.Mutex
	got  []gotMail
	dial int
	user string // who signed in last
}

type gotMail struct {
	From, To string
	TLS      bool
	Data     []byte
}

var errHangUp = errors.New("hang up")

type smtpdOptions struct {
	TLS      *tls.Config
	Implicit bool
	Auth     bool
	UTF8     bool
}

func (d *smtpd) start(t testing.TB, o smtpdOptions) {
	t.Helper()
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.dial++
		return &smtpdSession{d: d, c: c, auth: o.Auth}, nil
	}))
	server.Domain, server.AllowInsecureAuth, server.EnableSMTPUTF8, server.TLSConfig = "localhost", true, o.UTF8, o.TLS
	server.ErrorLog = quiet{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.addr = listener.Addr().String()
	if o.Implicit {
		listener = tls.NewListener(listener, o.TLS)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) }) // ends with the server's closing
	t.Cleanup(func() {
		server.Close()
		listener.Close() // a server that had not begun to serve does not know it
		serving.Wait()
	})
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (d *smtpd) mails() []gotMail {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]gotMail(nil), d.got...)
}

// perAddress counts the mails to each address.
func (d *smtpd) perAddress() map[string]int {
	n := map[string]int{}
	for _, m := range d.mails() {
		n[m.To]++
	}
	return n
}

type smtpdSession struct {
	d    *smtpd
	c    *smtp.Conn
	auth bool
	from string
	to   string
	in   bool
	done bool
}

func (s *smtpdSession) AuthMechanisms() []string {
	if s.auth {
		return []string{sasl.Plain}
	}
	return nil
}

func (s *smtpdSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "rekey" || password != "s3cret pass" {
			return smtp.ErrAuthFailed
		}
		s.d.mu.Lock()
		defer s.d.mu.Unlock()
		s.in, s.d.user = true, user
		return nil
	}), nil
}

func (s *smtpdSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.auth && !s.in {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return ask(s.d.onMail, from)
}

func (s *smtpdSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return ask(s.d.onRcpt, to)
}

func ask(hook func(string) error, about string) error {
	if hook == nil {
		return nil
	}
	return hook(about)
}

func (s *smtpdSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, secure := s.c.TLSConnectionState()
	err = ask(s.d.onData, s.to)
	if err == nil || errors.Is(err, errHangUp) {
		s.d.mu.Lock()
		s.d.got = append(s.d.got, gotMail{From: s.from, To: s.to, TLS: secure, Data: data})
		s.d.mu.Unlock()
		s.done = true
		if s.d.taken != nil {
			s.d.taken <- struct{}{}
		}
	}
	if errors.Is(err, errHangUp) {
		s.c.Conn().Close()
	}
	return err
}

func (s *smtpdSession) Reset() {
	if s.done && s.d.leave {
		s.c.Conn().Close()
	}
}

func (*smtpdSession) Logout() error { return nil }

// reply is an SMTP answer with an enhanced code such as 5.1.1.
func reply(code int, enhanced, text string) error {
	var e smtp.EnhancedCode
	for i, part := range strings.Split(enhanced, ".") {
		e[i], _ = strconv.Atoi(part)
	}
	return &smtp.SMTPError{Code: code, EnhancedCode: e, Message: text}
}

// certificate makes a self-signed one for 127.0.0.1 and a file that trusts it.
func certificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}

// dialer is for a server given by the start and the end of its URL.
func dialer(t testing.TB, d *smtpd, scheme, query string) *SMTP {
	t.Helper()
	config, err := ParseSMTPURL(scheme + d.addr + query)
	if err != nil {
		t.Fatal(err)
	}
	return NewSMTP(config, 10*time.Second)
}
