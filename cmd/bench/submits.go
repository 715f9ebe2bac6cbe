package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-1c168855/rekey/internal/bench"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/store"
)

const (
	submitters = 500
	gateRate   = 200 // requests a second beside
	allArrive  = time.Second
)

// submits lets 500 members press the button at once while the login service goes on asking the gate.
func (b *suite) submits(ctx context.Context) error {
	if err := b.threeCampaigns(ctx); err != nil {
		return err
	}
	server, err := b.serve(ctx)
	if err != nil {
		return err
	}
	defer server.Stop()
	forms, err := b.forms(ctx)
	if err != nil {
		return err
	}
	key, err := b.loginKey(ctx)
	if err != nil {
		return err
	}
	if _, err := b.paced(ctx, server, key, time.Second); err != nil { // warms up
		return err
	}
	idle, err := b.paced(ctx, server, key, pick(b, 2*time.Second, 10*time.Second))
	if err != nil {
		return err
	}
	members, err := openAll(server.address)
	if err != nil {
		return err
	}
	defer closeAll(members)
	server.ForgetPeak()
	base, answers, beside, err := b.storm(ctx, server, key, members, forms)
	if err != nil {
		return err
	}
	b.judgeSubmits(server, base, answers, idle, beside)
	return nil
}

func (b *suite) judgeSubmits(server *served, base int64, answers map[int]int, idle, beside bench.Durations) {
	note := fmt.Sprintf("303: %d, 429: %d, 503: %d", answers[303], answers[429], answers[503])
	memory := password.DefaultParams().Memory << 10
	slots := b.slots()
	allowed := float64(base+int64(slots)*int64(memory)) / mebibyte
	b.add(bench.Within(allowed, bench.Row{What: fmt.Sprintf("%d submits at once: peak RSS beside base + slots, of which there are %d", submitters, slots), N: submitters,
		Ours: float64(server.Peak()) / mebibyte, Unit: "MiB", Note: fmt.Sprintf("base %.1f MiB with all of them waiting", float64(base)/mebibyte)}))
	b.add(bench.AtMost(2, bench.Row{What: fmt.Sprintf("gate p99 beside %d submits, beside idle, at %d/s", submitters, gateRate), N: len(beside),
		Ours: milliseconds(beside.Quantile(0.99)), Floor: milliseconds(idle.Quantile(0.99)), Unit: "ms",
		Note: fmt.Sprintf("median %.2f and %.2f ms", milliseconds(beside.Median()), milliseconds(idle.Median()))}))
	honest := answers[303] + answers[429] + answers[503]
	b.add(bench.AtLeast(1, bench.Row{What: "submits answered 303, or 429 or 503 with Retry-After", N: submitters, Ours: float64(honest), Floor: submitters, Note: note}))
}

// slots are as many as admission has with the default budget, up to 13.
func (b *suite) slots() int { return max(b.report.Machine.Cores-1, 1) }

// openAll opens the members' connections: they have the page before them already. What an open connection takes is part of the base.
func openAll(address string) ([]*bench.Connection, error) {
	members := make([]*bench.Connection, submitters)
	var err error
	for i := range members {
		if members[i], err = bench.Connect(address); err != nil {
			closeAll(members[:i])
			return nil, err
		}
		if _, _, err = members[i].Exchange(bench.Request("GET", "/reset", "")); err != nil {
			closeAll(members[:i+1])
			return nil, err
		}
	}
	return members, nil
}

func closeAll(members []*bench.Connection) {
	for _, m := range members {
		m.Close()
	}
}

// storm sends all forms at once and asks the gate until the last has its answer. base is the memory with all of them waiting: hashing stands still so long.
func (b *suite) storm(ctx context.Context, server *served, key string, members []*bench.Connection, forms []string) (base int64, answers map[int]int, beside bench.Durations, err error) {
	if err := server.Hold(); err != nil {
		return 0, nil, nil, err
	}
	gate, err := b.startCaller(ctx, server, key)
	if err != nil {
		return 0, nil, nil, errors.Join(err, server.Resume())
	}
	answers = map[int]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, form := range forms {
		all.Go(func() {
			status, failed := submit(members[i], i, form)
			mu.Lock()
			defer mu.Unlock()
			answers[status]++
			err = errors.Join(err, failed)
		})
	}
	time.Sleep(allArrive)
	base, resumed := server.peakSoFar(), server.Resume()
	all.Wait()
	beside, paced := gate.stop()
	return base, answers, beside, errors.Join(err, paced, resumed)
}

// submit posts one form from an address of its own. A refusal without Retry-After counts as 0.
func submit(member *bench.Connection, i int, form string) (status int, err error) {
	status, header, err := member.Exchange(bench.Request("POST", "/reset", form, "Content-Type: application/x-www-form-urlencoded",
		fmt.Sprintf("X-Forwarded-For: 198.51.%d.%d", 100+i/250, i%250+1)))
	if err != nil {
		return 0, err
	}
	if status >= 400 && header.Get("Retry-After") == "" {
		return 0, nil
	}
	return status, nil
}

// forms are good submissions of accounts that have a password, each with a token of its own.
func (b *suite) forms(ctx context.Context) (forms []string, err error) {
	links, err := b.links(ctx, submitters)
	for _, l := range links {
		forms = append(forms, l.form())
	}
	return forms, err
}

// link is a member's way to a new password.
type link struct {
	account int64
	subject string
	token   string
}

// newPassword is what every member chooses.
const newPassword = "orchid tractor lemon violin"

func (l link) form() string {
	return url.Values{"token": {l.token}, "password": {newPassword}, "confirm": {newPassword}}.Encode()
}

// links are good ones of n accounts that have a password, signed by the installation's own key.
func (b *suite) links(ctx context.Context, n int) (links []link, err error) {
	s, err := store.Open(ctx, store.Options{URL: b.main})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ring, err := reset.NewKeys(s, b.master, publicURL).Ring(ctx)
	if err != nil {
		return nil, err
	}
	err = b.query(ctx, b.main, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `SELECT a.id, a.subject, a.credential_version, s.epoch FROM accounts a JOIN credential_status s ON s.account_id = a.id
			WHERE a.id IN (SELECT id FROM accounts WHERE password_hash IS NOT NULL ORDER BY id LIMIT $1)`, n)
		if err != nil {
			return err
		}
		var l link
		var version, epoch int64
		_, err = pgx.ForEachRow(rows, []any{&l.account, &l.subject, &version, &epoch}, func() (err error) {
			l.token, _, err = ring.Mint(l.account, 0, version, epoch, time.Now(), time.Hour)
			links = append(links, l)
			return err
		})
		return err
	})
	if err == nil && len(links) < n {
		err = fmt.Errorf("only %d accounts have a password", len(links))
	}
	return links, err
}
