package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator/signin"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/password/process"
	"github.com/seed-1c168855/rekey/internal/portal"
	"github.com/seed-1c168855/rekey/internal/pow"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/ratelimit/redis"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/server"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/support"
	"github.com/seed-1c168855/rekey/internal/token"
)

// app is the service in one process: every part, made once from the settings, ready to run. Whoever makes one closes it.
type app struct {
	settings *config.Settings
	logger   *slog.Logger
	actor    audit.Actor

	store     *store.Store
	keys      *reset.Keys
	auditKeys *audit.Keys
	coder     *token.Coder
	hashing   *process.Child // nil where passwords are hashed in this process
	hasher    *password.Hasher
	admission *password.Admission
	policy    *password.Policy
	lists     []io.Closer // of breached passwords
	floor     *account.Floor
	limits    ratelimit.Source
	memory    *ratelimit.Memory
	redis     *redis.Source // nil if there is none
	limitKeys ratelimit.Keyer

	memberLimits ratelimit.Source // limits, read for signs of pressure
	pressure     *pow.Pressure
	proofs       *portal.Proofs

	resets    *reset.Service
	openings  *reset.Openings
	verifier  *account.Verifier
	gater     *account.Gater
	directory *account.Directory
	uses      *client.Uses

	approvals *approval.Approvals
	desk      *desk.Desk
	door      *signin.Door
	ending    chan struct{} // closed when the process is to end

	http    *server.Metrics
	metrics *metrics
}

// newApp opens the database, refuses another schema than this program's, makes the first signing key and puts the parts together.
// It starts nothing but the hashing process.
func newApp(ctx context.Context, settings *config.Settings, logger *slog.Logger) (*app, error) {
	a := &app{settings: settings, logger: logger, ending: make(chan struct{}), actor: audit.Actor{Kind: audit.KindSystem, Name: "serve"}}
	master, err := settings.Master() // before the database: without a key nothing else is worth trying
	if err != nil {
		return nil, usage(err)
	}
	if a.redis, err = openRedis(settings); err != nil {
		return nil, err
	}
	if a.store, err = openStore(ctx, settings, logger); err != nil {
		return nil, errors.Join(err, a.closeRedis())
	}
	if err := a.build(ctx, master); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *app) build(ctx context.Context, master secret.Master) error {
	if _, err := makeReady(ctx, a.store, a.settings, a.actor); err != nil {
		return err
	}
	a.keys, a.coder = reset.NewKeys(a.store, master, a.settings.PublicURL), token.NewCoder(master)
	if err := a.keys.Ensure(ctx, a.actor); err != nil {
		return fmt.Errorf("making the first signing key: %w", err)
	}
	if _, err := a.keys.Ring(ctx); err != nil { // a wrong master key shows now, not at the first mail
		return err
	}
	a.auditKeys = audit.NewKeys(a.store, master)
	if err := a.ensureAuditKey(ctx); err != nil {
		return err
	}
	if err := a.buildPasswords(); err != nil {
		return err
	}
	a.buildLimits(master)
	a.buildProofs(master)
	a.buildUseCases(master)
	if err := a.buildDesk(master); err != nil {
		return err
	}
	a.http = server.NewMetrics()
	a.metrics = newMetrics(a)
	return a.tryLimits(ctx)
}

func (a *app) buildPasswords() (err error) {
	if err := a.buildHashing(); err != nil {
		return err
	}
	a.policy = password.DefaultPolicy()
	a.policy.MinLength = a.settings.PasswordMin
	if a.hashing != nil {
		a.policy.Elsewhere = a.hashing
	}
	if err := a.policy.Validate(); err != nil {
		return fmt.Errorf("REKEY_PASSWORD_MIN: %w", err)
	}
	if err := a.buildBreached(); err != nil {
		return err
	}
	a.floor = account.NewFloor(a.hasher, a.admission)
	return nil
}

func (a *app) buildUseCases(master secret.Master) {
	a.openings = reset.NewOpenings(a.store, a.logger)
	a.resets = &reset.Service{
		Store: a.store, Keys: a.keys, Coder: a.coder, Hasher: a.hasher, Admission: a.admission, Policy: a.policy,
		Limits: a.memberLimits, LimitKeys: a.limitKeys, Fold: account.EmailKey,
		Failures: func(id int64) []byte { return account.FailureKey(master, id) },
		Lives:    lives(a.settings), Name: a.settings.ServiceName,
		Opened: a.openings.Add,
	}
	a.verifier = &account.Verifier{
		Store: a.store, Hasher: a.hasher, Admission: a.admission, Floor: a.floor, Limits: a.limits, Keys: a.limitKeys, Master: master,
		ResetURL: a.settings.PublicURL + "/forgot",
	}
	if a.settings.UpgradeHashes {
		a.verifier.Upgrade = a.store
	}
	a.gater = &account.Gater{Store: account.NewJointGate(a.store, runtime.GOMAXPROCS(0)), Limits: a.limits, Keys: a.limitKeys}
	a.directory = account.NewDirectory(a.store)
	a.uses = client.NewUses(a.store)
}

// lives are the lives of codes in use, spoken ones too, each once.
func lives(s *config.Settings) []time.Duration {
	all := append([]time.Duration{s.CampaignLife, s.AskedLife}, support.CodeLives...)
	slices.Sort(all)
	return slices.Compact(all)
}

// ready says whether requests can be answered: the database is there and has this program's schema.
func (a *app) ready(ctx context.Context) error { return a.store.CheckSchema(ctx) }

// Close ends the connections to the database and to Redis and the hashing process, and closes the lists of breached passwords.
func (a *app) Close() error {
	errs := []error{a.store.Close(), a.closeRedis(), a.closeHashing()}
	for _, l := range a.lists {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
