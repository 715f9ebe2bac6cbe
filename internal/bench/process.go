package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Process is a program under measurement. Its memory is that of all its processes: its own and its children's.
type Process struct {
	cmd       *exec.Cmd
	out, errs bytes.Buffer
	began     time.Time
	took      time.Duration
	err       error
	peak      atomic.Int64
	done      chan struct{}
}

// Start runs a program with this environment and more variables. Its peak memory is read from /proc until it ends: what wait4 gives is
// no use, for it counts the memory of whoever forked it too.
func Start(ctx context.Context, env []string, name string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.CommandContext(ctx, name, args...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errs
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // as a service has it: processors are shared out by sessions (autogroups, sched(7))
	p.began = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
		p.took = time.Since(p.began)
	}()
	go p.watch()
	return p, nil
}

func (p *Process) watch() {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var pids []int
	for i := 0; ; i++ {
		if i%100 == 0 { // looking for children is far dearer than reading what they take, and whatever it takes is missing beside it
			pids = p.pids()
		}
		line := "VmHWM"
		if len(pids) > 1 { // their peaks need not fall together
			line = "VmRSS"
		}
		if now := memory(pids, line); now > p.peak.Load() {
			p.peak.Store(now)
		}
		select {
		case <-p.done:
			return
		case <-tick.C:
		}
	}
}

// pids are its own and its living children's.
func (p *Process) pids() []int {
	own := p.cmd.Process.Pid
	pids := []int{own}
	entries, _ := os.ReadDir("/proc") // without it there is nothing to measure anyway
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && field(fmt.Sprintf("/proc/%d/status", pid), "PPid") == strconv.Itoa(own) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// memory is a line of /proc/PID/status in bytes, summed over processes; one that cannot be read counts nothing.
func memory(pids []int, line string) (sum int64) {
	for _, pid := range pids {
		kib, err := strconv.ParseInt(strings.TrimSuffix(field(fmt.Sprintf("/proc/%d/status", pid), line), " kB"), 10, 64)
		if err == nil {
			sum += kib << 10
		}
	}
	return sum
}

// RSS is the memory it holds now, in bytes. Pages that parent and child share, those of the program's file, count for each.
func (p *Process) RSS() int64 { return memory(p.pids(), "VmRSS") }

// Peak is the most memory it ever held, in bytes: as the kernel noted it, or, with children, the greatest sum of what all held, looked at
// every 10 ms.
func (p *Process) Peak() int64 { return p.peak.Load() }

// ForgetPeak has Peak tell of what comes from now on, and not of the start (proc_pid_clear_refs(5)). What cannot be reset stays in it.
func (p *Process) ForgetPeak() {
	for _, pid := range p.pids() {
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0) // a child may have ended
	}
	p.peak.Store(0)
}

// Wait returns when it has ended: what it printed and how long it ran. An error carries what it complained about.
func (p *Process) Wait() (out []byte, took time.Duration, err error) {
	<-p.done
	if p.err != nil {
		return nil, p.took, fmt.Errorf("%s: %w\n%s%s", strings.Join(p.cmd.Args, " "), p.err, p.out.Bytes(), p.errs.Bytes())
	}
	return p.out.Bytes(), p.took, nil
}

// Stop asks it to end, makes it end after a while, and returns when it is gone. How it ends is no error: it was asked to.
func (p *Process) Stop() {
	if p.cmd.Process.Signal(syscall.SIGTERM) != nil {
		return
	}
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill() // it may have ended just now
		<-p.done
	}
}

// Await returns once the URL answers 200, or fails when the process ends before.
func (p *Process) Await(url string) error {
	client := &http.Client{Timeout: time.Second}
	for range 1500 {
		if r, err := client.Get(url); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.done:
			_, _, err := p.Wait()
			return errors.Join(errors.New("it ended before it answered"), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	p.Stop()
	return fmt.Errorf("%s does not answer: %s", url, p.errs.String())
}

// FreePort is a TCP port of the loopback address that nobody listened on a moment ago.
func FreePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}
