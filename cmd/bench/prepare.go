package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-1c168855/rekey/internal/bench"
)

// prepare resolves the leaked list, by the program (create and prepare) and by psql: \copy of the list, one INSERT … SELECT join, and the
// index that the members have.
func (b *suite) prepare(ctx context.Context) error {
	if err := b.base(ctx); err != nil {
		return err
	}
	var ours, floor bench.Durations
	var peak int64
	for range pick(b, 3, 2) {
		took, memory, err := b.prepareOnce(ctx)
		if err != nil {
			return err
		}
		ours, peak = append(ours, took), max(peak, memory)
		if took, err = b.joinOnce(ctx); err != nil {
			return err
		}
		floor = append(floor, took)
	}
	b.add(bench.AtMost(1.5, bench.Row{What: `create and prepare a list, beside psql \copy, join, index`, N: b.n, Ours: ours.Median().Seconds(), Floor: floor.Median().Seconds(), Unit: "s"}))
	b.add(bench.Within(150, bench.Row{What: "create and prepare, peak RSS", N: b.n, Ours: float64(peak) / mebibyte, Unit: "MiB"}))
	return nil
}

// draft makes a campaign over the leaked list and prepares it.
func (b *suite) draft(ctx context.Context) (id string, took time.Duration, peak int64, err error) {
	var created struct{ ID int64 }
	p, err := b.command(ctx, b.main, &created, "campaign", "create", "--incident", "bench", "--scope", "list", "--list", b.listFile())
	if err != nil {
		return "", 0, 0, err
	}
	_, creating, _ := p.Wait()
	peak = p.Peak()
	id = strconv.FormatInt(created.ID, 10)
	var report struct{ Matched int }
	if p, err = b.command(ctx, b.main, &report, "campaign", "prepare", id); err != nil {
		return "", 0, 0, err
	}
	if report.Matched != b.n {
		return "", 0, 0, fmt.Errorf("%d of %d accounts were matched", report.Matched, b.n)
	}
	_, preparing, _ := p.Wait()
	return id, creating + preparing, max(peak, p.Peak()), nil
}

func (b *suite) prepareOnce(ctx context.Context) (took time.Duration, peak int64, err error) {
	if err := b.settle(ctx, b.main); err != nil {
		return 0, 0, err
	}
	id, took, peak, err := b.draft(ctx)
	if err != nil {
		return 0, 0, err
	}
	_, err = b.command(ctx, b.main, nil, "campaign", "discard", id)
	return took, peak, err
}

// joinOnce is the floor. It does less on purpose: nothing is reported, no line is marked, and a member twice in the list is in twice.
func (b *suite) joinOnce(ctx context.Context) (took time.Duration, err error) {
	if err := b.settle(ctx, b.main); err != nil {
		return 0, err
	}
	p, err := b.runPsql(ctx, b.main,
		"CREATE TABLE bench_list (value text)",
		`\copy bench_list FROM '`+b.listFile()+`' CSV HEADER`,
		"CREATE TABLE bench_members (LIKE campaign_members INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
		"INSERT INTO bench_members (campaign_id, account_id) SELECT 1, a.id FROM bench_list l JOIN accounts a ON a.email_key = lower(l.value)",
		"CREATE INDEX ON bench_members (campaign_id, account_id)")
	if err != nil {
		return 0, err
	}
	_, took, err = p.Wait()
	return took, errors.Join(err, b.exec(ctx, b.main, "DROP TABLE bench_list, bench_members"))
}
