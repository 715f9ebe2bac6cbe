package main

import (
	"context"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the service's own counters, beside those of HTTP and of the process. Labels come from fixed lists, so that nothing
// a stranger types becomes one.
type metrics struct {
	verified *prometheus.CounterVec // by result, or kind of problem
	resets   *prometheus.CounterVec // by act and outcome
	mails    *prometheus.CounterVec // by kind and outcome
	alone    *prometheus.CounterVec // by limit
	proofs   *prometheus.CounterVec // by outcome
	fallback *prometheus.CounterVec // by limit
	unlisted *prometheus.CounterVec // by what holds

	checkpoints *prometheus.CounterVec // by outcome
	outside     *prometheus.CounterVec // by place and outcome
}

func newMetrics(a *app) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "rekey", Name: name, Help: help}, labels)
		a.http.Registry.MustRegister(v)
		return v
	}
	m := &metrics{
		verified: counter("verify_total", "Passwords checked for the login service, by result or kind of problem.", "result"),
		resets:   counter("reset_total", "What members did, by act and outcome.", "act", "outcome"),
		mails:    counter("mail_total", "Mails, by kind and what came of them.", "kind", "outcome"),
		alone:    counter("limit_alone_total", "Rate limits decided without the database, by limit.", "limit"),
		fallback: counter("limit_fallback_total", "Rate limits asked of the database because Redis did not answer, by limit.", "limit"),
		proofs:   counter("proof_total", "Members' forms that were asked for a proof of work, by what they came with: ok, missing or wrong.", "outcome"),
		unlisted: counter("breached_down_total", "New passwords for which the list of breached passwords could not be read, by what holds then.", "holds"),

		checkpoints: counter("audit_checkpoint_total", "Checkpoints of the audit log, by outcome; refused means that the log did not grow out of what was signed before.", "outcome"),
		outside:     counter("audit_outside_total", "Checkpoints sent outside, by place and outcome.", "place", "outcome"),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "rekey", Name: "info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version(), "database": a.store.Dialect()}})
	info.Set(1)
	a.http.Registry.MustRegister(info, gauges{a}, backlog{a}, pressureGauge{a.pressure})
	return m
}

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName("rekey", "", name), help, nil, nil)
}

var (
	hashSlots     = describe("hash_slots", "Password hashes that may be computed at once.")
	hashInUse     = describe("hash_in_use", "Password hashes being computed.")
	hashWaiting   = describe("hash_waiting", "Requests waiting for a slot to hash in.")
	hashFull      = describe("hash_new_total", "New hashes computed, those that only take time included.")
	hashStarts    = describe("hash_process_starts_total", "How often the hashing process was started; more than once means that it died.")
	hashCompared  = describe("hash_compared_total", "Comparisons with stored hashes computed.")
	limitKeys     = describe("limit_keys", "Rate limit keys held in memory.")
	limitEvicted  = describe("limit_keys_evicted_total", "Rate limit keys forgotten while in use; when it rises REKEY_LIMIT_KEYS is too small.")
	floorSeconds  = describe("verify_floor_seconds", "Time under which no wrong password is answered.")
	dbInUse       = describe("db_in_use", "Database connections in use.")
	dbOpen        = describe("db_open", "Database connections open.")
	dbWaits       = describe("db_waits_total", "How often somebody waited for a database connection.")
	dbWaited      = describe("db_waited_seconds_total", "How long they waited together.")
	auditUnsealed = describe("audit_unsealed", "Committed audit entries that wait to be sealed.")
)

// gauges reads the parts that count for themselves.
type gauges struct{ *app }

func (g gauges) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(g, to) }

func (g gauges) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	count := func(d *prometheus.Desc, v float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v)
	}
	inUse, waiting, slots := g.admission.Stats()
	gauge(hashSlots, float64(slots))
	gauge(hashInUse, float64(inUse))
	gauge(hashWaiting, float64(waiting))
	full, compared := g.hasher.Count()
	count(hashFull, float64(full))
	count(hashCompared, float64(compared))
	if g.hashing != nil {
		count(hashStarts, float64(g.hashing.Starts()))
	}
	gauge(limitKeys, float64(g.memory.Len()))
	count(limitEvicted, float64(g.memory.Evicted()))
	gauge(floorSeconds, g.floor.Duration().Seconds())
	pool := g.store.Stats()
	gauge(dbInUse, float64(pool.InUse))
	gauge(dbOpen, float64(pool.OpenConnections))
	count(dbWaits, float64(pool.WaitCount))
	count(dbWaited, pool.WaitDuration.Seconds())
}

// backlog asks the database, so it is bounded in time and silent when there is no answer.
type backlog struct{ *app }

func (b backlog) Describe(to chan<- *prometheus.Desc) { to <- auditUnsealed }

func (b backlog) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if n, err := b.store.AuditUnsealed(ctx); err == nil {
		to <- prometheus.MustNewConstMetric(auditUnsealed, prometheus.GaugeValue, float64(n))
	}
}
