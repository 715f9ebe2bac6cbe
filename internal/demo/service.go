package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Service calls Rekey the way a login service does: over HTTP, with a client key of scope login.
type Service struct {
	URL  string // of Rekey, without a slash at the end
	Key  string
	HTTP *http.Client
}

// Verdict is the answer of POST /v1/login/verify; which fields are set depends on Result.
type Verdict struct {
	Result          string `json:"result"`
	Subject         string `json:"subject"`
	AuthenticatedAt int64  `json:"authenticated_at"`
	Reason          string `json:"reason"`
	Incident        string `json:"incident"`
	ResetURL        string `json:"reset_url"`
}

// Gate is the answer of POST /v1/gate.
type Gate struct {
	Credential string `json:"credential"`
	Session    string `json:"session"`
	Reason     string `json:"reason"`
	Incident   string `json:"incident"`
	CoveredBy  int64  `json:"covered_by"` // a campaign in force, 0: none
	Locked     bool   `json:"locked"`
}

// Exchange is a question and its answer, to be shown; a password in it is not.
type Exchange struct {
	Path   string
	Sent   string // JSON, laid out
	Status int
	Got    string // JSON, laid out
}

// maxAnswer is far above what these calls answer.
const maxAnswer = 64 << 10

// Verify asks whether login and password are right and alive. An error is any answer but 200.
func (s Service) Verify(ctx context.Context, login, password, clientIP string) (Verdict, Exchange, error) {
	question := map[string]any{"login": login, "password": password}
	if clientIP != "" {
		question["client_ip"] = clientIP
	}
	var v Verdict
	x, err := s.ask(ctx, "/v1/login/verify", question, &v)
	return v, x, err
}

// Gate asks whether the password and a session of an account are alive. issuedAt is the verdict's AuthenticatedAt.
func (s Service) Gate(ctx context.Context, subject string, issuedAt int64) (Gate, Exchange, error) {
	var g Gate
	x, err := s.ask(ctx, "/v1/gate", map[string]any{"subject": subject, "session_issued_at": issuedAt}, &g)
	return g, x, err
}

// Active asks whether a token is live, without using it (RFC 7662).
func (s Service) Active(ctx context.Context, token string) (bool, error) {
	var answer struct {
		Active *bool `json:"active"`
	}
	_, err := s.send(ctx, "/v1/introspect", "application/x-www-form-urlencoded", url.Values{"token": {token}}.Encode(), &answer)
	if err == nil && answer.Active == nil {
		err = fmt.Errorf("/v1/introspect does not say whether the token is active")
	}
	return err == nil && *answer.Active, err
}

func (s Service) ask(ctx context.Context, path string, question map[string]any, answer any) (Exchange, error) {
	body, err := json.Marshal(question)
	if err != nil {
		return Exchange{}, fmt.Errorf("asking %s: %w", path, err)
	}
	x, err := s.send(ctx, path, "application/json", string(body), answer)
	if _, ok := question["password"]; ok {
		question["password"] = "(not shown)"
	}
	shown, _ := json.MarshalIndent(question, "", "  ") // it could be encoded a moment ago
	x.Sent = string(shown)
	return x, err
}

func (s Service) send(ctx context.Context, path, kind, body string, answer any) (Exchange, error) {
	x := Exchange{Path: path}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		return x, fmt.Errorf("asking %s: %w", path, err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", "Bearer "+s.Key)
	resp, err := s.HTTP.Do(r)
	if err != nil {
		return x, fmt.Errorf("asking %s: %w", path, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return x, fmt.Errorf("reading the answer of %s: %w", path, err)
	}
	x.Status, x.Got = resp.StatusCode, laidOut(got)
	if resp.StatusCode != http.StatusOK {
		return x, fmt.Errorf("%s answered %s", path, resp.Status)
	}
	if err := json.Unmarshal(got, answer); err != nil {
		return x, fmt.Errorf("reading the answer of %s: %w", path, err)
	}
	return x, nil
}

func laidOut(text []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, bytes.TrimSpace(text), "", "  ") != nil {
		return string(text)
	}
	return b.String()
}
