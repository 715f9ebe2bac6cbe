package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/bench"
	"github.com/seed-1c168855/rekey/internal/store"
)

const activations = 30

// flatness is how far the median at the largest base may lie above the one at the smallest: noise, no growth.
const flatness = 1.5

// activation times the transaction that kills everybody, each beside a one-row insert, in bases of growing size.
func (b *suite) activation(ctx context.Context) error {
	var first float64
	for _, n := range pick(b, []int{1_000, 100_000}, []int{1_000, 100_000, everybody}) {
		ours, floor, err := b.activateAt(ctx, n)
		if err != nil {
			return err
		}
		row := bench.Row{What: fmt.Sprintf("activation transaction, median of %d", activations), N: n,
			Ours: milliseconds(ours.Median()), Floor: milliseconds(floor.Median()), Unit: "ms"}
		b.add(bench.AtMost(3, row))
		if first == 0 {
			first = row.Ours
			continue
		}
		row.What, row.Floor = "activation is flat: beside 1,000 accounts", first
		b.add(bench.AtMost(flatness, row))
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// activateAt makes a base of n accounts and alternates an activation of everybody with an insert.
func (b *suite) activateAt(ctx context.Context, n int) (ours, floor bench.Durations, err error) {
	url, drop, err := b.fresh()
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	if err := b.populate(ctx, url, n); err != nil {
		return nil, nil, err
	}
	s, err := store.Open(ctx, store.Options{URL: url})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	err = b.query(ctx, url, func(conn *pgx.Conn) error {
		ours, floor, err = alternate(ctx, s, conn)
		return err
	})
	return ours, floor, err
}

// populate fills a database by itself: these accounts only have to be there.
func (b *suite) populate(ctx context.Context, url string, n int) error {
	err := b.exec(ctx, url, fmt.Sprintf(`INSERT INTO accounts (subject, email, email_key, created_at, password_hash, password_scheme, password_set_at)
		SELECT 'member-' || i, 'm' || i || '@example.net', 'm' || i || '@example.net', '2010-01-01'::timestamptz, 'md5$$' || md5(i::text), 'django-md5',
		       '2010-01-01'::timestamptz + i * interval '1 second' FROM generate_series(1, %d) i`, n),
		"INSERT INTO incidents (id, slug, created_at, updated_at) VALUES (1, 'bench', now(), now())",
		"CREATE TABLE bench_floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text NOT NULL)")
	if err != nil {
		return err
	}
	return b.settle(ctx, url)
}

// alternate activates one prepared campaign over everyone after the other: each kills every account there is.
func alternate(ctx context.Context, s *store.Store, conn *pgx.Conn) (ours, floor bench.Durations, err error) {
	entry := audit.New(actor, audit.CampaignActivate, "campaign:bench", nil)
	for i := range activations + 2 { // the first two warm up
		var id int64
		var prepared time.Time
		err := conn.QueryRow(ctx, `INSERT INTO campaigns (incident_id, scope, state, created_at, prepared_at)
			VALUES (1, 'everyone', 'prepared', clock_timestamp(), clock_timestamp()) RETURNING id, prepared_at`).Scan(&id, &prepared)
		if err != nil {
			return nil, nil, err
		}
		began := time.Now()
		if _, err := s.ActivateCampaign(ctx, id, prepared, entry); err != nil {
			return nil, nil, err
		}
		activated := time.Since(began)
		began = time.Now()
		if _, err := conn.Exec(ctx, "INSERT INTO bench_floor (note) VALUES ($1)", "one row"); err != nil {
			return nil, nil, err
		}
		if i >= 2 {
			ours, floor = append(ours, activated), append(floor, time.Since(began))
		}
	}
	return ours, floor, everybodyIsDead(ctx, conn)
}

// everybodyIsDead holds that what was timed did what it is for.
func everybodyIsDead(ctx context.Context, conn *pgx.Conn) error {
	var alive int64
	err := conn.QueryRow(ctx, `SELECT count(*) FROM (SELECT id FROM accounts ORDER BY id DESC LIMIT 100) a JOIN credential_status s ON s.account_id = a.id WHERE NOT s.dead`).Scan(&alive)
	if err == nil && alive > 0 {
		err = fmt.Errorf("%d of 100 accounts live on after the activation", alive)
	}
	return err
}
