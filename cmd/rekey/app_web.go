package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/delivery"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/portal"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/server"
)

// public is everything on REKEY_LISTEN: members' pages behind the flood limit, and the API, which has limits of its own.
func (a *app) public() (*gin.Engine, error) {
	pages, err := a.portal()
	if err != nil {
		return nil, err
	}
	calls, err := a.api()
	if err != nil {
		return nil, err
	}
	engine, err := server.New(server.Options{
		Logger: a.logger, TrustedProxies: a.settings.TrustedProxies, LogAddress: addressLog[a.settings.LogAddress],
		Metrics: a.http, Render: server.ForBrowsers(pages.Problem),
		Headers: server.PageHeaders(strings.HasPrefix(a.settings.PublicURL, "https:")),
	})
	if err != nil {
		return nil, fmt.Errorf("REKEY_TRUSTED_PROXIES: %w", err)
	}
	server.Health(engine, a.ready)
	calls.Routes(engine)
	pages.Routes(engine.Group("", server.Limit(a.memberLimits, ratelimit.Flood, server.ClientNetwork)))
	return engine, nil
}

var addressLog = map[string]server.AddressLog{"network": server.LogNetwork, "none": server.LogNoAddress, "full": server.LogAddress}

func (a *app) portal() (*portal.Portal, error) {
	o := portal.Options{
		Resets: countedResets{a.resets, a.metrics},
		Notice: func(ctx context.Context, slug string) (incident.Incident, error) {
			return incident.Published(ctx, a.store, slug)
		},
		Proofs: a.proofs, PublicURL: a.settings.PublicURL, Minimum: a.policy.MinLength, Maximum: a.policy.MaxLength,
		Name: a.settings.ServiceName, Contact: a.settings.Contact, ReturnURL: a.settings.ReturnURL, Colour: a.settings.Colour,
		Sender: a.settings.MailFrom,
	}
	letter, err := letterhead(a.settings)
	if err != nil {
		return nil, err
	}
	mails, err := delivery.NewComposer(letter, a.coder)
	if err != nil {
		return nil, fmt.Errorf("setting up the mails: %w", err)
	}
	o.Subjects = mails.Subjects
	if a.settings.Logo != "" {
		logo, err := os.ReadFile(a.settings.Logo)
		if err != nil {
			return nil, fmt.Errorf("REKEY_LOGO: %w", err)
		}
		o.Logo = logo
	}
	if a.settings.Locales != "" {
		o.Locales = os.DirFS(a.settings.Locales)
	}
	return portal.New(o)
}

func (a *app) api() (*api.API, error) {
	return api.New(api.Options{
		Verifier: countedVerifier{a.verifier, a.metrics}, Gater: a.gater, Introspector: a.resets, Accounts: a.directory, Clients: a.store, Uses: a.uses,
		JWKS: a.jwks, Limits: a.limits, LimitKeys: a.limitKeys, PublicURL: a.settings.PublicURL, Version: version,
	})
}

func (a *app) jwks(ctx context.Context) ([]byte, error) {
	ring, err := a.keys.Ring(ctx)
	if err != nil {
		return nil, err
	}
	return ring.JWKS(time.Now())
}

// servers are the listeners' servers in the order public, admin; pages says whether the process has operators' pages.
func (a *app) servers(pages bool) ([]*http.Server, error) {
	public, err := a.public()
	if err != nil {
		return nil, err
	}
	admin, err := a.admin(pages)
	if err != nil {
		return nil, err
	}
	limits := server.Limits{ErrorLog: slog.NewLogLogger(a.logger.Handler(), slog.LevelWarn)}
	return []*http.Server{server.HTTPServer(a.settings.Listen, public, limits), server.HTTPServer(a.settings.AdminListen, admin, limits)}, nil
}

// countedVerifier counts the answers by result.
type countedVerifier struct {
	*account.Verifier
	metrics *metrics
}

func (v countedVerifier) Verify(ctx context.Context, r account.VerifyRequest) (account.Verdict, error) {
	verdict, err := v.Verifier.Verify(ctx, r)
	result := verdict.Result
	if err != nil {
		result = problem.KindOf(err).Slug()
	}
	v.metrics.verified.WithLabelValues(result).Inc()
	return verdict, err
}

// countedResets counts what members do and what came of it.
type countedResets struct {
	*reset.Service
	metrics *metrics
}

func (r countedResets) count(act string, err error) error {
	outcome := "ok"
	if err != nil {
		outcome = problem.KindOf(err).Slug()
	}
	r.metrics.resets.WithLabelValues(act, outcome).Inc()
	return err
}

func (r countedResets) Check(ctx context.Context, text string, client netip.Addr) error {
	return r.count("check", r.Service.Check(ctx, text, client))
}

func (r countedResets) Redeem(ctx context.Context, f reset.Submission) error {
	return r.count("redeem", r.Service.Redeem(ctx, f))
}

func (r countedResets) Request(ctx context.Context, email string, client netip.Addr, locale string) error {
	return r.count("request", r.Service.Request(ctx, email, client, locale))
}

func (r countedResets) Reissue(ctx context.Context, text string, client netip.Addr) error {
	return r.count("reissue", r.Service.Reissue(ctx, text, client))
}
