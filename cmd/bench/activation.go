package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/bench"
	"github.com/seed-1c168855/rekey/internal/store"
)

const activations = 30

// flatness is how far the median at the largest base may lie above the one at the smallest: noise, no growth.
const flatness = 1.5

// activation times the transaction that kills everybody, each beside a transaction that inserts one row, in bases of growing size.
func (b *suite) activation(ctx context.Context) error {
	var first float64 // beside its floor
	for _, n := range pick(b, []int{1_000, 100_000}, []int{1_000, 100_000, everybody}) {
		t, err := b.activateAt(ctx, n)
		if err != nil {
			return err
		}
		row := bench.Row{What: fmt.Sprintf("activation transaction, median of %d", activations), N: n,
			Ours: milliseconds(t.ours.Median()), Floor: milliseconds(t.floor.Median()), Unit: "ms"}
		row.Note = fmt.Sprintf("an insert that commits itself %.2f ms", milliseconds(t.single.Median()))
		b.add(bench.AtMost(3, row))
		if first == 0 {
			first = row.Ours / row.Floor
			continue
		}
		row.What, row.Floor, row.Note = "activation is flat: beside 1,000 accounts, the floor as fast", first*row.Floor, ""
		b.add(bench.AtMost(flatness, row))
	}
	return nil
}

// turns are the times of one base.
type turns struct {
	ours   bench.Durations // the activation
	floor  bench.Durations // begin, insert one row, commit
	single bench.Durations // the same insert without begin and commit, for those who want to know
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// activateAt makes a base of n accounts and alternates an activation of everybody with the floor.
func (b *suite) activateAt(ctx context.Context, n int) (t turns, err error) {
	url, drop, err := b.fresh()
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	if err := b.populate(ctx, url, n); err != nil {
		return t, err
	}
	s, err := store.Open(ctx, store.Options{URL: url})
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	err = b.query(ctx, url, func(conn *pgx.Conn) error {
		t, err = alternate(ctx, s, conn)
		return err
	})
	return t, err
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
func alternate(ctx context.Context, s *store.Store, conn *pgx.Conn) (t turns, err error) {
	entry := audit.New(actor, audit.CampaignActivate, "campaign:bench", nil)
	for i := range activations + 2 { // the first two warm up
		var id int64
		var prepared time.Time
		err := conn.QueryRow(ctx, `INSERT INTO campaigns (incident_id, scope, state, created_at, prepared_at)
			VALUES (1, 'everyone', 'prepared', clock_timestamp(), clock_timestamp()) RETURNING id, prepared_at`).Scan(&id, &prepared)
		if err != nil {
			return t, err
		}
		ours, err := timed(func() error {
			_, err := s.ActivateCampaign(ctx, id, prepared, entry)
			return err
		})
		if err != nil {
			return t, err
		}
		floor, err := timed(func() error {
			return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return insertOne(ctx, tx) })
		})
		if err != nil {
			return t, err
		}
		single, err := timed(func() error { return insertOne(ctx, conn) })
		if err != nil {
			return t, err
		}
		if i >= 2 {
			t.ours, t.floor, t.single = append(t.ours, ours), append(t.floor, floor), append(t.single, single)
		}
	}
	return t, everybodyIsDead(ctx, conn)
}

func timed(work func() error) (time.Duration, error) {
	began := time.Now()
	err := work()
	return time.Since(began), err
}

func insertOne(ctx context.Context, on interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}) error {
	_, err := on.Exec(ctx, "INSERT INTO bench_floor (note) VALUES ($1)", "one row")
	return err
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
