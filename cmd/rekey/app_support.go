package main

import (
	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/console"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/support"
)

// helpDesk gives the desk what it needs for single members, deadlines and evidence.
func (a *app) helpDesk(o *desk.Options) error {
	page, err := console.ReportPage(a.settings.ServiceName, a.settings.PublicURL)
	if err != nil {
		return err
	}
	o.Records = &desk.Records{File: a.store, Reports: a.store, Mails: a.store, Seals: a.store, Verifiers: a.auditKeys.Verifiers, Page: page}
	o.Support = &support.Service{
		Store: a.store, Coder: a.coder, Limits: a.limits, LimitKeys: a.limitKeys, Fold: account.EmailKey, Lives: lives(a.settings), Locked: a.store.Locked,
	}
	return nil
}
