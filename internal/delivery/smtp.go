package delivery

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// Message is one mail, ready for the wire.
type Message struct {
	ID   string // Message-ID with its angle brackets
	From string // envelope sender, ASCII
	To   string // envelope recipient, domain in A-labels
	UTF8 bool   // To needs SMTPUTF8
	Data []byte // headers and body, lines ended by CRLF
}

// Dialer opens connections to a mail server. SMTP is the real one.
type Dialer interface {
	Dial(ctx context.Context) (Conn, error)
}

// Conn hands over mails one at a time.
type Conn interface {
	// Deliver returns nil once the server has taken responsibility for the mail, else an error of this package. It asks clear
	// just before the content, the last moment at which nothing has happened yet; a refusal is returned as it is and the mail is not sent.
	Deliver(m *Message, clear func() error) error
	// Usable is false once another Deliver cannot work.
	Usable() bool
	Close()
}

// SMTP dials the server of a URL.
type SMTP struct {
	config  SMTPConfig
	timeout time.Duration
}

// NewSMTP takes a parsed URL and the longest that one session step together may take: dialling with its handshakes, or one mail.
func NewSMTP(config SMTPConfig, timeout time.Duration) *SMTP {
	return &SMTP{config: config, timeout: timeout}
}

// Dial connects, greets, starts TLS and signs in, as the URL says.
func (s *SMTP) Dial(ctx context.Context) (Conn, error) {
	var conn net.Conn // kept to close it: the library leaves it open when a handshake fails
	dial := func(ctx context.Context, network, address string) (_ net.Conn, err error) {
		conn, err = s.connect(ctx, network, address)
		return conn, err
	}
	options := []mail.Option{
		mail.WithPort(s.config.Port), mail.WithTimeout(s.timeout), mail.WithDialContextFunc(dial),
		mail.WithTLSConfig(s.config.tlsConfig()), mail.WithTLSPolicy(s.config.TLS),
	}
	if s.config.Implicit {
		options = append(options, mail.WithSSL())
	}
	if s.config.Helo != "" {
		options = append(options, mail.WithHELO(s.config.Helo))
	}
	if s.config.User != "" {
		options = append(options, mail.WithUsername(s.config.User), mail.WithPassword(s.config.Password), mail.WithOpportunisticSMTPAuth(s.mechanisms()...))
	}
	dialer, err := mail.NewClient(s.config.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("setting up the mail client: %w", err)
	}
	client, err := dialer.DialToSMTPClientWithContext(ctx)
	if err != nil {
		if conn != nil {
			conn.Close()
		}
		return nil, connectError(err)
	}
	utf8, _ := client.Extension("SMTPUTF8")
	pipelining, _ := client.Extension("PIPELINING")
	return &smtpConn{client: client, timeout: s.timeout, utf8: utf8, pipelining: pipelining, used: time.Now()}, nil
}

func (s *SMTP) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if s.config.Implicit {
		return (&tls.Dialer{Config: s.config.tlsConfig()}).DialContext(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// mechanisms are tried in this order. In the clear, which only loopback can be, the plain ones must be allowed by name.
func (s *SMTP) mechanisms() []mail.SMTPAuthType {
	if s.config.loopback() && !s.config.Implicit && s.config.TLS != mail.TLSMandatory {
		return []mail.SMTPAuthType{mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthPlainNoEnc, mail.SMTPAuthLoginNoEnc}
	}
	return []mail.SMTPAuthType{mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthPlain, mail.SMTPAuthLogin}
}

// connectError says what an operator needs and nothing of what a client library may quote.
func connectError(err error) *sendError {
	e := blame(stepConnect, err)
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		e.text = "the server's certificate does not verify: " + redact(certificate.Err.Error())
	case e.code == 0:
		e.text = redact(err.Error())
	}
	e.broken = true
	return e
}

type smtpConn struct {
	client     *smtp.Client
	timeout    time.Duration
	utf8       bool
	pipelining bool // RFC 2920
	used       time.Time
	broken     bool
	wire       []byte // kept for the next mail
}

// idle is how long a connection may rest before it is asked whether it still lives.
const idle = 5 * time.Second

func (c *smtpConn) Deliver(m *Message, clear func() error) error {
	err := c.deliver(m, clear)
	c.used = time.Now()
	var failed *sendError
	if errors.As(err, &failed) && failed.broken {
		c.broken = true
	}
	return err
}

func (c *smtpConn) deliver(m *Message, clear func() error) error {
	if m.UTF8 && !c.utf8 {
		return &sendError{fault: faultPermanent, step: stepRcpt, text: "the mail server cannot take an address beyond ASCII (SMTPUTF8)"}
	}
	if err := c.client.UpdateDeadline(c.timeout); err != nil {
		return blame(stepReset, err)
	}
	if time.Since(c.used) > idle {
		if err := c.reset(); err != nil {
			return err
		}
	}
	open := c.openInTurn
	if c.pipelining && !strings.ContainsAny(m.From+m.To, "\r\n") {
		open = c.openAtOnce
	}
	if err := open(m, clear); err != nil {
		return err
	}
	return c.content(m.Data)
}

// openInTurn names sender and recipient and asks to go on, a command at a time.
func (c *smtpConn) openInTurn(m *Message, clear func() error) error {
	c.client.SkipSMTPUTF8(!m.UTF8)
	if err := c.client.Mail("<" + m.From + ">"); err != nil { // refuses line breaks
		return c.refused(stepMail, err)
	}
	if err := c.client.Rcpt("<" + m.To + ">"); err != nil {
		return c.refused(stepRcpt, err)
	}
	if err := clear(); err != nil {
		c.abandon()
		return err
	}
	if err := c.put("DATA\r\n"); err != nil {
		return c.refused(stepData, err)
	}
	if _, _, err := c.client.Text.ReadResponse(354); err != nil {
		return c.refused(stepData, err)
	}
	return nil
}

// openAtOnce is openInTurn in one round trip. The server expects the content then, so that a mail that is not to be sent any more
// costs the connection: content that does not end is never taken.
func (c *smtpConn) openAtOnce(m *Message, clear func() error) error {
	if err := clear(); err != nil {
		return err
	}
	utf8 := ""
	if m.UTF8 {
		utf8 = " SMTPUTF8"
	}
	err := c.put("MAIL FROM:<", m.From, ">", utf8, "\r\nRCPT TO:<", m.To, ">\r\nDATA\r\n")
	if err != nil {
		return blame(stepMail, err)
	}
	if step, err := c.answers(); err != nil {
		return c.refused(step, err)
	}
	if err := clear(); err != nil {
		c.broken = true
		return err
	}
	return nil
}

func (c *smtpConn) put(parts ...string) error {
	w := c.client.Text.W
	for _, part := range parts {
		if _, err := w.WriteString(part); err != nil {
			return err
		}
	}
	return w.Flush()
}

// answers reads those to MAIL, RCPT and DATA, and gives the first refusal with its step.
func (c *smtpConn) answers() (step string, err error) {
	for _, expected := range [...]struct {
		step string
		code int
	}{{stepMail, 250}, {stepRcpt, 25}, {stepData, 354}} {
		_, _, refusal := c.client.Text.ReadResponse(expected.code)
		var reply *textproto.Error
		switch {
		case refusal == nil:
			continue
		case !errors.As(refusal, &reply) || reply.Code == 421:
			return expected.step, refusal // nothing more will come
		case err == nil:
			step, err = expected.step, refusal
		}
		if expected.step == stepData {
			return step, err
		}
	}
	if err == nil {
		return "", nil
	}
	// The server wants content though it has no sender or no recipient: RFC 2920 section 3.1 says to send none.
	if lost := c.put(".\r\n"); lost != nil {
		return step, lost
	}
	var reply *textproto.Error
	if _, _, end := c.client.Text.ReadResponse(250); end != nil && !errors.As(end, &reply) {
		return step, end
	}
	return step, err
}

// content sends the mail in one piece, with its dots doubled at the beginning of lines (RFC 5321 section 4.5.2).
func (c *smtpConn) content(data []byte) error {
	c.wire = c.wire[:0]
	for line := range bytes.Lines(data) {
		if line[0] == '.' {
			c.wire = append(c.wire, '.')
		}
		line, _ = bytes.CutSuffix(line, []byte("\n"))
		line, _ = bytes.CutSuffix(line, []byte("\r"))
		c.wire = append(append(c.wire, line...), '\r', '\n')
	}
	c.wire = append(c.wire, ".\r\n"...)
	w := c.client.Text.W
	if _, err := w.Write(c.wire); err != nil {
		return blame(stepContent, err)
	}
	if err := w.Flush(); err != nil {
		return blame(stepContent, err)
	}
	if _, _, err := c.client.Text.ReadResponse(250); err != nil {
		return blame(stepContent, err)
	}
	return nil
}

// refused ends the transaction, so that the connection serves the next mail.
func (c *smtpConn) refused(step string, err error) error {
	e := blame(step, err)
	if !e.broken {
		c.abandon()
	}
	return e
}

// abandon leaves a mail between RCPT and DATA; a failure only costs the connection.
func (c *smtpConn) abandon() {
	if c.reset() != nil {
		c.broken = true
	}
}

func (c *smtpConn) reset() error {
	err := c.client.Reset()
	if err == nil {
		return nil
	}
	e := blame(stepReset, err)
	e.broken = true
	return e
}

func (c *smtpConn) Usable() bool { return !c.broken }

// Close says goodbye where that can be heard.
func (c *smtpConn) Close() {
	if !c.broken && c.client.UpdateDeadline(c.timeout) == nil && c.client.Quit() == nil {
		return
	}
	c.client.Close()
}
