package reset

import (
	"context"
	"testing"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// TestDoor holds that a full door keeps out who gives up waiting, that a place comes back once however often it is left, and who waits gets it.
func TestDoor(t *testing.T) {
	t.Parallel()
	d := make(door, 1)
	leave, err := d.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.enter(gone); !problem.Is(err, problem.Unavailable) {
		t.Errorf("a full door: %v", err)
	}
	waited := make(chan error)
	go func() {
		_, err := d.enter(t.Context())
		waited <- err
	}()
	leave()
	leave()
	if err := <-waited; err != nil {
		t.Errorf("waiting: %v", err)
	}
	if len(d) != 1 {
		t.Errorf("%d are in a door for one", len(d))
	}
}
