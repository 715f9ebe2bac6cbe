package delivery

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// SMTPConfig is a mail server as its URL names it.
type SMTPConfig struct {
	Host     string
	Port     int
	User     string
	Password string
	Implicit bool           // smtps: TLS from the first byte (RFC 8314)
	TLS      mail.TLSPolicy // of smtp: STARTTLS offered, required or left alone
	Roots    *x509.CertPool // nil: the system's
	Helo     string         // name in EHLO; empty: the host name of this machine
}

// ParseSMTPURL reads
//
//	smtp://[user:password@]host[:port][?tls=require|none][&ca=FILE][&helo=NAME]   STARTTLS where offered; port 25, with a user 587
//	smtps://…                                                                     TLS from the start; port 465
//
// Certificates are always verified, against the system's roots or those in FILE (PEM). With a user, TLS is required unless the server
// is on loopback, so that nobody on the way can strip it and read password and links; tls=none is for loopback alone.
// An error never shows the URL: it may hold a password.
func ParseSMTPURL(raw string) (SMTPConfig, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.Fragment != "" || u.Opaque != "" {
		return SMTPConfig{}, problem.New(problem.Invalid, "the mail server must be smtp:// or smtps:// with a host, and no path")
	}
	c := SMTPConfig{Host: u.Hostname(), Implicit: u.Scheme == "smtps", TLS: mail.TLSOpportunistic}
	c.User = u.User.Username()
	c.Password, _ = u.User.Password()
	if (c.User == "") != (c.Password == "") {
		return SMTPConfig{}, problem.New(problem.Invalid, "the mail server needs both user and password, or neither")
	}
	if err := c.port(u); err != nil {
		return SMTPConfig{}, err
	}
	if err := c.options(u.Query()); err != nil {
		return SMTPConfig{}, err
	}
	if c.User != "" && !c.loopback() && !c.Implicit {
		c.TLS = mail.TLSMandatory
	}
	return c, nil
}

func (c *SMTPConfig) port(u *url.URL) error {
	switch {
	case u.Port() != "":
		n, err := strconv.Atoi(u.Port())
		if err != nil || n < 1 || n > 65535 {
			return problem.New(problem.Invalid, "the mail server's port must be a number from 1 to 65535")
		}
		c.Port = n
	case c.Implicit:
		c.Port = 465
	case c.User != "":
		c.Port = 587
	default:
		c.Port = 25
	}
	return nil
}

func (c *SMTPConfig) options(query url.Values) error {
	for name, values := range query {
		value := values[len(values)-1]
		switch {
		case name == "tls" && c.Implicit && value != "require":
			return problem.New(problem.Invalid, "smtps:// always has TLS; tls= can only be require")
		case name == "tls" && value == "require":
			c.TLS = mail.TLSMandatory
		case name == "tls" && value == "none":
			if !c.loopback() {
				return problem.New(problem.Invalid, "tls=none is for a mail server on loopback alone: the mails carry links that set passwords")
			}
			c.TLS = mail.NoTLS
		case name == "ca":
			pem, err := os.ReadFile(value)
			if err != nil {
				return problem.Wrap(problem.Invalid, "the file of ca= cannot be read", err)
			}
			c.Roots = x509.NewCertPool()
			if !c.Roots.AppendCertsFromPEM(pem) {
				return problem.New(problem.Invalid, "the file of ca= holds no certificate in PEM form")
			}
		case name == "helo" && value != "" && !strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }):
			c.Helo = value
		default:
			return problem.New(problem.Invalid, "the mail server's options are tls=require, tls=none, ca=FILE and helo=NAME")
		}
	}
	return nil
}

// loopback is decided by name or literal address alone: what a name resolves to can be forged.
func (c *SMTPConfig) loopback() bool {
	ip := net.ParseIP(c.Host)
	return c.Host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *SMTPConfig) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: c.Host, RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
}
