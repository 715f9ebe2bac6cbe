package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/delivery"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// alarm writes to every operator, past the queue of members' mails: what one person did alone must be known although a lockdown holds mail back.
type alarm struct {
	people   *operator.People
	dialer   delivery.Dialer
	from     *mail.Address
	adminURL string
	service  string
}

// alarmTime bounds all mails of one alarm: somebody waits at a page for the act that sounded it.
const alarmTime = 20 * time.Second

func newAlarm(s *config.Settings, people *operator.People) (*alarm, error) {
	dialer, err := mailServer(s)
	if err != nil {
		return nil, err
	}
	from, err := parseMailbox(s.MailFrom)
	if err != nil {
		return nil, usagef("REKEY_MAIL_FROM: %w", err)
	}
	return &alarm{people: people, dialer: dialer, from: from, adminURL: s.AdminURL, service: s.ServiceName}, nil
}

// sound mails the text to everybody who is not shut out, and says whom it could not reach. It goes on after a failure: who can be told is told.
func (a *alarm) sound(ctx context.Context, text string) error {
	all, err := a.people.List(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, alarmTime)
	defer cancel()
	var errs []error
	for _, o := range all {
		if o.DisabledAt != nil {
			continue
		}
		if err := a.tell(ctx, o, text); err != nil {
			errs = append(errs, fmt.Errorf("mailing operator %s: %w", o.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (a *alarm) tell(ctx context.Context, o operator.Operator, text string) error {
	to, err := parseMailbox(o.Email)
	if err != nil {
		return err
	}
	m := plainMail{From: a.from, To: to, ID: messageID("alarm."+rand.Text(), a.from), Subject: "Rekey, " + a.service + ": one person acted alone", At: time.Now()}
	m.Body = fmt.Sprintf("%s\n\nYou get this because you are an operator. If it should not have happened, look at the audit log: %s/audit\n", text, a.adminURL)
	return delivery.SendOne(ctx, a.dialer, &delivery.Message{ID: m.ID, From: a.from.Address, To: to.Address, Data: m.compose()})
}

// plainMail is a mail of plain text to somebody who runs Rekey.
type plainMail struct {
	From, To          *mail.Address
	ID, Subject, Body string
	At                time.Time
}

// messageID is in the sender's domain.
func messageID(local string, from *mail.Address) string {
	return "<" + local + from.Address[strings.LastIndexByte(from.Address, '@'):] + ">"
}

func (m plainMail) compose() []byte {
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"Date", m.At.UTC().Format(time.RFC1123Z)}, {"Message-ID", m.ID}, {"From", m.From.String()}, {"To", m.To.String()},
		{"Subject", mime.QEncoding.Encode("utf-8", m.Subject)},
		{"Auto-Submitted", "auto-generated"}, {"MIME-Version", "1.0"}, {"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	body := quotedprintable.NewWriter(&b)
	fmt.Fprint(body, m.Body)
	_ = body.Close() // into memory
	return b.Bytes()
}
