package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-1c168855/rekey/internal/bench"
)

// gateConnections load the servers at once: enough to keep both cores busy.
const gateConnections = 8

// gate loads the program's gate and a bare handler, each in a process of its own, with the same client, in alternating rounds.
func (b *suite) gate(ctx context.Context) (err error) {
	if err := b.threeCampaigns(ctx); err != nil {
		return err
	}
	ours, floor, stop, err := b.gateTargets(ctx)
	if err != nil {
		return err
	}
	defer stop()
	round, rounds := pick(b, 500*time.Millisecond, 3*time.Second), pick(b, 4, 10)
	for i := range rounds + 1 { // the first warms up
		if err := errors.Join(ours.Round(round, i > 0), floor.Round(round, i > 0)); err != nil {
			return err
		}
	}
	b.add(bench.AtLeast(0.6, bench.Row{What: "gate, 3 campaigns: requests a second, beside a bare handler", N: b.n, Ours: ours.PerSecond(), Floor: floor.PerSecond(), Unit: "/s"}))
	b.add(bench.AtMost(2, bench.Row{What: fmt.Sprintf("gate: p99 at %d connections", gateConnections), N: b.n,
		Ours: milliseconds(ours.Times().Quantile(0.99)), Floor: milliseconds(floor.Times().Quantile(0.99)), Unit: "ms"}))
	return nil
}

// gateTargets starts both servers. The idle memory of the program's is measured on the way.
func (b *suite) gateTargets(ctx context.Context) (ours, floor *bench.Target, stop func(), err error) {
	var ends []func()
	stop = func() {
		for _, end := range ends {
			end()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	server, err := b.serve(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	ends = append(ends, server.Stop)
	b.idle(server)
	key, err := b.loginKey(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := b.gateAnswers(server.address, key); err != nil {
		return nil, nil, nil, err
	}
	bare, address, err := b.startFloor(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	ends = append(ends, bare.Stop)
	low, _, err := b.ids(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	if ours, err = bench.NewTarget(server.address, gateConnections, b.gateRequest(key)); err != nil {
		return nil, nil, nil, err
	}
	ends = append(ends, func() { ours.Close() })
	floor, err = bench.NewTarget(address, gateConnections, func(i int) []byte {
		return bench.Request("GET", "/accounts/"+strconv.FormatInt(low+int64(b.spread(i)), 10), "")
	})
	ends = append(ends, func() { floor.Close() })
	return ours, floor, stop, err
}

// idle measures the memory of a server that was just started and left alone for a moment.
func (b *suite) idle(server *served) {
	time.Sleep(pick(b, time.Second, 5*time.Second))
	b.add(bench.Within(60, bench.Row{What: "serve, idle RSS", N: b.n, Ours: float64(server.RSS()) / mebibyte, Unit: "MiB"}))
}

// gateAnswers holds that what is going to be loaded tells the truth.
func (b *suite) gateAnswers(address, key string) error {
	request, err := http.NewRequest("POST", "http://"+address+"/v1/gate", bytes.NewReader([]byte(`{"subject":"`+subject(0)+`","session_issued_at":1300000000}`)))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && (!bytes.Contains(body, []byte(`"credential":"dead"`)) || !bytes.Contains(body, []byte(`"session":"dead"`))) {
		err = fmt.Errorf("the gate answers %d %s", answer.StatusCode, body)
	}
	return err
}

// floorCommand is the hidden command under which this program is the floor of the gate: floor URL ADDRESS.
const floorCommand = "gate-floor"

func (b *suite) startFloor(ctx context.Context) (p *bench.Process, address string, err error) {
	if address, err = bench.FreePort(); err != nil {
		return nil, "", err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	if p, err = bench.Start(ctx, nil, self, floorCommand, b.main, address); err != nil {
		return nil, "", err
	}
	return p, address, p.Await("http://" + address + "/ready")
}

// serveFloor is a bare Gin handler with one primary-key SELECT through pgx.
func serveFloor(ctx context.Context, url, address string) error {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return err
	}
	config.MaxConns = 20 // as many as the program's
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.GET("/ready", func(c *gin.Context) { c.Status(http.StatusOK) })
	e.GET("/accounts/:id", func(c *gin.Context) {
		var subject string
		var version int64
		var set *time.Time
		err := pool.QueryRow(c, "SELECT subject, credential_version, password_set_at FROM accounts WHERE id = $1", c.Param("id")).Scan(&subject, &version, &set)
		if err != nil {
			c.Status(http.StatusNotFound)
			return
		}
		c.JSON(http.StatusOK, gin.H{"subject": subject, "credential_version": version, "password_set_at": set})
	})
	server := &http.Server{Addr: address, Handler: e}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
