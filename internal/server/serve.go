package server

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"
)

// Limits bound what one connection may take. A zero field means its default.
type Limits struct {
	ReadHeader     time.Duration // 5 s: a browser sends its headers at once
	Read           time.Duration // 15 s: a form of 64 KiB over the slowest mobile line
	Write          time.Duration // 30 s: longer than any wait in a queue; downloads move it by http.ResponseController
	Idle           time.Duration // 75 s: above the 60 s for which proxies keep a connection, so that we are not the one to close it under a request
	MaxHeaderBytes int           // 16 KiB
	ErrorLog       *log.Logger   // where net/http itself complains; nil: the standard logger
}

// HTTPServer is an http.Server with every limit set: net/http's own defaults have no end.
func HTTPServer(addr string, h http.Handler, l Limits) *http.Server {
	return &http.Server{
		Addr: addr, Handler: h, ErrorLog: l.ErrorLog,
		DisableGeneralOptionsHandler: true, // "OPTIONS *" gets our headers too
		ReadHeaderTimeout:            orDefault(l.ReadHeader, 5*time.Second),
		ReadTimeout:                  orDefault(l.Read, 15*time.Second),
		WriteTimeout:                 orDefault(l.Write, 30*time.Second),
		IdleTimeout:                  orDefault(l.Idle, 75*time.Second),
		MaxHeaderBytes:               orDefault(l.MaxHeaderBytes, 16<<10),
	}
}

// Runner runs servers together: all listen or none serves, and when one stops all do.
type Runner struct {
	Servers []*http.Server
	Drain   time.Duration          // how long requests in flight may take once asked to stop; 0: 20 s
	Ready   func(addrs []net.Addr) // told once all listen, in the order of Servers; may be nil
}

// Run serves until ctx ends, then stops listening, lets requests in flight finish within Drain, and cuts the rest.
// It returns nil when all of them finished.
func (r Runner) Run(ctx context.Context) error {
	listeners, err := r.listen(ctx)
	if err != nil {
		return err
	}
	failed := make(chan error, len(r.Servers))
	for i, s := range r.Servers {
		go func() { failed <- s.Serve(listeners[i]) }()
	}
	if r.Ready != nil {
		r.Ready(addresses(listeners))
	}
	var cause error
	running := len(r.Servers)
	select {
	case <-ctx.Done():
	case cause = <-failed:
		running--
	}
	err = errors.Join(serveError(cause), r.stop(context.WithoutCancel(ctx)))
	for range running {
		err = errors.Join(err, serveError(<-failed))
	}
	return err
}

func (r Runner) listen(ctx context.Context) ([]net.Listener, error) {
	var open []net.Listener
	for _, s := range r.Servers {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", s.Addr)
		if err != nil {
			for _, o := range open {
				err = errors.Join(err, o.Close())
			}
			return nil, fmt.Errorf("listening on %s: %w", s.Addr, err)
		}
		open = append(open, l)
	}
	return open, nil
}

func addresses(listeners []net.Listener) []net.Addr {
	addrs := make([]net.Addr, len(listeners))
	for i, l := range listeners {
		addrs[i] = l.Addr()
	}
	return addrs
}

// stop drains all servers at once, so that Drain is the limit for the whole.
func (r Runner) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, orDefault(r.Drain, 20*time.Second))
	defer cancel()
	done := make(chan error, len(r.Servers))
	for _, s := range r.Servers {
		go func() {
			err := s.Shutdown(ctx)
			if err != nil {
				err = errors.Join(fmt.Errorf("draining %s: %w", s.Addr, err), s.Close())
			}
			done <- err
		}()
	}
	var err error
	for range r.Servers {
		err = errors.Join(err, <-done)
	}
	return err
}

func serveError(err error) error {
	if err == nil || errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving: %w", err)
}
