package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/pow"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/secret"
)

// Each sign of pressure turns proofs on by itself, at its threshold and not before; one loud address and ordinary use turn on nothing.
func TestSignsOfPressure(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		press func(t *testing.T, a *app)
		on    bool
	}{
		"rest":                    {func(*testing.T, *app) {}, false},
		"a short queue":           {waiters(1), false},
		"a tenth of the queue":    {waiters(2), true},
		"resets":                  {takes(ratelimit.ResetGlobal, 10_000), false},
		"resets drain":            {takes(ratelimit.ResetGlobal, 10_400), true},
		"resets run out":          {takes(slow(ratelimit.ResetGlobal), ratelimit.ResetGlobal.Burst+1), true},
		"requests":                {reserves(900), false},
		"requests drain":          {reserves(1000), true},
		"one address floods":      {floods(1), false},
		"seven networks flood":    {floods(7), false},
		"many networks flood":     {floods(60), true},
		"another limit is over":   {takes(ratelimit.KeyAddress, 1000), false},
		"the login service rides": {takes(ratelimit.VerifyKey, 20_000), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &app{settings: &config.Settings{}, limits: ratelimit.NewMemory(1000, nil)}
			a.settings.Proof, a.settings.ProofBits, a.settings.HashQueue = "auto", 16, 20
			var err error
			if a.admission, err = password.NewAdmission(1, 1, a.settings.HashQueue, time.Minute); err != nil {
				t.Fatal(err)
			}
			a.buildProofs(secret.NewMaster())
			row.press(t, a)
			if got := a.pressure.Bits(time.Now()) > 0; got != row.on {
				t.Errorf("proofs asked for: %v, want %v", got, row.on)
			}
		})
	}
}

// waiters has n wait for the one slot, until the test ends.
func waiters(n int) func(*testing.T, *app) {
	return func(t *testing.T, a *app) {
		leave, err := a.admission.Enter(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(leave)
		for range n {
			go func() {
				if leave, err := a.admission.Enter(t.Context(), 1); err == nil {
					leave()
				}
			}()
		}
		for again := time.NewTicker(time.Millisecond); ; <-again.C {
			if _, waiting, _ := a.admission.Stats(); waiting == n {
				return
			}
		}
	}
}

// slow is the limit under its own name, so that no token comes back while the test uses them up.
func slow(l ratelimit.Limit) ratelimit.Limit {
	l.Every = time.Hour
	return l
}

func takes(l ratelimit.Limit, n int) func(*testing.T, *app) {
	return func(t *testing.T, a *app) {
		for i := range n {
			key := "all"
			if n > l.Burst+1 { // as if tokens came back in the meantime
				key = strconv.Itoa(i % 100)
			}
			if _, err := a.memberLimits.Take(context.Background(), l, key, 1); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func reserves(n int) func(*testing.T, *app) {
	return func(t *testing.T, a *app) {
		for range n {
			if _, err := a.memberLimits.Reserve(context.Background(), ratelimit.ForgotGlobal, "all"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// floods has so many networks go over the flood limit.
func floods(networks int) func(*testing.T, *app) {
	return func(t *testing.T, a *app) {
		l := ratelimit.Flood
		l.Every = time.Hour
		for network := range networks {
			for range l.Burst + 10 {
				if _, err := a.memberLimits.Take(context.Background(), l, strconv.Itoa(network), 1); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// The whole service asks for proofs, takes each once, remembers it in the database for other processes, and counts.
func TestServeAsksForProofs(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	first := r.serve("--proof=always", "--proof-bits=12")
	_, body := first.get(first.public + "/proof")
	var asked struct {
		Bits      int
		Challenge string
	}
	if err := json.Unmarshal([]byte(body), &asked); err != nil || asked.Bits != 12 {
		t.Fatalf("%v: %s", err, body)
	}
	proof, err := pow.Solve(t.Context(), asked.Challenge)
	if err != nil {
		t.Fatal(err)
	}
	second := r.serve("--proof=always", "--proof-bits=12")
	for _, s := range []*service{first, second, first} {
		status, page := s.ask(http.MethodPost, s.public+"/forgot", "", "application/x-www-form-urlencoded", url.Values{"email": {"ann@example.com"}, "proof": {proof}}.Encode())
		if status != http.StatusOK { // without a good proof it has a place in the shared bucket
			t.Fatalf("%d: %s", status, page)
		}
	}
	for s, want := range map[*service]string{first: "rekey_proof_total{outcome=\"ok\"} 1\nrekey_proof_total{outcome=\"wrong\"} 1\n", second: "rekey_proof_total{outcome=\"wrong\"} 1\n"} {
		if _, text := s.get(s.admin + "/metrics"); !strings.Contains(text, want) || !strings.Contains(text, "\nrekey_proof_bits 12\n") {
			t.Errorf("metrics lack %s or rekey_proof_bits 12", want)
		}
	}
}
