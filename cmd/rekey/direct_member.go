package main

import (
	"context"
	"time"

	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/support"
	"github.com/seed-1c168855/rekey/internal/token"
)

// helping is the office with what helps single members. Its limits are those that all processes count together, whose keys need the master key.
func (x *direct) helping() (*direct, error) {
	master, err := x.s.settings.Master()
	if err != nil {
		return nil, usage(err)
	}
	limits, err := x.limits()
	if err != nil {
		return nil, err
	}
	help := helper(x.db, x.s.settings, token.NewCoder(master), limits, limitKeyer(master))
	return x.s.deskOn(x.db, reset.NewKeys(x.db, master, x.s.settings.PublicURL), help)
}

// limits are counted where the serving processes share theirs.
func (x *direct) limits() (ratelimit.Source, error) {
	shared, err := openRedis(x.s.settings)
	if err != nil || shared == nil {
		return x.db.Limits(), err
	}
	x.s.closing = append(x.s.closing, shared)
	return ratelimit.NewFallback(shared, x.db.Limits(), nil, nil), nil
}

func (x *direct) FindMembers(ctx context.Context, text string) ([]support.Found, error) {
	x, err := x.helping()
	if err != nil {
		return nil, err
	}
	return x.desk.FindMembers(ctx, x.acts(), text)
}

func (x *direct) Member(ctx context.Context, id int64) (memberRow, error) {
	x, err := x.helping()
	if err != nil {
		return memberRow{}, err
	}
	m, err := x.desk.Member(ctx, x.acts(), id)
	if err != nil {
		return memberRow{}, err
	}
	row := api.Mirror[memberRow](m)
	row.Account, row.Explained = m.Profile, m.Explain()
	for _, e := range m.Timeline() {
		row.Timeline = append(row.Timeline, memberEventRow(e))
	}
	return row.whole(), nil
}

func (x *direct) SendLink(ctx context.Context, id int64) (time.Duration, error) {
	x, err := x.helping()
	if err != nil {
		return 0, err
	}
	return x.desk.SendLink(ctx, x.acts(), id)
}

func (x *direct) SpeakCode(ctx context.Context, id int64, i support.Identity, reason string) (outcome[support.Code], error) {
	x, err := x.helping()
	if err != nil {
		return outcome[support.Code]{}, err
	}
	return came[support.Code](x.desk.SpeakCode(ctx, x.acts(), id, i, reason))
}

// TakeCode is refused by the desk: the command line asked nobody. That is recorded.
func (x *direct) TakeCode(ctx context.Context, request int64) (support.Code, error) {
	return x.desk.TakeCode(ctx, x.acts(), request)
}

func (x *direct) MarkAddress(ctx context.Context, id int64, dead bool) error {
	x, err := x.helping()
	if err != nil {
		return err
	}
	return x.desk.MarkAddress(ctx, x.acts(), id, dead)
}
