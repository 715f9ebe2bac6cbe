package token_test

import (
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/token"
)

// Key ids are typed on the command line, where one that begins with a hyphen would be a flag. One in 64 thumbprints does.
func TestKeyIDIsNoFlag(t *testing.T) {
	t.Parallel()
	for range 1000 {
		k, err := token.NewKey(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if k.ID[0] == '-' {
			t.Fatal(k.ID)
		}
	}
}
