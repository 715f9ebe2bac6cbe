package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-1c168855/rekey/internal/bench"
	"github.com/seed-1c168855/rekey/internal/delivery"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/token"
)

const smtpSessions = 8

// delivery sends campaign mail into smtp-sink, and smtp-source as many bytes into the same one, in alternating rounds. Both keep their connections; what smtp-source does when it
// dials for each mail, its default, is noted too.
func (b *suite) delivery(ctx context.Context) (err error) {
	source, err := smtpSource()
	if err != nil {
		return err
	}
	if err := b.threeCampaigns(ctx); err != nil {
		return err
	}
	sink, address, err := startSink(ctx)
	if err != nil {
		return err
	}
	defer sink.Stop()
	s, err := store.Open(ctx, store.Options{URL: b.main})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	keys := reset.NewKeys(s, b.master, publicURL)
	if err := keys.Ensure(ctx, actor); err != nil {
		return err
	}
	var ours, floor, dialling []float64
	var sent, bytes int64
	mails := pick(b, 5000, 20000)
	for range 3 {
		p := &post{suite: b, store: s, keys: keys, target: int64(mails)}
		rate, err := p.run(ctx, address)
		if err != nil {
			return err
		}
		ours, sent, bytes = append(ours, rate), sent+p.sent.Load(), bytes+p.bytes.Load()
		if rate, err = sourceRate(ctx, source, address, mails, bytes/sent, "-d"); err != nil {
			return err
		}
		floor = append(floor, rate)
		if rate, err = sourceRate(ctx, source, address, mails, bytes/sent); err != nil {
			return err
		}
		dialling = append(dialling, rate)
	}
	b.add(bench.AtLeast(0.5, bench.Row{What: fmt.Sprintf("delivery: mails a second on %d connections, beside smtp-source", smtpSessions), N: int(sent),
		Ours: bench.Median(ours), Floor: bench.Median(floor), Unit: "/s", Note: fmt.Sprintf("%d bytes a mail; smtp-source dialling for each mail %.0f/s", bytes/sent, bench.Median(dialling))}))
	return nil
}

const installPostfix = "it comes with postfix: .ci/deps bench unpacks it and make bench puts it on the PATH; else apt-get install postfix"

func smtpSource() (string, error) {
	if _, err := exec.LookPath("smtp-sink"); err != nil {
		return "", fmt.Errorf("%w; %s", err, installPostfix)
	}
	path, err := exec.LookPath("smtp-source")
	if err != nil {
		return "", fmt.Errorf("%w; %s", err, installPostfix)
	}
	return path, nil
}

func startSink(ctx context.Context) (p *bench.Process, address string, err error) {
	if address, err = bench.FreePort(); err != nil {
		return nil, "", err
	}
	args := []string{address, "1000"}
	if os.Geteuid() == 0 { // it refuses to stay root
		args = append([]string{"-u", "nobody"}, args...)
	}
	if p, err = bench.Start(ctx, nil, "smtp-sink", args...); err != nil {
		return nil, "", err
	}
	for range 250 {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return p, address, conn.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.Stop()
	return nil, "", errors.New("smtp-sink does not listen")
}

// sourceRate is the floor: the same sink, sessions, number of mails and bytes. With -d it keeps its connections.
func sourceRate(ctx context.Context, source, address string, mails int, size int64, more ...string) (float64, error) {
	args := append(more, "-s", strconv.Itoa(smtpSessions), "-m", strconv.Itoa(mails), "-l", strconv.FormatInt(size, 10),
		"-f", "security@example.org", "-t", "member@example.net", address)
	p, err := bench.Start(ctx, nil, source, args...)
	if err != nil {
		return 0, err
	}
	_, took, err := p.Wait()
	return float64(mails) / took.Seconds(), err
}

// post is one round of a worker.
type post struct {
	suite       *suite
	store       *store.Store
	keys        *reset.Keys
	target      int64
	sent, bytes atomic.Int64
}

// run delivers until target mails are taken by the server, stops, and gives the rate from the first claim to the last mark: what the marks
// say afterwards must be what the server took.
func (p *post) run(ctx context.Context, address string) (rate float64, err error) {
	config, err := delivery.ParseSMTPURL("smtp://" + address + "?tls=none")
	if err != nil {
		return 0, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := sync.OnceFunc(stop)
	worker, err := delivery.New(delivery.Options{
		Store: p.store, Ring: p.keys.Ring, Coder: token.NewCoder(p.suite.master),
		Dialer:      counted{delivery.NewSMTP(config, time.Minute), &p.bytes},
		Letterhead:  delivery.Letterhead{From: "Example <security@example.org>", PublicURL: publicURL, Service: "Example", Contact: "help@example.org"},
		Connections: smtpSessions,
		Observe: func(_, outcome string) {
			if outcome == "sent" && p.sent.Add(1) == p.target {
				done()
			}
		},
	})
	if err != nil {
		return 0, err
	}
	before, err := p.marked(context.WithoutCancel(ctx))
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := worker.Run(ctx); err != nil {
		return 0, err
	}
	took := time.Since(began)
	after, err := p.marked(context.WithoutCancel(ctx))
	if err == nil && after-before != p.sent.Load() {
		err = fmt.Errorf("%d mails were taken and %d marked", p.sent.Load(), after-before)
	}
	return float64(p.sent.Load()) / took.Seconds(), err
}

func (p *post) marked(ctx context.Context) (n int64, err error) {
	err = p.suite.query(ctx, p.suite.main, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT (SELECT count(*) FROM campaign_members WHERE state = 'sent') + (SELECT count(*) FROM outbox WHERE state = 'sent')").Scan(&n)
	})
	return n, err
}

// counted counts the bytes that go over the wire.
type counted struct {
	delivery.Dialer
	bytes *atomic.Int64
}

func (c counted) Dial(ctx context.Context) (delivery.Conn, error) {
	conn, err := c.Dialer.Dial(ctx)
	return countedConn{conn, c.bytes}, err
}

type countedConn struct {
	delivery.Conn
	bytes *atomic.Int64
}

func (c countedConn) Deliver(m *delivery.Message, clear func() error) error {
	c.bytes.Add(int64(len(m.Data)))
	return c.Conn.Deliver(m, clear)
}
