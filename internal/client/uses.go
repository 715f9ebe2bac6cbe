package client

import (
	"context"
	"crypto/sha256"
	"sync"
)

// UseStore keeps when clients were last used.
type UseStore interface {
	// NoteUses dates the last use of the clients with these keys, by their SHA-256, as now by the database's clock.
	NoteUses(ctx context.Context, keysSHA256 [][]byte) error
}

// Uses remembers which keys were used since the last Flush, so that no call waits for it: at most one write a Flush, whatever the traffic.
// It is safe for concurrent use. What was not flushed when the process dies is lost: the next use tells again.
type Uses struct {
	store UseStore
	mu    sync.RWMutex
	used  map[[sha256.Size]byte]struct{}
}

// NewUses remembers for a store.
func NewUses(s UseStore) *Uses { return &Uses{store: s, used: map[[sha256.Size]byte]struct{}{}} }

// Saw notes that a right key was used, by its SHA-256. A nil Uses notes nothing.
func (u *Uses) Saw(keySHA256 []byte) {
	if u == nil || len(keySHA256) != sha256.Size {
		return
	}
	key := [sha256.Size]byte(keySHA256)
	u.mu.RLock()
	_, known := u.used[key]
	u.mu.RUnlock()
	if known { // most of the time
		return
	}
	u.mu.Lock()
	u.used[key] = struct{}{}
	u.mu.Unlock()
}

// Flush writes what was seen since the last one, as used now; call it once a minute. What cannot be written is kept for the next.
func (u *Uses) Flush(ctx context.Context) error {
	u.mu.Lock()
	seen := u.used
	u.used = map[[sha256.Size]byte]struct{}{}
	u.mu.Unlock()
	if len(seen) == 0 {
		return nil
	}
	keys := make([][]byte, 0, len(seen))
	for key := range seen {
		keys = append(keys, key[:])
	}
	err := u.store.NoteUses(ctx, keys)
	if err != nil {
		for key := range seen {
			u.Saw(key[:])
		}
	}
	return err
}
