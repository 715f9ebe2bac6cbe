package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// remote is the office of a running Rekey, through its admin API.
type remote struct {
	base  string // https://host/v1/admin
	token string
	http  *http.Client
}

// reach makes --server, or REKEY_SERVER, the office of this run. What needs the database is refused.
func (s *session) reach(server, command string, where place) error {
	if server == "" {
		server = s.getenv("REKEY_SERVER")
	}
	if server == "" || where == nowhere {
		return nil
	}
	if where == besideDatabase {
		return usagef("--server: %s works beside the database, without it", command)
	}
	if s.breakGlass != "" {
		return usagef("--break-glass: is for the command line beside the database")
	}
	base, err := serverURL(server)
	if err != nil {
		return err
	}
	token, err := s.token()
	if err != nil {
		return err
	}
	s.remote = &remote{base: base + "/v1/admin", token: token, http: newHTTPClient()}
	return nil
}

// serverURL takes scheme and host alone. Without TLS whoever listens has the token, so that is for this machine only.
func serverURL(text string) (string, error) {
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", usagef("--server: must be https://host or https://host:port")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return "", usagef("--server: must be https, but to this machine")
	}
	return u.String(), nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// maxTokenFile is more than any token file has.
const maxTokenFile = 4 << 10

// token reads what the calls are made with. It is never an argument: those show in the list of processes.
func (s *session) token() (string, error) {
	text := s.getenv("REKEY_TOKEN")
	if name := s.getenv("REKEY_TOKEN_FILE"); text == "" && name != "" {
		file, err := os.Open(name)
		if err != nil {
			return "", usagef("REKEY_TOKEN_FILE: %w", err)
		}
		defer file.Close() // only read
		data, err := io.ReadAll(io.LimitReader(file, maxTokenFile))
		if err != nil {
			return "", usagef("REKEY_TOKEN_FILE: %w", err)
		}
		text = string(data)
	}
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", usagef("--server: an operator token or a client key of scope admin must stand in REKEY_TOKEN, or in the file that REKEY_TOKEN_FILE names")
	}
	return text, nil
}

// How long to wait for a connection, and for the answer to begin: preparing and activating millions of accounts takes a while.
const (
	dialWait   = 10 * time.Second
	answerWait = 11 * time.Minute
)

// newHTTPClient follows no redirect: the token is for the server named and nobody else.
func newHTTPClient() *http.Client {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: dialWait}).DialContext, TLSHandshakeTimeout: dialWait, ResponseHeaderTimeout: answerWait,
		DisableKeepAlives: true, // a command makes few calls and then ends
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// open sends one request and gives the answer if it is a good one. Whoever asks closes its body.
func (r *remote) open(ctx context.Context, method, path, mediaType string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("calling the server: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+r.token)
	request.Header.Set("User-Agent", "rekey/"+version)
	if mediaType != "" {
		request.Header.Set("Content-Type", mediaType)
	}
	answer, err := r.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("calling the server: %w", err)
	}
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusAccepted {
		defer answer.Body.Close() // read as far as it says something
		return nil, refusal(answer)
	}
	return answer, nil
}

// maxProblem is more than any problem has.
const maxProblem = 64 << 10

// refusal makes of a problem the error that the desk would have given.
func refusal(answer *http.Response) error {
	var d problem.Details
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxProblem))
	if err != nil || json.Unmarshal(data, &d) != nil || d.Status != answer.StatusCode || d.Title == "" {
		return problem.Newf(problem.Unavailable, "the server answered %s: is it the admin address of Rekey?", answer.Status)
	}
	e := &problem.Error{Code: d.Code, Text: d.Detail}
	for kind := problem.Internal; kind <= problem.WrongMethod; kind++ {
		if kind.Status() == d.Status {
			e.Kind = kind
		}
	}
	if e.Text == "" {
		e.Text = d.Title
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(seconds) * time.Second
		e.Text += fmt.Sprintf(" Try again in %s.", e.RetryAfter)
	}
	switch {
	case d.Code == operator.NeedsFresh:
		e.Text += " Freshen this token in the console, under your own tokens; it is good for five minutes. A client's key never is."
	case d.Status >= http.StatusInternalServerError && d.RequestID != "":
		e.Text += " (request " + d.RequestID + ")"
	}
	return e
}

// send makes a call with a JSON body, unless that is nil, and reads the answer: of the act, or that it waits.
func send[Answer any](ctx context.Context, r *remote, method, path string, body any) (answer Answer, pending *approval.Request, err error) {
	var reader io.Reader
	mediaType := ""
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answer, nil, fmt.Errorf("calling the server: %w", err)
		}
		reader, mediaType = bytes.NewReader(text), "application/json"
	}
	response, err := r.open(ctx, method, path, mediaType, reader) //nolint:bodyclose // readAnswer closes it
	if err != nil {
		return answer, nil, err
	}
	return readAnswer[Answer](response)
}

func readAnswer[Answer any](response *http.Response) (answer Answer, pending *approval.Request, err error) {
	defer response.Body.Close() // read to its end
	var to any = &answer
	var waiting api.Approval
	if response.StatusCode == http.StatusAccepted {
		to = &waiting
	}
	if err := json.NewDecoder(response.Body).Decode(to); err != nil {
		return answer, nil, fmt.Errorf("reading the server's answer: %w", err)
	}
	if response.StatusCode == http.StatusAccepted {
		request := api.Mirror[approval.Request](waiting)
		pending = &request
	}
	return answer, pending, nil
}

// fetch makes a call and gives the noun that the answer mirrors.
func fetch[Answer, Noun any](ctx context.Context, r *remote, method, path string, body any) (noun Noun, err error) {
	o, err := act[Answer, Noun](ctx, r, method, path, body)
	if err == nil && o.Pending != nil {
		return noun, errors.New("the server has this wait for a second person, which this version does not know")
	}
	return o.Done, err
}

// act is fetch of what may wait for a second person.
func act[Answer, Noun any](ctx context.Context, r *remote, method, path string, body any) (o outcome[Noun], err error) {
	answer, pending, err := send[Answer](ctx, r, method, path, body)
	if err != nil || pending != nil {
		return outcome[Noun]{Pending: pending}, err
	}
	return outcome[Noun]{Done: api.Mirror[Noun](answer)}, nil
}

// nouns are those that a list of answers mirrors.
func nouns[Noun, Answer any](answers []Answer) []Noun {
	list := make([]Noun, len(answers))
	for i, a := range answers {
		list[i] = api.Mirror[Noun](a)
	}
	return list
}

// throughout gives a whole list, page by page: each is asked for by the number that it goes on below, and gives the next such number; 0: none.
func throughout[Noun any](page func(before int64) ([]Noun, int64, error)) (all []Noun, err error) {
	for before := int64(0); ; {
		list, next, err := page(before)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if next == 0 {
			return all, nil
		}
		before = next
	}
}

// pageOf is a page as large as the server gives, in the query of an address.
func pageOf(before int64, query url.Values) string {
	query.Set("limit", strconv.Itoa(approval.MaxPage))
	if before != 0 {
		query.Set("before", strconv.FormatInt(before, 10))
	}
	return query.Encode()
}

// following is where a list goes on; 0: it ended.
func following(next *int64) int64 {
	if next == nil {
		return 0
	}
	return *next
}

// download copies an answer as it comes, and gives what came after it.
func (r *remote) download(ctx context.Context, path string, w io.Writer) (http.Header, error) {
	response, err := r.open(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() // read to its end
	if _, err := io.Copy(w, response.Body); err != nil {
		return nil, fmt.Errorf("downloading: %w", err)
	}
	return response.Trailer, nil
}

// wholeSeconds refuses a finer time than the API has, rather than to act on another one.
func wholeSeconds(times ...*time.Time) error {
	for _, t := range times {
		if t != nil && t.Nanosecond() != 0 {
			return usagef("--server: times are whole seconds")
		}
	}
	return nil
}

// withQuery adds a query string, where there is one.
func withQuery(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}
