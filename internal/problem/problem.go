// Package problem is Rekey's one error type: a kind that callers act on, a text that is safe to show, and a cause that is only logged.
// Every package may return it; only the web packages and cmd turn it into an answer.
package problem

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Kind says what sort of thing went wrong. Its HTTP status and title stand in one table, kinds.
type Kind int

// The kinds. Internal is the zero value, so that an error nobody classified says nothing to the outside.
const (
	Internal      Kind = iota // a defect or an unknown failure: shown as nothing but a request id
	Invalid                   // the request cannot be read or breaks a rule of form
	Unauthorized              // no credentials, or wrong ones
	Forbidden                 // known caller, not allowed
	NotFound                  // the thing named does not exist
	Conflict                  // the state is not the one the act needs
	Gone                      // a link or code that is used, superseded or expired
	TooLarge                  // more bytes than the limit
	Unprocessable             // well formed, refused by a rule (a weak password)
	Limited                   // a rate limit; RetryAfter says when
	Unavailable               // overloaded, locked down, or a part is down; RetryAfter may say when
	WrongMethod               // the thing named does not take this HTTP method; Allow says which it does
)

var kinds = map[Kind]struct {
	status int
	slug   string
	title  string
}{
	Internal:      {http.StatusInternalServerError, "internal", "Internal error"},
	Invalid:       {http.StatusBadRequest, "invalid-request", "Invalid request"},
	Unauthorized:  {http.StatusUnauthorized, "unauthorized", "Authentication required"},
	Forbidden:     {http.StatusForbidden, "forbidden", "Not allowed"},
	NotFound:      {http.StatusNotFound, "not-found", "Not found"},
	Conflict:      {http.StatusConflict, "conflict", "Conflict with the current state"},
	Gone:          {http.StatusGone, "gone", "No longer valid"},
	TooLarge:      {http.StatusRequestEntityTooLarge, "too-large", "Too large"},
	Unprocessable: {http.StatusUnprocessableEntity, "refused", "Refused"},
	Limited:       {http.StatusTooManyRequests, "rate-limited", "Too many requests"},
	Unavailable:   {http.StatusServiceUnavailable, "unavailable", "Temporarily unavailable"},
	WrongMethod:   {http.StatusMethodNotAllowed, "method-not-allowed", "Method not allowed"},
}

// Status is the HTTP status of the kind (RFC 9110 §15).
func (k Kind) Status() int { return kinds[k].status }

// Slug is the kind's stable name, the last part of its RFC 9457 type URI.
func (k Kind) Slug() string { return kinds[k].slug }

// Title is the kind's short human text, the same for every occurrence (RFC 9457 §3.1.3).
func (k Kind) Title() string { return kinds[k].title }

// Error carries a kind, a text that may be shown to whoever asked, and the cause, which may not.
type Error struct {
	Kind       Kind
	Text       string        // safe to show: never a value the caller sent, never a cause
	RetryAfter time.Duration // for Limited and Unavailable; 0 when unknown
	Code       string        // optional machine-readable reason inside the kind, such as "too_short"
	Err        error         // the cause, for the log
}

// New makes an error without a cause.
func New(kind Kind, text string) *Error { return &Error{Kind: kind, Text: text} }

// Newf is New with a formatted text; the arguments must be safe to show.
func Newf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// Wrap makes an error with a cause that is logged and not shown.
func Wrap(kind Kind, text string, err error) *Error { return &Error{Kind: kind, Text: text, Err: err} }

// Retry makes an error that says when to come back.
func Retry(kind Kind, text string, after time.Duration) *Error {
	return &Error{Kind: kind, Text: text, RetryAfter: after}
}

// Error is for the log: text and cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Text
	}
	return e.Text + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf finds the kind anywhere in the chain; an error without one is Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is of the kind. A nil error is of none.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// Details is the body of application/problem+json (RFC 9457 §3.1). It never carries a value the caller sent.
type Details struct {
	Type      string `json:"type" doc:"Stable URI reference of the kind of problem"`
	Title     string `json:"title" doc:"Short text, the same for every occurrence of the type"`
	Status    int    `json:"status" doc:"The HTTP status, again"`
	Detail    string `json:"detail,omitempty" doc:"What happened this time"`
	Code      string `json:"code,omitempty" doc:"Machine-readable reason inside the type"`
	RequestID string `json:"request_id,omitempty" doc:"To quote when asking for help; the log has the rest"`
}

// ContentType is the media type of Details (RFC 9457 §6.1).
const ContentType = "application/problem+json"

// DetailsOf renders an error for the outside. An Internal error says nothing but its request id.
func DetailsOf(err error, requestID string) Details {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{}
	}
	d := Details{Type: "/problems/" + e.Kind.Slug(), Title: e.Kind.Title(), Status: e.Kind.Status(), RequestID: requestID}
	if e.Kind != Internal {
		d.Detail, d.Code = e.Text, e.Code
	}
	return d
}

// RetryAfter is the wait in the chain, 0 if none.
func RetryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
