package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"time"
)

type versionCmd struct{}

func (versionCmd) Help() string {
	return `To quote when asking for help.

Example:

    rekey version`
}

func (*versionCmd) deed() deed { return deed{place: nowhere} }

func (c *versionCmd) Run(s *session) error {
	v := struct {
		Version string `json:"version"`
		Go      string `json:"go"`
	}{version, runtime.Version()}
	return s.show(v, func(p *page) { p.line("rekey %s (%s)", v.Version, v.Go) })
}

type healthCmd struct{}

func (healthCmd) Help() string {
	return `Asks /readyz at the address that the serving process listens on; for a container's health check.

Example:

    rekey health --listen 127.0.0.1:8080`
}

// healthTime is below the time a container's health check allows.
const healthTime = 4 * time.Second

func (*healthCmd) deed() deed { return deed{place: nowhere} }

func (c *healthCmd) Run(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	url := "http://" + reachable(s.settings.Listen) + "/readyz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("asking whether the service is ready: %w", err)
	}
	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // through no proxy
	answer, err := direct.Do(request)
	if err != nil {
		return fmt.Errorf("asking whether the service is ready: %w", err)
	}
	defer answer.Body.Close() // only the status is read
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the service is not ready: status %d", answer.StatusCode)
	}
	return s.show(map[string]any{"ready": true}, func(p *page) { p.line("ready") })
}

// reachable is where to call a server that listens there: one that listens on all addresses is called on loopback.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
