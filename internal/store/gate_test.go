package store_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/account"
	keys "github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// Whoever asks alone, in a batch, or at once with many others, with another key among them and an account that no database can know, is told the same.
func TestGateTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		_, key, err := createClient(t.Context(), s)
		must(t, err)
		subjects := []string{"nobody", `back\slash "and" {quotes}`, "Ünïcode 🔑", "gone"}
		for i := range 12 {
			addAccount(t, s, fmt.Sprintf("member %d", i), time.Now().Add(-time.Duration(i)*time.Hour))
			subjects = append(subjects, fmt.Sprintf("member %d", i))
		}
		for _, odd := range subjects[1:4] {
			addAccount(t, s, odd, time.Now())
		}
		must(t, s.Exec(t.Context(), `UPDATE accounts SET deleted_at = created_at, email = NULL, email_key = NULL, password_hash = NULL, password_scheme = NULL, password_set_at = NULL WHERE subject = 'gone'`))
		must(t, s.Exec(t.Context(), `UPDATE accounts SET password_hash = NULL, password_scheme = NULL, password_set_at = NULL WHERE subject = 'member 3'`))
		everyoneKilled(t, s)
		must(t, s.SetPassword(t.Context(), resetOf(count(t, s, `SELECT id FROM accounts WHERE subject = 'member 5'`), 1, 1, "another hash")))

		alone := make([]account.GateRecord, len(subjects))
		for i, subject := range subjects {
			alone[i] = got[[]account.GateRecord](t)(s.Gate(t.Context(), key, keys.ScopeLogin, []string{subject}))[0]
		}
		if alone[4].CoveredBy != 1 || alone[4].Incident != "breach" || alone[0].Known || !alone[3].Deleted || alone[7].HasPassword || alone[9].Dead {
			t.Errorf("alone: %+v", alone)
		}
		batch := got[[]account.GateRecord](t)(s.Gate(t.Context(), key, keys.ScopeLogin, slices.Concat(subjects, subjects)))
		if diff := cmp.Diff(slices.Concat(alone, alone), batch); diff != "" {
			t.Error(diff)
		}

		joint := account.NewJointGate(s, 1)
		var all sync.WaitGroup
		for range 20 {
			for i, subject := range subjects {
				all.Go(func() {
					record, err := joint.Gate(t.Context(), key, keys.ScopeLogin, []string{subject})
					if err != nil || cmp.Diff(alone[i:i+1], record) != "" {
						t.Errorf("%q among others: %v %s", subject, err, cmp.Diff(alone[i:i+1], record))
					}
				})
			}
			all.Go(func() {
				if _, err := joint.Gate(t.Context(), []byte(strings.Repeat("?", 32)), keys.ScopeLogin, subjects[:1]); !problem.Is(err, problem.Unauthorized) {
					t.Errorf("another key: %v", err)
				}
			})
			all.Go(func() { _, _ = joint.Gate(t.Context(), key, keys.ScopeLogin, []string{"no\x00text"}) })
		}
		all.Wait()
	})
}
