package signin_test

import (
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/operator/signin"
	"github.com/seed-1c168855/rekey/internal/password"
)

// A right password that was hashed under weaker parameters is kept under today's from that sign-in on; a wrong one, or one of somebody shut out, changes nothing.
func TestPasswordIsHashedAnew(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		o, text := w.settled("ada")
		stored := func() string {
			s, _, err := w.store.SecretsOf(w.Context(), "ada")
			w.must(err)
			return s.PasswordHash
		}
		weak := stored()
		stronger := password.DefaultParams()
		stronger.Memory *= 2
		w.openWith(stronger)
		if _, err := w.Password(w.Context(), "ada", "wrong", w.here); err == nil || stored() != weak {
			t.Fatalf("a wrong password: %v", err)
		}
		logged := len(w.entries(0))
		_, err := w.Password(w.Context(), "ada", right, w.here)
		w.must(err)
		strong := stored()
		if strong == weak || password.NeedsUpgrade(strong, stronger) || !password.NeedsUpgrade(weak, stronger) {
			t.Errorf("stored %.40s, before %.40s", strong, weak)
		}
		if log := w.entries(logged); len(log) != 1 || log[0] != "own.password operator:ada done" {
			t.Errorf("the log says %q", log)
		}
		half, err := w.Password(w.Context(), "ada", right, w.here)
		if err != nil || half != (signin.Half{Operator: o.ID, TOTP: true}) || stored() != strong {
			t.Errorf("signing in again: %+v %v", half, err)
		}
		_, err = w.TOTP(w.Context(), o.ID, w.code(text, 0), w.here)
		w.must(err)
		if told := w.told("ada"); strings.Contains(told, "password was changed") {
			t.Errorf("told of a hash: %q", told)
		}
	})
}
