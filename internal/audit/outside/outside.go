// Package outside sends checkpoints of the audit log to places that whoever can write the database cannot write: a file, a mail,
// a webhook. It promises that a place down holds nothing up and misses nothing for good, and that a checkpoint goes to a place
// once unless its answer was lost; only cmd starts it.
package outside

import (
	"context"
	"log/slog"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
)

// Place takes checkpoints. What Send returns is kept in the database and logged: it must name no secret.
type Place interface {
	Send(ctx context.Context, c audit.Checkpoint) error
}

// Claim is a checkpoint to send.
type Claim struct {
	Checkpoint audit.Checkpoint
	Tries      int // failures in a row before
}

// State is how far a place is.
type State struct {
	Place  string
	N      int64 // the last checkpoint it took
	Size   int64 // its size
	SentAt *time.Time
	Tries  int    // failures in a row since
	Fault  string // the last of them
}

// Queue is the database's part: one process at a time sends to a place, the newest checkpoint only, for it speaks for all before.
type Queue interface {
	// ClaimCheckpoint gives what is to be sent, to this caller alone until the lease ends. False: nothing for now.
	ClaimCheckpoint(ctx context.Context, place string, lease time.Duration) (Claim, bool, error)
	CheckpointSent(ctx context.Context, place string, c audit.Checkpoint) error
	CheckpointFailed(ctx context.Context, place, fault string, pause time.Duration) error
}

// Timing of the couriers.
const (
	pollEvery = 5 * time.Second
	sendLimit = 30 * time.Second
	sendLease = 2 * time.Minute // longer than sending and noting may take
	noteLimit = 10 * time.Second
	firstWait = 15 * time.Second // after a failure; doubled after each further one
	longWait  = time.Hour
)

// What came of sending, for metrics.
const (
	Sent   = "sent"
	Failed = "failed"
)

// Courier brings checkpoints to one place.
type Courier struct {
	Name    string // file, mail or webhook
	Place   Place
	Queue   Queue
	Logger  *slog.Logger
	Observe func(place, outcome string)

	taken int64 // the newest number the place took, whether or not that could be noted
}

// Run sends until ctx ends.
func (c *Courier) Run(ctx context.Context) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		if err := c.round(ctx); err != nil && ctx.Err() == nil {
			c.Logger.WarnContext(ctx, "checkpoints wait for the database", "place", c.Name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		}
	}
}

// round sends one checkpoint if there is one. Its error is the database's: what a place answers is noted there and counted.
func (c *Courier) round(ctx context.Context) error {
	claim, ok, err := c.Queue.ClaimCheckpoint(ctx, c.Name, sendLease)
	if err != nil || !ok {
		return err
	}
	if claim.Checkpoint.N > c.taken {
		if fault := c.send(ctx, claim.Checkpoint); fault != nil {
			c.Observe(c.Name, Failed)
			c.Logger.WarnContext(ctx, "a checkpoint of the audit log could not be sent and will be tried again", "place", c.Name, "size", claim.Checkpoint.Head.Size, "error", fault)
			return c.note(ctx, func(ctx context.Context) error {
				return c.Queue.CheckpointFailed(ctx, c.Name, brief(fault), wait(claim.Tries))
			})
		}
		c.taken = claim.Checkpoint.N
		c.Observe(c.Name, Sent)
	}
	return c.note(ctx, func(ctx context.Context) error { return c.Queue.CheckpointSent(ctx, c.Name, claim.Checkpoint) })
}

func (c *Courier) send(ctx context.Context, cp audit.Checkpoint) error {
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	return c.Place.Send(ctx, cp)
}

// note outlives the end of the process's context: what was sent is to be known as sent.
func (c *Courier) note(ctx context.Context, write func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteLimit)
	defer cancel()
	return write(ctx)
}

// wait is the pause after one more failure.
func wait(tries int) time.Duration {
	if tries > 8 {
		return longWait
	}
	return min(firstWait<<tries, longWait)
}

// brief keeps what a place answered small.
func brief(err error) string {
	text := []rune(err.Error())
	return string(text[:min(len(text), 300)])
}
