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
)

// submits lets 500 members press the button at once while the login service goes on asking the gate.
func (b *suite) submits(ctx context.Context) error {
	if err := b.threeCampaigns(ctx); err != nil {
		return err
	}
	key, err := b.loginKey(ctx)
	if err != nil {
		return err
	}
	links, err := b.links(ctx, 2*submitters)
	if err != nil {
		return err
	}
	light, err := b.rush(ctx, key, links[:submitters], withoutMemory...)
	if err != nil {
		return err
	}
	r, err := b.rush(ctx, key, links[submitters:])
	if err != nil {
		return err
	}
	b.judgeSubmits(light.peak, r)
	return nil
}

// rushed is what came of all forms at once.
type rushed struct {
	idle, beside bench.Durations // the gate's
	answers      map[int]int
	peak         int64
}

// rush sends all members' forms at once to a server of its own and asks the gate until the last has its answer.
func (b *suite) rush(ctx context.Context, key string, links []link, settings ...string) (r rushed, err error) {
	server, err := b.serve(ctx, settings...)
	if err != nil {
		return r, err
	}
	defer server.Stop()
	if _, err := b.paced(ctx, server, key, time.Second); err != nil { // warms up
		return r, err
	}
	if r.idle, err = b.paced(ctx, server, key, pick(b, 2*time.Second, 10*time.Second)); err != nil {
		return r, err
	}
	members, err := openAll(server.address)
	if err != nil {
		return r, err
	}
	defer closeAll(members)
	server.ForgetPeak()
	gate, err := b.startCaller(ctx, server, key)
	if err != nil {
		return r, err
	}
	r.answers = map[int]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, l := range links {
		all.Go(func() {
			status, failed := submit(members[i], i, l.form())
			mu.Lock()
			defer mu.Unlock()
			r.answers[status]++
			err = errors.Join(err, failed)
		})
	}
	all.Wait()
	beside, paced := gate.stop()
	r.beside, r.peak = beside, server.Peak()
	return r, errors.Join(err, paced)
}

func (b *suite) judgeSubmits(base int64, r rushed) {
	note := fmt.Sprintf("303: %d, 429: %d, 503: %d", r.answers[303], r.answers[429], r.answers[503])
	memory := password.DefaultParams().Memory << 10
	slots := b.slots()
	allowed := float64(base+int64(slots)*int64(memory)) / mebibyte
	b.add(bench.Within(allowed, bench.Row{What: fmt.Sprintf("%d submits at once: peak RSS beside base + slots, of which there are %d", submitters, slots), N: submitters,
		Ours: float64(r.peak) / mebibyte, Unit: "MiB", Note: fmt.Sprintf("base %.1f MiB, the peak of as many by bcrypt", float64(base)/mebibyte)}))
	b.add(bench.AtMost(2, bench.Row{What: fmt.Sprintf("gate p99 beside %d submits, beside idle, at %d/s", submitters, gateRate), N: len(r.beside),
		Ours: milliseconds(r.beside.Quantile(0.99)), Floor: milliseconds(r.idle.Quantile(0.99)), Unit: "ms",
		Note: fmt.Sprintf("median %.2f and %.2f ms", milliseconds(r.beside.Median()), milliseconds(r.idle.Median()))}))
	honest := r.answers[303] + r.answers[429] + r.answers[503]
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
	keys := reset.NewKeys(s, b.master, publicURL)
	if err := keys.Ensure(ctx, actor); err != nil {
		return nil, err
	}
	ring, err := keys.Ring(ctx)
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
