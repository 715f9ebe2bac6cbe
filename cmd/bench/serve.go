package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/seed-1c168855/rekey/internal/bench"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/store"
)

// served is the program's web server under measurement.
type served struct {
	*bench.Process
	address string
}

// serve starts the program without delivery and returns once it is ready. Requests may name their client in X-Forwarded-For.
func (b *suite) serve(ctx context.Context, more ...string) (*served, error) {
	address, err := bench.FreePort()
	if err != nil {
		return nil, err
	}
	admin, err := bench.FreePort()
	if err != nil {
		return nil, err
	}
	env := b.env(b.main, "REKEY_LISTEN="+address, "REKEY_ADMIN_LISTEN="+admin, "REKEY_TRUSTED_PROXIES=127.0.0.0/8")
	env = append(env, more...)
	p, err := b.start(ctx, env, "serve", "--no-delivery")
	if err != nil {
		return nil, err
	}
	return &served{p, address}, p.Await("http://" + address + "/readyz")
}

// withoutMemory are settings of a server whose hashes take no memory to speak of (bcrypt, 4 KiB). What it takes else is what memory is held against.
var withoutMemory = []string{"REKEY_PASSWORD_SCHEME=bcrypt", "REKEY_BCRYPT_COST=10"}

// threeCampaigns makes what the gate has to look through: a list of everybody, everyone until an early cutoff, and a list again.
func (b *suite) threeCampaigns(ctx context.Context) error {
	if err := b.base(ctx); err != nil || b.campaigns {
		return err
	}
	for i := range 3 {
		id, err := b.draftNumber(ctx, i)
		if err != nil {
			return err
		}
		if _, err := b.command(ctx, b.main, nil, "campaign", "activate", id, "--expect", "0", "--tolerance", fmt.Sprint(2*b.n)); err != nil {
			return err
		}
	}
	b.campaigns = true
	return b.settle(ctx, b.main)
}

func (b *suite) draftNumber(ctx context.Context, i int) (id string, err error) {
	if i != 1 {
		id, _, _, err = b.draft(ctx)
		return id, err
	}
	var created struct{ ID int64 }
	if _, err := b.command(ctx, b.main, &created, "campaign", "create", "--incident", "bench", "--scope", "everyone", "--cutoff", "2008-01-01T00:00:00Z"); err != nil {
		return "", err
	}
	id = fmt.Sprint(created.ID)
	_, err = b.command(ctx, b.main, nil, "campaign", "prepare", id)
	return id, err
}

// loginKey makes a client that may ask the gate.
func (b *suite) loginKey(ctx context.Context) (key string, err error) {
	s, err := store.Open(ctx, store.Options{URL: b.main})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	b.databases++
	_, key, err = client.Create(ctx, s, fmt.Sprintf("bench-%d", b.databases), client.ScopeLogin, actor)
	return key, err
}

// gateRequest asks for the i-th account, spread over the whole base.
func (b *suite) gateRequest(key string) func(i int) []byte {
	return func(i int) []byte {
		return bench.Request("POST", "/v1/gate", `{"subject":"`+subject(b.spread(i))+`","session_issued_at":1300000000}`,
			"Authorization: Bearer "+key, "Content-Type: application/json")
	}
}

// subject is that of the i-th account.
func subject(i int) string { return fmt.Sprintf("pass-%07d", i) }

// spread is a fixed shuffle: neighbours in time are not neighbours on a page.
func (b *suite) spread(i int) int { return int(uint64(i) * 2654435761 % uint64(b.n)) }

// ids are the lowest and highest account.
func (b *suite) ids(ctx context.Context) (low, high int64, err error) {
	err = b.query(ctx, b.main, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT min(id), max(id) FROM accounts").Scan(&low, &high)
	})
	return low, high, err
}
