package audit

import "context"

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
