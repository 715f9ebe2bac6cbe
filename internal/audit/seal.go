package audit

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

var emptyRoot = tlog.Hash(sha256.Sum256(nil))

// Head says how many entries are sealed and what they hash to. Whoever notes one down outside the database can prove later
// that nothing up to there was changed, even by somebody who can write every table.
type Head struct {
	Size int64
	Root tlog.Hash
}

// EmptyHead is the head of a log without entries, which a new database starts with (RFC 6962 §2.1).
func EmptyHead() Head { return Head{Root: emptyRoot} }

// String is the head as people note it down: size, colon, root in base64.
func (h Head) String() string { return strconv.FormatInt(h.Size, 10) + ":" + h.Root.String() }

// ParseHead reads what Head.String wrote.
func ParseHead(s string) (Head, error) {
	size, root, _ := strings.Cut(strings.TrimSpace(s), ":")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 0 {
		return Head{}, errors.New("a head of the audit log is written SIZE:ROOT")
	}
	hash, err := tlog.ParseHash(root)
	if err != nil {
		return Head{}, fmt.Errorf("the root of a head of the audit log: %w", err)
	}
	return Head{Size: n, Root: hash}, nil
}

// Sealed is what a store has to write down for a batch of entries: entry i gets the index First+i, Hashes are appended to
// the stored hashes from position HashesAt on, and Head replaces the old head.
type Sealed struct {
	First    int64
	HashesAt int64
	Hashes   []tlog.Hash
	Head     Head
}

// Seal computes what to store when entries, in this order, are appended to a log of size entries. It reads the stored hashes
// once, at most 63 of them. An entry that has an index already is refused: it would be sealed twice.
func Seal(size int64, read tlog.HashReader, entries []Entry) (Sealed, error) {
	t, err := openTree(size, read)
	if err != nil {
		return Sealed{}, err
	}
	s := Sealed{First: size, HashesAt: tlog.StoredHashCount(size)}
	for _, e := range entries {
		if e.Index != nil {
			return Sealed{}, fmt.Errorf("sealing audit entry %d: it is sealed already, as %d", e.ID, *e.Index)
		}
		s.Hashes = append(s.Hashes, t.add(e.Record())...)
	}
	s.Head = Head{Size: t.size, Root: t.root()}
	return s, nil
}

// SealFunc is the form of Seal that a store is handed.
type SealFunc func(size int64, read tlog.HashReader, entries []Entry) (Sealed, error)

// Log is the store's part in sealing.
type Log interface {
	// SealPending takes, in one transaction and under a lock that only one sealer holds, up to limit committed entries that
	// have no index, in order of ID, hands them to seal together with the log's size and stored hashes, and writes down what
	// seal returned. It reports how many entries it sealed; none is no error. An error leaves everything as it was.
	SealPending(ctx context.Context, limit int, seal SealFunc) (int, error)
}

// Timing of the sequencer. An entry is sealed within a second of its commit as long as the database answers.
const (
	sealEvery = 500 * time.Millisecond
	sealBatch = 1000
	sealSlow  = 30 * time.Second // the longest pause after failures
	sealLast  = 2 * time.Second  // what the last seal may take when the process ends
)

// Sequencer numbers and seals committed entries, beside the transactions that wrote them, so that no act waits for another.
// Several may run at once on one database; the store's lock lets one of them work at a time.
type Sequencer struct {
	log  Log
	slog *slog.Logger
}

// NewSequencer returns a sequencer that has yet to Run.
func NewSequencer(log Log, logger *slog.Logger) *Sequencer {
	return &Sequencer{log: log, slog: logger}
}

// Run seals twice a second until ctx ends, then once more, so that what the process did last is sealed too. A failure is
// logged and tried again with growing pauses: entries wait unsealed, no act is held up.
func (s *Sequencer) Run(ctx context.Context) {
	pause := sealEvery
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), sealLast)
			defer cancel()
			if _, err := s.SealOnce(last); err != nil {
				s.slog.Error("last seal of the audit log", "error", err)
			}
			return
		case <-time.After(pause):
		}
		pause = s.beat(ctx, pause)
	}
}

// beat seals once and returns the pause until the next time.
func (s *Sequencer) beat(ctx context.Context, pause time.Duration) time.Duration {
	if _, err := s.SealOnce(ctx); err != nil && ctx.Err() == nil {
		s.slog.Error("sealing the audit log", "error", err)
		return min(2*pause, sealSlow)
	}
	return sealEvery
}

// SealOnce seals everything that is pending, in batches, and reports how many entries that were.
func (s *Sequencer) SealOnce(ctx context.Context) (int, error) {
	total := 0
	for {
		n, err := s.log.SealPending(ctx, sealBatch, Seal)
		total += n
		if err != nil {
			return total, fmt.Errorf("sealing audit entries: %w", err)
		}
		if n < sealBatch {
			return total, nil
		}
	}
}
