package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"

	"github.com/seed-1c168855/rekey/internal/pow"
)

// solverCommand is the hidden command under which this program does the members' proofs of work: challenges on standard input, one a line, and
// each with its proof on standard output.
const solverCommand = "proof-solver"

// solver is that program as a process that stands back as hashing does. The members' own devices do the work in earnest: here it may use what
// processor time the server and the gate's caller leave. (SCHED_IDLE, which promises the same, has whoever wakes up sent to where it runs, and then wait for it.)
type solver struct {
	cmd *exec.Cmd
	in  io.WriteCloser

	mu      sync.Mutex
	waiting map[string]chan string // by challenge
}

func startSolver(ctx context.Context) (*solver, error) {
	cmd, in, out, err := companion(ctx, solverCommand)
	if err != nil {
		return nil, err
	}
	s := &solver{cmd: cmd, in: in, waiting: map[string]chan string{}}
	go s.read(out)
	return s, nil
}

// read hands each proof to whoever waits for it.
func (s *solver) read(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		challenge, proof, _ := strings.Cut(lines.Text(), " ")
		s.mu.Lock()
		to := s.waiting[challenge]
		delete(s.waiting, challenge)
		s.mu.Unlock()
		if to != nil {
			to <- proof
		}
	}
}

// solve waits for the proof of a challenge.
func (s *solver) solve(ctx context.Context, challenge string) (string, error) {
	proof := make(chan string, 1)
	s.mu.Lock()
	s.waiting[challenge] = proof
	_, err := io.WriteString(s.in, challenge+"\n")
	s.mu.Unlock()
	if err != nil {
		return "", fmt.Errorf("asking the solver of proofs: %w", err)
	}
	select {
	case p := <-proof:
		return p, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// close ends the process, which ends with its input.
func (s *solver) close() error { return errors.Join(s.in.Close(), s.cmd.Wait()) }

// serveSolver is the solver's own side.
func serveSolver(ctx context.Context, in io.Reader, out io.Writer) error {
	challenges := make(chan string)
	var mu sync.Mutex
	var all sync.WaitGroup
	errs := make([]error, runtime.NumCPU())
	for i := range errs {
		all.Go(func() {
			for challenge := range challenges {
				proof, err := pow.Solve(ctx, challenge)
				mu.Lock()
				_, written := fmt.Fprintln(out, challenge, proof)
				mu.Unlock()
				errs[i] = errors.Join(errs[i], err, written)
			}
		})
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		challenges <- lines.Text()
	}
	close(challenges)
	all.Wait()
	return errors.Join(append(errs, lines.Err())...)
}
