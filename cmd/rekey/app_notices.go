package main

import (
	"context"
	"crypto/rand"
	"net/mail"
	"time"

	"github.com/seed-1c168855/rekey/internal/delivery"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// herald tells operators by mail what was changed about their sign-in. Any number of processes may run one on the same database.
func (a *app) herald() (*operator.Herald, error) {
	dialer, err := mailServer(a.settings)
	if err != nil {
		return nil, err
	}
	from, err := parseMailbox(a.settings.MailFrom)
	if err != nil {
		return nil, usagef("REKEY_MAIL_FROM: %w", err)
	}
	subject := "Rekey, " + a.settings.ServiceName + ": your sign-in was changed"
	send := func(ctx context.Context, name, address, text string) error {
		to, err := parseMailbox(address)
		if err != nil {
			return err
		}
		m := plainMail{From: from, To: &mail.Address{Name: name, Address: to.Address}, ID: messageID("notice."+rand.Text(), from), Subject: subject, Body: text, At: time.Now()}
		return delivery.SendOne(ctx, dialer, &delivery.Message{ID: m.ID, From: from.Address, To: to.Address, Data: m.compose()})
	}
	return &operator.Herald{Store: a.store, Send: send, URL: a.settings.AdminURL, Logger: a.logger}, nil
}
