package operator

import (
	"testing"

	"github.com/seed-1c168855/rekey/internal/secret"
)

// A sealed secret opens for its operator alone, and moves to another master key once or twice with the same end.
func TestReseal(t *testing.T) {
	t.Parallel()
	from, to, third := secret.NewMaster(), secret.NewMaster(), secret.NewMaster()
	sealed, err := SealTOTP(from, 7, []byte("twenty bytes of it .."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTOTP(from, 8, sealed); err == nil {
		t.Error("another operator's row opens")
	}
	for range 2 {
		if sealed, err = reseal(from, to, 7, sealed); err != nil {
			t.Fatal(err)
		}
		if raw, err := OpenTOTP(to, 7, sealed); err != nil || string(raw) != "twenty bytes of it .." {
			t.Errorf("resealed: %q %v", raw, err)
		}
	}
	if _, err := reseal(from, third, 7, sealed); err == nil {
		t.Error("resealed from a key it was not under")
	}
}
