package server

import (
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is the process's own registry, with the HTTP counters on it. Labels are routes, known methods and statuses, so their number is fixed.
type Metrics struct {
	Registry *prometheus.Registry // other packages' metrics are registered here by cmd
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

// NewMetrics makes the registry with the Go and process collectors.
func NewMetrics() *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests answered, by route pattern (\"none\" where no route matched), method and status.",
		}, []string{"route", "method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Time from the first byte read to the handler's end, by route pattern.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route"}),
	}
	m.Registry.MustRegister(m.requests, m.seconds, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the metrics. It belongs on the admin address only: counts tell how an incident goes.
func (m *Metrics) Handler() gin.HandlerFunc {
	return gin.WrapH(promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
}

// count is a middleware; nil Metrics count nothing.
func (m *Metrics) count() gin.HandlerFunc {
	if m == nil {
		return func(*gin.Context) {}
	}
	return func(c *gin.Context) {
		start := time.Now()
		defer func() {
			m.requests.WithLabelValues(route(c), method(c), strconv.Itoa(c.Writer.Status())).Inc()
			m.seconds.WithLabelValues(route(c)).Observe(time.Since(start).Seconds())
		}()
		c.Next()
	}
}
