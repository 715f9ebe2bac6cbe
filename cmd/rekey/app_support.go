package main

import (
	"context"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/console"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/support"
	"github.com/seed-1c168855/rekey/internal/token"
)

// helpDesk gives the desk what it needs for single members, deadlines and evidence.
func (a *app) helpDesk(o *desk.Options) error {
	page, err := console.ReportPage(a.settings.ServiceName, a.settings.PublicURL)
	if err != nil {
		return err
	}
	o.Records = records(a.store, a.auditKeys.Verifiers, page)
	o.Records.Sign = func(ctx context.Context) (audit.Checkpoint, error) {
		return asStored(ctx, a.store, func() (audit.Checkpoint, error) { return signLog(ctx, a.store, a.auditKeys, a.logger) })
	}
	o.Support = helper(a.store, a.settings, a.coder, a.limits, a.limitKeys)
	return nil
}

// helper is what helps single members, as the serving process and the command line share it.
func helper(db *store.Store, s *config.Settings, coder *token.Coder, limits ratelimit.Source, keys ratelimit.Keyer) *support.Service {
	return &support.Service{Store: db, Coder: coder, Limits: limits, LimitKeys: keys, Fold: account.EmailKey, Lives: lives(s), Locked: db.Locked}
}

// records are an incident's deadlines, facts and reports as the serving process and the command line share them.
func records(db *store.Store, verifiers func(context.Context) ([]string, error), page func(desk.Evidence) ([]byte, error)) *desk.Records {
	return &desk.Records{File: db, Reports: db, Mails: db, Seals: db, Verifiers: verifiers, Page: page}
}

// records are those of the command line. The master key and the report's page are looked for when a report is made, which alone needs them.
func (s *session) records(db *store.Store) *desk.Records {
	verifiers := func(ctx context.Context) ([]string, error) {
		keys, err := s.auditKeys(db)
		if err != nil {
			return nil, err
		}
		return keys.Verifiers(ctx)
	}
	r := records(db, verifiers, func(e desk.Evidence) ([]byte, error) {
		page, err := console.ReportPage(s.settings.ServiceName, s.settings.PublicURL)
		if err != nil {
			return nil, err
		}
		return page(e)
	})
	r.Sign = func(ctx context.Context) (audit.Checkpoint, error) {
		return asStored(ctx, db, func() (audit.Checkpoint, error) { return s.sign(ctx, db) })
	}
	return r
}
