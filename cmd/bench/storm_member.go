package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-1c168855/rekey/internal/bench"
)

// The steps of a member's visit, and how each is answered when all is well.
const (
	stepPage  = "page"
	stepAsset = "asset"
	stepCheck = "check"
	stepProof = "proof" // asks what work a form needs now, as the page's script does
	stepForm  = "form"
)

var (
	steps  = []string{stepPage, stepAsset, stepCheck, stepProof, stepForm}
	wanted = map[string]int{stepPage: http.StatusOK, stepAsset: http.StatusOK, stepCheck: http.StatusNoContent, stepProof: http.StatusOK, stepForm: http.StatusSeeOther}
)

// weather is a storm under way.
type weather struct {
	address  string
	progress io.Writer
	requests atomic.Int64
	proofs   <-chan string // of work, good ones

	mu      sync.Mutex
	answers map[string]map[int]int
	totals  bench.Durations // of members who are done, from the first request to the last answer
	waits   bench.Durations
	proven  int // proofs that were asked for
}

// blow sends all members, so many at once: the next comes when one is done. It returns when all are, or when the context ends.
func (w *weather) blow(ctx context.Context, links []link, atOnce int) error {
	next := make(chan int)
	errs := make([]error, atOnce)
	var all sync.WaitGroup
	for i := range atOnce {
		all.Go(func() {
			for n := range next {
				if err := w.visit(ctx, n, links[n]); err != nil && errs[i] == nil {
					errs[i] = fmt.Errorf("member %d: %w", n, err)
				}
			}
		})
	}
	began := time.Now()
	for n := range links {
		if n%1000 == 0 {
			fmt.Fprintf(w.progress, "storm: %6d of %d members came, %.0f s\n", n, len(links), time.Since(began).Seconds())
		}
		select {
		case next <- n:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	all.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

// visit is one member's: a look at the pages, and the form.
func (w *weather) visit(ctx context.Context, n int, l link) error {
	began := time.Now()
	m, err := w.look(ctx, n, l)
	if err != nil {
		return err
	}
	defer m.conn.Close()
	defer context.AfterFunc(ctx, func() { m.conn.Close() })()
	if err := m.submit(ctx, l); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.totals, w.waits = append(w.totals, time.Since(began)), append(w.waits, m.waited)
	return nil
}

// look is the n-th member's, with a connection and a client address of their own: the page, what it loads, the script's look at the link.
func (w *weather) look(ctx context.Context, n int, l link) (m *visitor, err error) {
	conn, err := bench.Connect(w.address)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	m = &visitor{weather: w, conn: conn, from: "X-Forwarded-For: " + netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String()}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	page, err := m.ask(ctx, stepPage, "GET", "/reset", "")
	if err != nil {
		return nil, err
	}
	for _, asset := range assetsOf(page) {
		if _, err := m.ask(ctx, stepAsset, "GET", asset, ""); err != nil {
			return nil, err
		}
	}
	_, err = m.ask(ctx, stepCheck, "POST", "/reset/check", url.Values{"token": {l.token}}.Encode())
	return m, err
}

var staticFile = regexp.MustCompile(`"(/static/[^"]+)"`)

// assetsOf are the files that a page names, each once.
func assetsOf(page []byte) (paths []string) {
	seen := map[string]bool{}
	for _, m := range staticFile.FindAllSubmatch(page, -1) {
		if path := string(m[1]); !seen[path] {
			seen[path] = true
			paths = append(paths, path)
		}
	}
	return paths
}

// visitor is a member's browser.
type visitor struct {
	*weather
	conn   *bench.Connection
	from   string // header line
	waited time.Duration
}

// errDishonest is an answer that nobody may get.
var errDishonest = errors.New("answered what it must not")

// ask repeats a request for as long as it is told to come back, after exactly the time it is told.
func (v *visitor) ask(ctx context.Context, step, method, path, form string) (body []byte, err error) {
	for {
		status, wait, body, err := v.once(step, method, path, form)
		if err != nil || status == wanted[step] {
			return body, err
		}
		if err := v.sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// submit sends the form, with a proof of work where one is asked for. Like the page it keeps a proof for the next try after a 503, which gives it
// back, and makes another after a 429.
func (v *visitor) submit(ctx context.Context, l link) error {
	proof, known := "", false
	for {
		if !known {
			var err error
			if proof, err = v.prove(ctx); err != nil {
				return err
			}
		}
		status, wait, _, err := v.once(stepForm, "POST", "/reset", l.form()+"&"+url.Values{"proof": {proof}}.Encode())
		if err != nil || status == wanted[stepForm] {
			return err
		}
		known = status == http.StatusServiceUnavailable && proof != ""
		if err := v.sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// prove asks what work is needed and takes a proof of as much; "" if none is.
func (v *visitor) prove(ctx context.Context) (proof string, err error) {
	body, err := v.ask(ctx, stepProof, "GET", "/proof", "")
	if err != nil {
		return "", err
	}
	var asked struct{ Bits int }
	if err := json.Unmarshal(body, &asked); err != nil || asked.Bits == 0 {
		return "", err
	}
	proof, ok := <-v.proofs
	if !ok {
		return "", errors.New("all proofs of work are used up")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.proven++
	return proof, nil
}

// once sends one request and counts its answer, which is the one hoped for, or a refusal with a time to wait; anything else is an error.
func (v *visitor) once(step, method, path, form string) (status int, wait time.Duration, body []byte, err error) {
	header := []string{v.from, "Accept: text/html"}
	if form != "" {
		header = append(header, "Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin", "Origin: null")
	}
	status, answer, body, err := v.conn.Fetch(bench.Request(method, path, form, header...))
	if err != nil {
		v.count(step, -1)
		return 0, 0, nil, err
	}
	seconds, unreadable := strconv.Atoi(answer.Get("Retry-After"))
	refused := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
	if refused && unreadable != nil {
		status, refused = 0, false
	}
	v.count(step, status)
	if status != wanted[step] && !refused {
		return status, 0, nil, fmt.Errorf("%w: %s %s: %d", errDishonest, method, path, status)
	}
	return status, time.Duration(seconds) * time.Second, body, nil
}

func (v *visitor) sleep(ctx context.Context, d time.Duration) error {
	v.waited += d
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// count keeps an answer; -1 is none at all.
func (w *weather) count(step string, status int) {
	w.requests.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.answers[step] == nil {
		w.answers[step] = map[int]int{}
	}
	w.answers[step][status]++
}
