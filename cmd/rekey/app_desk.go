package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/delivery"
	"github.com/seed-1c168855/rekey/internal/delivery/queue"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/token"
)

// deskOptions are the desk's parts as the serving process and the command line share them.
func deskOptions(db *store.Store, keys *reset.Keys, s *config.Settings, logger *slog.Logger) desk.Options {
	return desk.Options{
		Campaigns: campaign.On(db, account.EmailKey, logger), Incidents: db, Clients: db, Keys: keys, Approvals: approval.On(db, s.ApprovalLife),
		People: operator.NewPeople(db), Directory: account.NewDirectory(db), Log: db,
		Above: s.SecondPersonAbove, SecondForCodes: s.SecondPersonCodes, SingleHanded: s.SingleHanded, Life: s.ApprovalLife, Logger: logger,
	}
}

// adminAPI is what operators' programs call on the admin address.
func (a *app) adminAPI() (*api.Admin, error) {
	return api.NewAdmin(api.AdminOptions{
		Desk: a.desk, Tokens: a.store, Clients: a.store, Uses: a.uses, Limits: a.limits, AdminURL: a.settings.AdminURL, Version: version,
	})
}

// testMailTime bounds the one mail that somebody waits for.
const testMailTime = 20 * time.Second

// writeTestMail writes a mail of a campaign, whose link and code open nothing, to be looked at.
func writeTestMail(s *config.Settings, coder *token.Coder, k campaign.Campaign, i incident.Incident, m desk.TestMail) (desk.Mail, error) {
	letter, err := letterhead(s)
	if err != nil {
		return desk.Mail{}, err
	}
	composer, err := delivery.NewComposer(letter, coder)
	if err != nil {
		return desk.Mail{}, err
	}
	look, err := composer.Look(mailOf(k, i), queue.Kind(m.Kind), m.Locale)
	return desk.Mail(look), err
}

// sendTestMail writes a mail of a campaign, whose link and code open nothing, and hands it to the mail server.
func sendTestMail(ctx context.Context, s *config.Settings, coder *token.Coder, k campaign.Campaign, i incident.Incident, m desk.TestMail) error {
	letter, err := letterhead(s)
	if err != nil {
		return err
	}
	composer, err := delivery.NewComposer(letter, coder)
	if err != nil {
		return err
	}
	mail, err := composer.Sample(mailOf(k, i), queue.Kind(m.Kind), m.To, m.Locale)
	if err != nil {
		return err
	}
	dialer, err := mailServer(s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, testMailTime)
	defer cancel()
	return delivery.SendOne(ctx, dialer, mail)
}
