package main

import (
	"context"

	"github.com/seed-1c168855/rekey/internal/operator"
)

func (x *direct) Operators(ctx context.Context) ([]operator.Operator, error) {
	return x.desk.Operators(ctx, x.looks())
}

func (x *direct) CreateOperator(ctx context.Context, r operator.CreateRequest) (operator.Operator, string, error) {
	o, token, err := x.desk.CreateOperator(ctx, x.acts(), r)
	return o, operator.EnrolURL(x.s.settings.AdminURL, token), err
}

func (x *direct) InviteOperator(ctx context.Context, o operator.Operator) (string, error) {
	token, err := x.desk.InviteOperator(ctx, x.acts(), o.ID)
	return operator.EnrolURL(x.s.settings.AdminURL, token), err
}

func (x *direct) SetRoles(ctx context.Context, o operator.Operator, roles operator.Roles, reason string) (outcome[operator.Operator], error) {
	out, err := came[operator.Operator](x.desk.SetRoles(ctx, x.acts(), o.ID, roles, reason))
	if err == nil {
		out.Done, err = x.desk.Operator(ctx, x.looks(), o.ID)
	}
	return out, err
}

func (x *direct) DisableOperator(ctx context.Context, o operator.Operator) (operator.Operator, error) {
	if err := x.desk.DisableOperator(ctx, x.acts(), o.ID); err != nil {
		return o, err
	}
	return x.desk.Operator(ctx, x.looks(), o.ID)
}

func (x *direct) Keys(ctx context.Context) ([]keyRow, error) {
	x, err := x.keyed(ctx)
	if err != nil {
		return nil, err
	}
	list, err := x.desk.SigningKeys(ctx, x.looks())
	rows := []keyRow{}
	for _, k := range list {
		rows = append(rows, keyRow{k.ID, k.State, k.CreatedAt, k.RetiredAt, k.RevokedAt})
	}
	return rows, err
}

func (x *direct) RotateKey(ctx context.Context, revoke bool, reason string) (o outcome[[]keyRow], err error) {
	if x, err = x.keyed(ctx); err != nil {
		return o, err
	}
	if !revoke {
		if _, err := x.desk.RotateKey(ctx, x.acts()); err != nil {
			return o, err
		}
		o.Done, err = x.Keys(ctx)
		return o, err
	}
	if o, err = came[[]keyRow](x.desk.RotateAndRevoke(ctx, x.acts(), reason)); err == nil {
		o.Done, err = x.Keys(ctx)
	}
	return o, err
}

func (x *direct) RevokeKey(ctx context.Context, kid, reason string) (o outcome[[]keyRow], err error) {
	if x, err = x.keyed(ctx); err != nil {
		return o, err
	}
	if o, err = came[[]keyRow](x.desk.RevokeKey(ctx, x.acts(), kid, reason)); err == nil {
		o.Done, err = x.Keys(ctx)
	}
	return o, err
}
