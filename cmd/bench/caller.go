package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/seed-1c168855/rekey/internal/bench"
)

// callerCommand is the hidden command under which this program is the login service that asks the gate: what it asks on standard input, until
// that ends, and then each answer's time on standard output, as JSON.
const callerCommand = "gate-caller"

// calls is what the caller is told.
type calls struct {
	Address string `json:"address"`
	Key     string `json:"key"`
	N       int    `json:"n"` // accounts
}

// caller is that program as a process of its own, before all others where it may be. In earnest it is another machine: what it waits for a
// processor is not the gate's doing.
type caller struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.Reader
}

// startCaller starts it in a session of its own.
func (b *suite) startCaller(ctx context.Context, server *served, key string) (c *caller, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c = &caller{cmd: exec.CommandContext(ctx, self, callerCommand)}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.out, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", callerCommand, err)
	}
	return c, json.NewEncoder(c.in).Encode(calls{Address: server.address, Key: key, N: b.n})
}

// stop ends it and gives the answers' times.
func (c *caller) stop() (times bench.Durations, err error) {
	err = c.in.Close()
	if decoding := json.NewDecoder(c.out).Decode(&times); decoding != nil {
		err = errors.Join(err, fmt.Errorf("reading the gate's times: %w", decoding))
	}
	return times, errors.Join(err, c.cmd.Wait())
}

// paced asks the gate for a while.
func (b *suite) paced(ctx context.Context, server *served, key string, d time.Duration) (bench.Durations, error) {
	c, err := b.startCaller(ctx, server, key)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return c.stop()
}

const urgency = -10 // niceness

// serveCaller is the caller's own side.
func serveCaller(ctx context.Context, in io.Reader, out io.Writer) error {
	_ = syscall.Setpriority(syscall.PRIO_PGRP, 0, urgency) // root may
	_ = os.WriteFile("/proc/self/autogroup", []byte(fmt.Sprint(urgency)), 0)
	told := json.NewDecoder(in)
	var what calls
	if err := told.Decode(&what); err != nil {
		return fmt.Errorf("reading what to ask: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	go func() { defer stop(); _ = told.Decode(&struct{}{}) }() // the end
	b := &suite{n: what.N}
	times, err := bench.Pace(ctx, what.Address, gateRate, b.gateRequest(what.Key))
	return errors.Join(err, json.NewEncoder(out).Encode(times))
}
