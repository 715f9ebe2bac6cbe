package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/emersion/go-smtp"
)

// maxMailSize is far above what Rekey writes.
const maxMailSize = 1 << 20

// ServeSMTP takes mails from the listener until the context ends. It closes the listener.
func (b *Mailbox) ServeSMTP(ctx context.Context, listener net.Listener, logger *slog.Logger) error {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &smtpSession{box: b}, nil }))
	s.Domain, s.EnableSMTPUTF8 = "localhost", true
	s.MaxMessageBytes, s.MaxRecipients = maxMailSize, 1
	s.ReadTimeout, s.WriteTimeout = time.Minute, time.Minute
	s.ErrorLog = smtpLog{logger}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() }) // what is in flight is the sender's until we said 250
	defer stop()
	err := s.Serve(listener)
	if ctx.Err() != nil || errors.Is(err, smtp.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("taking mails: %w", err)
}

type smtpSession struct {
	box      *Mailbox
	from, to string
}

func (s *smtpSession) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }
func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error   { s.to = to; return nil }

func (s *smtpSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.box.Deliver(s.from, s.to, raw)
	return nil
}

func (s *smtpSession) Reset()        { s.from, s.to = "", "" }
func (s *smtpSession) Logout() error { return nil }

// smtpLog says that something went wrong on a connection and never what was said on it: that could be a link.
type smtpLog struct{ logger *slog.Logger }

func (l smtpLog) Printf(string, ...any) { l.logger.Debug("a mail connection ended early") }
func (l smtpLog) Println(...any)        { l.logger.Debug("a mail connection ended early") }
