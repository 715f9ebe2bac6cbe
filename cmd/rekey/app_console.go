package main

import (
	"context"
	"fmt"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/console"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/operator/signin"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/server"
)

// buildDesk puts together what operators do, and how they prove themselves.
func (a *app) buildDesk(master secret.Master) (err error) {
	alarm, err := newAlarm(a.settings, operator.NewPeople(a.store))
	if err != nil {
		return err
	}
	o := deskOptions(a.store, a.keys, a.settings, a.logger)
	o.Alarm = alarm.sound
	o.Progress = campaign.NewCounter(a.store).Read
	o.SendTestMail = func(ctx context.Context, k campaign.Campaign, i incident.Incident, m desk.TestMail) error {
		return sendTestMail(ctx, a.settings, a.coder, k, i, m)
	}
	if err := a.helpDesk(&o); err != nil {
		return err
	}
	o.WriteTestMail = func(k campaign.Campaign, i incident.Incident, m desk.TestMail) (desk.Mail, error) {
		return writeTestMail(a.settings, a.coder, k, i, m)
	}
	a.approvals = o.Approvals
	if a.desk, err = desk.New(o); err != nil {
		return err
	}
	hasher, err := a.newHasher(operatorHash(a.settings))
	if err != nil {
		return fmt.Errorf("setting up operators' password hashing: %w", err)
	}
	a.door, err = signin.New(signin.Options{
		Store: a.store, Hasher: hasher, Admission: a.admission, Policy: a.policy, Limits: a.limits, LimitKeys: a.limitKeys, Master: master,
		AdminURL: a.settings.AdminURL, Service: a.settings.ServiceName, Issuer: a.settings.OIDCIssuer,
	})
	return err
}

// operatorHash is argon2id whatever members' hashes are: nobody else reads operators'.
func operatorHash(s *config.Settings) password.Params {
	if p := s.HashParams(); p.Scheme == password.Argon2id {
		return p
	}
	return password.DefaultParams()
}

// admin is everything on REKEY_ADMIN_LISTEN. A process that only sends mail has no pages there.
func (a *app) admin(pages bool) (*gin.Engine, error) {
	site, err := a.console()
	if err != nil {
		return nil, err
	}
	o := server.Options{Logger: a.logger, LogAddress: addressLog[a.settings.LogAddress]}
	if pages {
		o.TrustedProxies, o.Render = a.settings.TrustedProxies, server.ForBrowsers(site.Problem)
	}
	engine, err := server.New(o)
	if err != nil {
		return nil, fmt.Errorf("REKEY_TRUSTED_PROXIES: %w", err)
	}
	server.Health(engine, a.ready)
	server.Get(engine, "/metrics", a.http.Handler())
	if pages {
		calls, err := a.adminAPI()
		if err != nil {
			return nil, err
		}
		calls.Routes(engine) // strangers' keys have a limit of their own
		site.Routes(engine.Group("", server.Limit(a.limits, ratelimit.Flood, server.ClientNetwork)))
	}
	return engine, nil
}

func (a *app) console() (*console.Console, error) {
	return console.New(console.Options{
		Desk: a.desk, Door: a.door, Operators: a.store,
		Provider:  console.Provider{Issuer: a.settings.OIDCIssuer, ClientID: a.settings.OIDCClientID, ClientSecret: a.settings.OIDCClientSecret.Reveal()},
		Ending:    a.ending,
		PublicURL: a.settings.PublicURL, AdminURL: a.settings.AdminURL, Name: a.settings.ServiceName,
		Idle: a.settings.SessionIdle, Life: a.settings.SessionLife,
	})
}

// tendOperators ends what waited too long, and forgets sessions that ended and notices that went out long ago.
func (a *app) tendOperators(ctx context.Context) {
	_, err := a.store.SweepSessions(ctx)
	a.complain(ctx, "sweeping ended sessions", err)
	_, err = a.approvals.Expire(ctx)
	a.complain(ctx, "ending requests that nobody decided", err)
	_, err = a.store.ForgetNotices(ctx)
	a.complain(ctx, "forgetting what operators were told", err)
}
