package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-1c168855/rekey/internal/portal"
	"github.com/seed-1c168855/rekey/internal/pow"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/secret"
)

const (
	// busyQueue is the part of the hashing queue at which proofs begin to be asked for: with the settings as they come some 20 waiting, a second's work
	// of two processors. Twice that asks for twice the work, and so on.
	busyQueue = 0.1
	// drainTime: proofs begin to be asked for when forms come so fast that a full bucket of all members' would be empty after it.
	drainTime = time.Minute
	// loudCrowd is how many networks over the flood limit in ten seconds are an attack from many places. A single one is held by that limit.
	loudCrowd = 8
)

// strain reads from the members' limits how hard we are pressed.
type strain struct {
	resets, requests *pow.Meter
	flood            *pow.Crowd
}

// buildProofs makes the proof of work from the parts that tell of load.
func (a *app) buildProofs(master secret.Master) {
	s := strain{pow.NewMeter(drain(ratelimit.ResetGlobal)), pow.NewMeter(drain(ratelimit.ForgotGlobal)), pow.NewCrowd(loudCrowd)}
	a.memberLimits = strained{a.limits, s}
	a.pressure = pow.NewPressure(pow.Mode(a.settings.Proof), a.settings.ProofBits, a.hashingLoad, s.resets.Load, s.requests.Load, s.flood.Load)
	a.proofs = &portal.Proofs{Issuer: pow.NewIssuer(master), Pressure: a.pressure, Limits: a.limits, Counted: func(outcome string) {
		a.metrics.proofs.WithLabelValues(outcome).Inc()
	}}
}

// drain is the rate, a second, at which a full bucket of that limit is empty after drainTime.
func drain(l ratelimit.Limit) float64 {
	return float64(l.Burst)/drainTime.Seconds() + 1/l.Every.Seconds()
}

// hashingLoad reads the queue for hashing. Without a queue it is the slots.
func (a *app) hashingLoad(time.Time) float64 {
	inUse, waiting, slots := a.admission.Stats()
	if a.settings.HashQueue == 0 {
		return float64(inUse / slots)
	}
	return float64(waiting) / (busyQueue * float64(a.settings.HashQueue))
}

// strained tells the strain what the limits of the members' pages decide.
type strained struct {
	ratelimit.Source
	strain strain
}

// Take implements ratelimit.Source.
func (s strained) Take(ctx context.Context, l ratelimit.Limit, key string, cost float64) (ratelimit.Decision, error) {
	d, err := s.Source.Take(ctx, l, key, cost)
	if err != nil {
		return d, err
	}
	switch {
	case l.Name == ratelimit.ResetGlobal.Name:
		mark(s.strain.resets, !d.Allowed)
	case l.Name == ratelimit.Flood.Name && !d.Allowed:
		s.strain.flood.Mark(key, time.Now())
	}
	return d, nil
}

// Reserve implements ratelimit.Source.
func (s strained) Reserve(ctx context.Context, l ratelimit.Limit, key string) (time.Duration, error) {
	wait, err := s.Source.Reserve(ctx, l, key)
	if err == nil && l.Name == ratelimit.ForgotGlobal.Name {
		mark(s.strain.requests, wait > 0)
	}
	return wait, err
}

func mark(m *pow.Meter, empty bool) {
	if empty {
		m.Trip(time.Now())
		return
	}
	m.Mark(time.Now())
}

var proofBits = describe("proof_bits", "Bits of work that members' browsers are asked for with a form; 0: none.")

// pressureGauge reads what is asked for now.
type pressureGauge struct{ *pow.Pressure }

func (p pressureGauge) Describe(to chan<- *prometheus.Desc) { to <- proofBits }

func (p pressureGauge) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(proofBits, prometheus.GaugeValue, float64(p.Bits(time.Now())))
}
