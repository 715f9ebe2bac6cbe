package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-1c168855/rekey/internal/bench"
	"github.com/seed-1c168855/rekey/internal/password"
)

const (
	stormMembers = 10_000
	atOnce       = 200
	warmers      = 20               // members who came before: the server has done all of it once
	idleTime     = 20 * time.Second // before and after
	sampled      = 50               // members whose new password is tried at the login in the end
)

// stormReport is what one storm brought to light.
type stormReport struct {
	bench.Report
	Storm stormResult `json:"storm"`
}

type stormResult struct {
	Members       int                    `json:"members"`
	AtOnce        int                    `json:"at_once"`
	Done          int                    `json:"done"` // 303 to /done, the member's only one
	Seconds       float64                `json:"seconds"`
	PerSecond     float64                `json:"resets_per_second"`
	HashesPerSec  float64                `json:"hashes_per_second"` // what the machine can do beside nothing, on all cores
	Requests      int                    `json:"requests"`
	Proofs        int                    `json:"proofs"`  // of work, that were asked for
	Answers       map[string]map[int]int `json:"answers"` // step → status → how many; 0: refused without Retry-After
	TotalMS       map[string]float64     `json:"member_ms"`
	WaitedMS      map[string]float64     `json:"waited_ms"`    // the part of it that Retry-After asked for
	GateIdleMS    map[string]float64     `json:"gate_idle_ms"` // before and after
	GateBesideMS  map[string]float64     `json:"gate_beside_ms"`
	IdleMiB       float64                `json:"idle_mib"`
	BaseMiB       float64                `json:"base_mib"` // the peak of the same where hashes take no memory
	PeakMiB       float64                `json:"peak_mib"`
	Verified      int                    `json:"verified"`  // of the sample
	Exactly       int                    `json:"exactly"`   // accounts with one reset, no more, by the audit log
	SetByDatabase int                    `json:"passwords"` // accounts whose password was set here
}

// runStorm has all members of a breached base come at once. It ends by itself: when all are done, or when the time is over.
func (b *suite) runStorm(ctx context.Context, within time.Duration, out io.Writer, path string) (err error) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // the members' side is not what is measured: it stands back where it can
	members := b.n
	if members == 0 {
		members = stormMembers
	}
	b.n = 2 * (warmers + members) // half of them come to the server whose hashes take no memory
	b.n += b.n/20 + 100           // one in fifty has no password
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(ctx); err != nil {
		return err
	}
	result, failed := b.storming(ctx, members, within)
	if result.Seconds == 0 {
		return failed
	}
	b.judgeStorm(result) // also where it failed: the answers say how
	b.report.Seconds = time.Since(began).Seconds()
	if err := result.print(out); err != nil {
		return errors.Join(failed, err)
	}
	if path != "" {
		if err := (stormReport{b.report, result}).writeFile(path); err != nil {
			return errors.Join(failed, err)
		}
	}
	return errors.Join(failed, b.finish(out, ""))
}

func (b *suite) storming(ctx context.Context, members int, within time.Duration) (r stormResult, err error) {
	r = stormResult{Members: members, AtOnce: min(atOnce, members), HashesPerSec: hashesPerSecond(2 * time.Second)}
	if err := b.threeCampaigns(ctx); err != nil {
		return r, err
	}
	links, err := b.links(ctx, 2*(warmers+members))
	if err != nil {
		return r, err
	}
	g := gale{suite: b}
	if g.key, err = b.loginKey(ctx); err != nil {
		return r, err
	}
	if g.proofs, err = b.proofs(ctx, 2*len(links), within); err != nil { // for tries after a 429 there are others
		return r, err
	}
	light, half := stormResult{AtOnce: r.AtOnce}, len(links)/2
	if err := g.blow(ctx, links[:half], time.Second, &light, withoutMemory...); err != nil {
		return r, err
	}
	r.BaseMiB = light.PeakMiB
	return r, g.blow(ctx, links[half:], idleTime, &r)
}

// gale is what storms have in common.
type gale struct {
	*suite
	key    string // of the login service
	proofs <-chan string
}

// blow has members come to a server of its own, a few before all others, with the gate asked beside and, at rest, before and after it: other machines'
// work on the same processors comes and goes by the minute. It asks the server afterwards what came of it.
func (g gale) blow(ctx context.Context, links []link, rest time.Duration, r *stormResult, settings ...string) error {
	server, err := g.serve(ctx, append(settings, fmt.Sprint("REKEY_PROOF_BITS=", proofBits))...)
	if err != nil {
		return err
	}
	defer server.Stop()
	if err := g.weather(server, io.Discard).blow(ctx, links[:warmers], 2); err != nil {
		return err
	}
	links = links[warmers:]
	if _, err := g.paced(ctx, server, g.key, time.Second); err != nil { // warms up
		return err
	}
	idle, err := g.paced(ctx, server, g.key, rest)
	if err != nil {
		return err
	}
	r.IdleMiB = float64(server.RSS()) / mebibyte
	server.ForgetPeak()
	gate, err := g.startCaller(ctx, server, g.key)
	if err != nil {
		return err
	}
	w := g.weather(server, g.progress)
	began := time.Now()
	failed := w.blow(ctx, links, r.AtOnce)
	r.Seconds = time.Since(began).Seconds()
	beside, paced := gate.stop()
	r.take(w, beside, server.Peak())
	after, err := g.paced(ctx, server, g.key, rest)
	r.GateIdleMS = quantiles(append(idle, after...))
	return errors.Join(failed, paced, err, g.settled(ctx, server, g.key, links, r))
}

func (g gale) weather(server *served, progress io.Writer) *weather {
	return &weather{address: server.address, answers: map[string]map[int]int{}, progress: progress, proofs: g.proofs}
}

func (r *stormResult) take(w *weather, beside bench.Durations, peak int64) {
	r.Done, r.Answers, r.Requests = len(w.totals), w.answers, int(w.requests.Load())
	r.Proofs = w.proven
	r.TotalMS, r.WaitedMS, r.GateBesideMS = quantiles(w.totals), quantiles(w.waits), quantiles(beside)
	r.PerSecond, r.PeakMiB = float64(r.Done)/r.Seconds, float64(peak)/mebibyte
}

// settled asks database and login service what came of it all.
func (b *suite) settled(ctx context.Context, server *served, key string, links []link, r *stormResult) error {
	accounts := make([]int64, len(links))
	for i, l := range links {
		accounts[i] = l.account
	}
	err := b.query(ctx, b.main, func(conn *pgx.Conn) error {
		err := conn.QueryRow(ctx, `SELECT count(*) FROM accounts WHERE id = ANY($1) AND password_source = 'rekey'`, accounts).Scan(&r.SetByDatabase)
		if err != nil {
			return err
		}
		return conn.QueryRow(ctx, `SELECT count(*) FROM (SELECT object FROM audit_entries WHERE action = 'reset.redeemed' AND outcome = 'done'
			AND object IN (SELECT 'account:' || id FROM unnest($1::bigint[]) id) GROUP BY object HAVING count(*) = 1) once`, accounts).Scan(&r.Exactly)
	})
	if err != nil {
		return err
	}
	for range min(sampled, len(links)) {
		ok, err := verifies(ctx, server.address, key, links[rand.IntN(len(links))].subject)
		if err != nil {
			return err
		}
		if ok {
			r.Verified++
		}
	}
	return nil
}

// verifies has the login service try a member's new password.
func verifies(ctx context.Context, address, key, subject string) (bool, error) {
	body := fmt.Sprintf(`{"subject":%q,"password":%q}`, subject, newPassword)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/v1/login/verify", strings.NewReader(body))
	if err != nil {
		return false, err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return strings.Contains(string(text), `"result":"ok"`), err
}

func (b *suite) judgeStorm(r stormResult) {
	honest := 0
	for step, statuses := range r.Answers {
		honest += statuses[wanted[step]] + statuses[http.StatusTooManyRequests] + statuses[http.StatusServiceUnavailable]
	}
	count := func(what string, n, of int) {
		b.add(bench.AtLeast(1, bench.Row{What: what, N: of, Ours: float64(n), Floor: float64(of)}))
	}
	count("storm: members with a new password", r.Done, r.Members)
	count("answers as hoped for, or 429 or 503 with Retry-After", honest, r.Requests)
	count("passwords in the database", r.SetByDatabase, r.Members)
	count("accounts with exactly one reset in the audit log", r.Exactly, r.Members)
	count("new passwords that verify, of a sample", r.Verified, min(sampled, r.Members))
	slots := b.slots()
	allowed := r.BaseMiB + float64(slots)*float64(password.DefaultParams().Memory<<10)/mebibyte
	b.add(bench.Within(allowed, bench.Row{What: fmt.Sprintf("peak RSS beside base + slots, of which there are %d", slots), N: r.Members, Ours: r.PeakMiB, Unit: "MiB",
		Note: fmt.Sprintf("base %.1f MiB, the peak of as many members by bcrypt, idle %.1f", r.BaseMiB, r.IdleMiB)}))
	b.add(bench.AtMost(2, bench.Row{What: fmt.Sprintf("gate p99 beside the storm, beside idle, at %d/s", gateRate), N: r.Members,
		Ours: r.GateBesideMS["p99"], Floor: r.GateIdleMS["p99"], Unit: "ms", Note: fmt.Sprintf("median %.2f and %.2f ms", r.GateBesideMS["p50"], r.GateIdleMS["p50"])}))
}

func (r stormResult) print(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%d members, %d at once\t%.0f s\t%.1f resets/s\t%.0f requests/s\t(raw argon2id on all cores: %.1f/s)\n",
		r.Members, r.AtOnce, r.Seconds, r.PerSecond, float64(r.Requests)/r.Seconds, r.HashesPerSec)
	for _, step := range steps {
		fmt.Fprintf(t, "%s\t%v\n", step, r.Answers[step])
	}
	fmt.Fprintf(t, "proofs of work\t%d\n", r.Proofs)
	for _, row := range []struct {
		name string
		q    map[string]float64
	}{{"a member's time, s", r.TotalMS}, {"of it Retry-After, s", r.WaitedMS}} {
		fmt.Fprintf(t, "%s\tp50 %.1f\tp90 %.1f\tp99 %.1f\tmost %.1f\n", row.name, row.q["p50"]/1000, row.q["p90"]/1000, row.q["p99"]/1000, row.q["max"]/1000)
	}
	fmt.Fprintln(t)
	return t.Flush()
}

func (r stormReport) writeFile(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// quantiles are in milliseconds.
func quantiles(d bench.Durations) map[string]float64 {
	return map[string]float64{"p50": milliseconds(d.Median()), "p90": milliseconds(d.Quantile(0.9)), "p99": milliseconds(d.Quantile(0.99)), "max": milliseconds(d.Quantile(1))}
}

// hashesPerSecond is what the processors can do at most: argon2id at the default cost, one after the other on each.
func hashesPerSecond(d time.Duration) float64 {
	hasher, err := password.NewHasher(password.DefaultParams())
	if err != nil {
		return 0
	}
	var done atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range runtime.NumCPU() {
		all.Go(func() {
			for time.Since(began) < d {
				if _, err := hasher.Hash(newPassword); err == nil {
					done.Add(1)
				}
			}
		})
	}
	all.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}
