package signin

import (
	"context"
	"errors"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
)

// try is one attempt to sign in: what it was charged, and how it is recorded.
type try struct {
	d       *Door
	way     operator.Way
	action  audit.Action
	visitor Visitor
	charged []charge
}

type charge struct {
	limit ratelimit.Limit
	key   string
}

// begin charges before anything is looked up, so that guesses at once cannot outrun the count. Without a name (a passkey says whose it
// is) the address alone is charged. Errors: Limited, with what was charged given back.
func (d *Door) begin(ctx context.Context, name string, way operator.Way, v Visitor) (*try, error) {
	t := &try{d: d, way: way, action: audit.OperatorSignIn, visitor: v}
	prefix := ratelimit.ClientPrefix(v.Address)
	keys := d.o.LimitKeys
	charges := []charge{{ratelimit.OperatorAddress, keys.Key("operator", prefix)}}
	if name != "" {
		charges = append(charges, charge{ratelimit.OperatorPair, keys.Key("operator", name, prefix)}, charge{ratelimit.OperatorName, keys.Key("operator", name)})
	}
	ctx = context.WithoutCancel(ctx)
	for _, c := range charges {
		if err := ratelimit.Charge(ctx, d.o.Limits, c.limit, c.key, 1); err != nil {
			return nil, errors.Join(err, t.giveBack(ctx))
		}
		t.charged = append(t.charged, c)
	}
	return t, nil
}

// giveBack returns the charges of a try that was right, or of which nothing was learned.
func (t *try) giveBack(ctx context.Context) error {
	var err error
	for _, c := range t.charged {
		err = errors.Join(err, t.d.o.Limits.Give(context.WithoutCancel(ctx), c.limit, c.key, 1))
	}
	return err
}

// entry is the record of the try as a success.
func (t *try) entry(name string) audit.Entry {
	return audit.New(audit.Actor{Kind: audit.KindOperator, Name: name}, t.action, operator.Object(name), t.detail())
}

func (t *try) detail() audit.Detail {
	return audit.Detail{"by": string(t.way), "from": t.visitor.Address.String()}
}

// fail records the try with why, which the answer does not tell. Whoever it was has proved nothing: the actor is the sign-in itself, and
// a name that is nobody's is not written down, since people type passwords there.
func (t *try) fail(ctx context.Context, who operator.Secrets, why string) error {
	name := who.Name
	if name == "" {
		name = "unknown"
	}
	entry := audit.New(audit.Actor{Kind: audit.KindSystem, Name: "sign-in"}, t.action, operator.Object(name), t.detail()).Refuse(why)
	if who.Failures+1 == MaxFailures {
		entry = entry.With(operator.Closes, true)
	}
	if err := t.d.o.Store.CountSignInFailure(context.WithoutCancel(ctx), who.ID, entry); err != nil {
		return err
	}
	return errSignIn
}
