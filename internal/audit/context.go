package audit

import (
	"context"
	"maps"
)

type requestKey struct{}

// WithRequest ties every entry recorded under the context to a request, so that the log and the access log can be read together.
func WithRequest(ctx context.Context, requestID string) context.Context {
	return context.WithValue(ctx, requestKey{}, requestID)
}

// RequestOf is the request of WithRequest, "" if there is none.
func RequestOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

type detailKey struct{}

// WithDetail adds to every entry recorded under the context how its act came to be, such as the approval it rests on. What an entry says itself stays.
func WithDetail(ctx context.Context, detail Detail) context.Context {
	all := maps.Clone(detailOf(ctx))
	if all == nil {
		all = Detail{}
	}
	maps.Copy(all, redact(detail))
	return context.WithValue(ctx, detailKey{}, all)
}

func detailOf(ctx context.Context) Detail {
	detail, _ := ctx.Value(detailKey{}).(Detail)
	return detail
}

// Under ties an entry to what the context knows: the request, and the detail of WithDetail.
func (e Entry) Under(ctx context.Context) Entry {
	if e.RequestID == "" {
		e = e.In(RequestOf(ctx))
	}
	if added := detailOf(ctx); len(added) > 0 {
		own := e.Detail
		e.Detail = maps.Clone(added)
		maps.Copy(e.Detail, own)
	}
	return e
}
