package ratelimit

import "context"

type observerKey struct{}

// Observe has every Charge under the context tell f what was decided, before it returns. f is called where Charge is, and must not block.
func Observe(ctx context.Context, f func(Limit, Decision)) context.Context {
	return context.WithValue(ctx, observerKey{}, f)
}

func observed(ctx context.Context, l Limit, d Decision) {
	if f, ok := ctx.Value(observerKey{}).(func(Limit, Decision)); ok {
		f(l, d)
	}
}
