package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/pow"
	"github.com/seed-1c168855/rekey/internal/secret"
)

// portalOf answers as the portal does; the first form by first.
func portalOf(t *testing.T, first func(http.ResponseWriter)) *weather {
	t.Helper()
	forms := 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET /reset", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<link href="/static/1/a.css"><script src="/static/1/b.js"></script><link href="/static/1/a.css">`)
	})
	mux.HandleFunc("GET /static/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	mux.HandleFunc("GET /proof", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"bits":0}`) })
	mux.HandleFunc("POST /reset/check", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("token") != "t" {
			t.Errorf("looked at %q", r.FormValue("token"))
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, r *http.Request) {
		if forms++; forms == 1 {
			first(w)
			return
		}
		if r.FormValue("password") != newPassword || r.FormValue("confirm") != newPassword || r.FormValue("token") != "t" {
			t.Errorf("sent %v", r.Form)
		}
		w.Header().Set("Location", "/done")
		w.WriteHeader(http.StatusSeeOther)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return &weather{address: strings.TrimPrefix(server.URL, "http://"), progress: io.Discard, answers: map[string]map[int]int{}}
}

// A member comes back when told to, and is done once.
func TestMemberWaitsAsTold(t *testing.T) {
	t.Parallel()
	w := portalOf(t, func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if err := w.blow(t.Context(), []link{{token: "t"}, {token: "t"}, {token: "t"}}, 1); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[int]int{stepPage: {200: 3}, stepAsset: {200: 6}, stepCheck: {204: 3}, stepProof: {200: 4}, stepForm: {303: 3, 503: 1}}
	if diff := cmp.Diff(want, w.answers); diff != "" || len(w.totals) != 3 || w.requests.Load() != 20 {
		t.Errorf("%d done, %d requests:\n%s", len(w.totals), w.requests.Load(), diff)
	}
}

// Any other answer, and a refusal that does not say for how long, is found out.
func TestDishonestAnswersAreFoundOut(t *testing.T) {
	t.Parallel()
	for status, counted := range map[int]int{500: 500, 200: 200, 410: 410, 503: 0, 429: 0} {
		w := portalOf(t, func(w http.ResponseWriter) { w.WriteHeader(status) })
		if err := w.blow(t.Context(), []link{{token: "t"}}, 1); !errors.Is(err, errDishonest) || w.answers[stepForm][counted] != 1 || len(w.totals) != 0 {
			t.Errorf("%d: %v, %v", status, err, w.answers)
		}
	}
}

// Proofs that were made before are good when members come, each once.
func TestProofsAreGood(t *testing.T) {
	t.Parallel()
	b := &suite{master: secret.NewMaster()}
	proofs, err := b.proofs(t.Context(), 5, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for proof := range proofs {
		id, err := pow.NewIssuer(b.master).Verify(proof, pow.Forms, proofBits, time.Now().Add(time.Hour))
		if err != nil || seen[id] {
			t.Errorf("%s: %v", proof, err)
		}
		seen[id] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d proofs", len(seen))
	}
}
