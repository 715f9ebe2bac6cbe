package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

const auditOrigin = "reset.example.org/audit"

// signedLog adds n sealed entries, that of a new key among them, and a checkpoint over all.
func signedLog(t testing.TB, s *store.Store, n int) (*audit.Keys, string, audit.Checkpoint) {
	t.Helper()
	ctx := context.Background()
	keys := audit.NewKeys(s, secret.NewMaster())
	vkey, err := keys.Ensure(ctx, auditOrigin, tester)
	if err != nil {
		t.Fatal(err)
	}
	recordSealed(t, s, n-1) // one is that of the key
	c, made, err := audit.NewKeeper(s, keys).Make(ctx)
	if err != nil || !made || c.Head.Size < int64(n) {
		t.Fatalf("%d entries signed, made %t, %v", c.Head.Size, made, err)
	}
	return keys, vkey, c
}

func recordSealed(t testing.TB, s *store.Store, n int) {
	t.Helper()
	for i := range n {
		if err := s.Record(context.Background(), audit.New(tester, audit.IncidentSet, fmt.Sprint("incident:", i), audit.Detail{"n": i})); err != nil {
			t.Fatal(err)
		}
	}
	reseal(t, s)
}

func reseal(t testing.TB, s *store.Store) {
	t.Helper()
	if _, err := s.SealPending(context.Background(), 1000, audit.Seal); err != nil {
		t.Fatal(err)
	}
}

// forget is what somebody does who can write every table: the log is unsealed, to be sealed anew as a log that fits itself.
var forget = []string{`UPDATE audit_entries SET idx = NULL`, `DELETE FROM audit_hashes`, `DELETE FROM audit_head`}

// Each way to tamper shows in the database or, where the attacker rewrote all of the database that belongs to the log, against the
// checkpoint that lies outside; and each shows in an export made of the tampered database.
func TestTamperingShowsAgainstTheCheckpoint(t *testing.T) {
	t.Parallel()
	drop := []string{`DELETE FROM audit_checkpoints`}
	for name, c := range map[string]struct {
		statements []string
		reseal     bool // the log is made to fit itself again
		outside    bool // the database alone fits itself: it takes what lies outside
	}{
		"edited detail":          {statements: []string{`UPDATE audit_entries SET detail = '{"n":99}' WHERE idx = 3`}},
		"edited time":            {statements: []string{`UPDATE audit_entries SET at = (SELECT at FROM audit_entries WHERE idx = 5) WHERE idx = 3`}},
		"removed":                {statements: []string{`DELETE FROM audit_entries WHERE idx = 3`}},
		"reordered":              {statements: []string{`UPDATE audit_entries SET idx = 100 WHERE idx = 3`, `UPDATE audit_entries SET idx = 3 WHERE idx = 4`, `UPDATE audit_entries SET idx = 4 WHERE idx = 100`}},
		"tail removed":           {statements: append([]string{`DELETE FROM audit_entries WHERE idx >= 7`}, forget...), reseal: true},
		"edited and resealed":    {statements: append([]string{`UPDATE audit_entries SET actor = 'x' WHERE idx = 3`}, forget...), reseal: true},
		"inserted and resealed":  {statements: append([]string{`INSERT INTO audit_entries (id, at, actor_kind, actor, action, object, outcome, detail, request_id) SELECT 0, at, actor_kind, actor, action, object, outcome, detail, request_id FROM audit_entries WHERE idx = 3`}, forget...), reseal: true},
		"stored hash changed":    {statements: []string{`UPDATE audit_hashes SET hash = (SELECT hash FROM audit_hashes WHERE idx = 0) WHERE idx = 5`}},
		"checkpoint edited":      {statements: []string{`UPDATE audit_checkpoints SET note = replace(note, '/audit', '/other')`}},
		"checkpoint of others":   {statements: []string{`UPDATE audit_checkpoints SET size = 9`}},
		"all of it rolled back":  {statements: slices.Concat(drop, []string{`DELETE FROM audit_entries WHERE idx >= 7`}, forget), reseal: true, outside: true},
		"all of it rewritten":    {statements: slices.Concat(drop, []string{`UPDATE audit_entries SET actor = 'x' WHERE idx = 3`}, forget), reseal: true, outside: true},
		"one row less, all over": {statements: slices.Concat(drop, []string{`DELETE FROM audit_entries WHERE idx = 3`}, forget), reseal: true, outside: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				_, vkey, c2 := signedLog(t, s, 10)
				if err := verifySigned(t, s, vkey); err != nil {
					t.Fatalf("before: %v", err)
				}
				if err := verifyExport(t, s, c2); err != nil {
					t.Fatalf("the export before: %v", err)
				}
				for _, statement := range c.statements {
					if err := s.Exec(t.Context(), statement); err != nil {
						t.Fatal(err)
					}
				}
				if c.reseal {
					reseal(t, s)
				}
				var found *audit.Tampered
				if err := verifySigned(t, s, vkey); c.outside != (err == nil) {
					t.Errorf("the database alone: %v", err)
				}
				if err := verifySigned(t, s, vkey, c2.Head); !errors.As(err, &found) {
					t.Errorf("against the checkpoint outside: %v", err)
				}
				inLog := !strings.HasPrefix(name, "checkpoint") && !strings.HasPrefix(name, "stored hash")
				if err := verifyExport(t, s, c2); inLog != errors.As(err, &found) || !inLog && err != nil {
					t.Errorf("the export: %v", err)
				}
			})
		})
	}
}

// verifySigned does what audit verify does.
func verifySigned(t testing.TB, s *store.Store, vkey string, outside ...audit.Head) error {
	t.Helper()
	kept, err := s.Checkpoints(context.Background(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kept {
		if err := k.Check(vkey); err != nil {
			return err
		}
		outside = append(outside, k.Head)
	}
	return verify(t, s, outside...)
}

func verifyExport(t testing.TB, s *store.Store, c audit.Checkpoint) error {
	t.Helper()
	head, err := s.AuditHead(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := audit.WriteNDJSON(&b, s.AuditExport(context.Background(), audit.Query{}, head.Size)); err != nil {
		t.Fatal(err)
	}
	_, err = audit.Export{Lines: &b, Checkpoints: []audit.Checkpoint{c}}.Verify()
	return err
}

// A key that an attacker plants, with checkpoints under it, is refused by whoever has the true verifier key, and by the keeper.
func TestPlantedAuditKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		keys, vkey, _ := signedLog(t, s, 10)
		for _, statement := range slices.Concat([]string{`DELETE FROM audit_checkpoints`, `DELETE FROM audit_keys`, `UPDATE audit_entries SET actor = 'x' WHERE idx = 3`}, forget) {
			if err := s.Exec(ctx, statement); err != nil {
				t.Fatal(err)
			}
		}
		theirs, planted, _ := signedLog(t, s, 11) // under a master key of their own
		recordSealed(t, s, 1)
		if err := verifySigned(t, s, planted); err != nil {
			t.Fatalf("the attacker's own log: %v", err)
		}
		var found *audit.Tampered
		if err := verifySigned(t, s, vkey); !errors.As(err, &found) {
			t.Errorf("with the key from outside: %v", err)
		}
		if _, _, err := audit.NewKeeper(s, keys).Make(ctx); err == nil {
			t.Error("signed on with another's log")
		}
		if _, _, err := audit.NewKeeper(s, theirs).Make(ctx); err != nil {
			t.Error(err)
		}
	})
}

// Of several who sign, retry and hand over at once, checkpoints come out in one order, each once, and one key signs.
func TestManyKeepers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, master := t.Context(), secret.NewMaster()
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				keys := audit.NewKeys(s, master)
				if _, err := keys.Ensure(ctx, auditOrigin, tester); err != nil {
					t.Error(err)
				}
				keeper := audit.NewKeeper(s, keys)
				for range 5 {
					if err := s.Record(ctx, audit.New(tester, audit.LockdownOn, "lockdown", nil)); err != nil {
						t.Error(err)
					}
					if _, err := s.SealPending(ctx, 100, audit.Seal); err != nil {
						t.Error(err)
					}
					if _, _, err := keeper.Make(ctx); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		if n := count(t, s, `SELECT count(*) FROM audit_keys`); n != 1 {
			t.Errorf("%d keys", n)
		}
		vkeys, err := audit.NewKeys(s, master).Verifiers(ctx)
		if err != nil || verifySigned(t, s, vkeys[0]) != nil {
			t.Errorf("%v, %v", err, verifySigned(t, s, vkeys[0]))
		}
		kept, err := s.Checkpoints(ctx, 0, 0)
		if err != nil || len(kept) == 0 {
			t.Fatal(err)
		}
		for i, k := range kept[1:] {
			if later := kept[i]; k.N != later.N-1 || k.Head.Size >= later.Head.Size {
				t.Errorf("checkpoint %d over %d after %d over %d", later.N, later.Head.Size, k.N, k.Head.Size)
			}
		}
		if acted, err := s.AuditActed(ctx, 0, 1<<40, []audit.Action{audit.LockdownOn}); err != nil || !acted {
			t.Errorf("acted %t, %v", acted, err)
		}
		if acted, err := s.AuditActed(ctx, kept[0].Head.Size, 1<<40, []audit.Action{audit.LockdownOn}); err != nil || acted {
			t.Errorf("acted after the last: %t, %v", acted, err)
		}
	})
}

// A checkpoint goes to one sender at a time; a failure waits, a success lets the place rest until there is a newer one.
func TestOutsideClaims(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		claim := func(want bool) (n int64) {
			t.Helper()
			var wait sync.WaitGroup
			won := make(chan int64, 4)
			for range 4 {
				wait.Go(func() {
					c, ok, err := s.ClaimCheckpoint(ctx, "mail", time.Minute)
					if err != nil {
						t.Error(err)
					}
					if ok {
						won <- c.Checkpoint.N
					}
				})
			}
			wait.Wait()
			if close(won); len(won) > 1 || want != (len(won) == 1) {
				t.Errorf("%d of 4 may send, want one: %t", len(won), want)
			}
			return <-won
		}
		claim(false) // there is none
		keys, _, first := signedLog(t, s, 3)
		if n := claim(true); n != first.N {
			t.Errorf("claimed %d", n)
		}
		claim(false) // leased
		if err := s.CheckpointFailed(ctx, "mail", "no answer", time.Hour); err != nil {
			t.Fatal(err)
		}
		claim(false) // waits
		if err := s.CheckpointFailed(ctx, "mail", "no answer again", -time.Second); err != nil {
			t.Fatal(err)
		}
		claim(true)
		states, err := s.Outside(ctx)
		if err != nil || len(states) != 1 || states[0].Tries != 2 || states[0].Fault != "no answer again" || states[0].SentAt != nil {
			t.Errorf("%+v, %v", states, err)
		}
		if err := s.CheckpointSent(ctx, "mail", first); err != nil {
			t.Fatal(err)
		}
		claim(false) // has it
		recordSealed(t, s, 1)
		if _, _, err := audit.NewKeeper(s, keys).Make(ctx); err != nil {
			t.Fatal(err)
		}
		if n := claim(true); n != first.N+1 {
			t.Errorf("claimed %d", n)
		}
		states, err = s.Outside(ctx)
		if err != nil || states[0].N != first.N || states[0].Size != 3 || states[0].Tries != 0 || states[0].Fault != "" || states[0].SentAt == nil {
			t.Errorf("%+v, %v", states, err)
		}
	})
}

// A search pages through the log newest first without missing or repeating, and filters by each field.
func TestAuditSearch(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ann, site := audit.Actor{Kind: audit.KindOperator, Name: "ann"}, audit.Actor{Kind: audit.KindClient, Name: "ann"}
		acts := []audit.Entry{
			audit.New(ann, audit.CampaignCreate, "campaign:1", nil), audit.New(ann, audit.CampaignActivate, "campaign:1", nil),
			audit.New(ann, audit.CampaignActivate, "campaign:10", nil).Refuse("no"), audit.New(site, audit.AccountPut, "account:Ü-1", nil),
			audit.New(tester, audit.AccountPut, "account:ü-1", nil), audit.New(tester, audit.LockdownOn, "lockdown", nil),
		}
		if err := s.Record(ctx, acts...); err != nil { // all of one instant: the id decides
			t.Fatal(err)
		}
		reseal(t, s)
		later := audit.New(tester, audit.LockdownOff, "lockdown", nil)
		if err := s.Record(ctx, later); err != nil { // waits to be sealed
			t.Fatal(err)
		}
		all := func(q audit.Query) (got []string) {
			t.Helper()
			for {
				page, next, err := s.AuditSearch(ctx, q)
				if err != nil || len(page) > q.Limit || next != 0 && len(page) < q.Limit {
					t.Fatalf("%d entries, next %d, %v", len(page), next, err)
				}
				for _, e := range page {
					got = append(got, string(e.Action)+" "+e.Object)
				}
				if q.Before = next; next == 0 {
					return got
				}
			}
		}
		is := func(what string, q audit.Query, want ...string) {
			t.Helper()
			for _, q.Limit = range []int{1, 2, 7, 50} {
				if diff := cmp.Diff(want, all(q)); diff != "" {
					t.Errorf("%s, pages of %d (-want +got):\n%s", what, q.Limit, diff)
				}
			}
			if !q.IsAll() {
				var exported []string
				for e, err := range s.AuditExport(ctx, q, 6) {
					if err != nil {
						t.Fatal(err)
					}
					exported = append(exported, string(e.Action)+" "+e.Object)
				}
				slices.Reverse(exported)
				if diff := cmp.Diff(want, exported); diff != "" {
					t.Errorf("%s, exported (-want +got):\n%s", what, diff)
				}
			}
		}
		const create, active, active10 = "campaign.create campaign:1", "campaign.activate campaign:1", "campaign.activate campaign:10"
		const upper, lower, on, off = "account.put account:Ü-1", "account.put account:ü-1", "lockdown.on lockdown", "lockdown.off lockdown"
		is("all", audit.Query{}, off, on, lower, upper, active10, active, create)
		is("by action", audit.Query{Action: "campaign.activate"}, active10, active)
		is("by noun", audit.Query{Action: "campaign"}, active10, active, create)
		is("by half a noun", audit.Query{Action: "camp"})
		is("by object", audit.Query{Object: "campaign:1"}, active, create)
		is("by object's beginning", audit.Query{Object: "campaign:1*"}, active10, active, create)
		is("by letters beyond ASCII", audit.Query{Object: "account:ü*"}, lower)
		is("by actor", audit.Query{Actor: "operator:ann"}, active10, active, create)
		is("by kind", audit.Query{Actor: "client"}, upper)
		is("by name", audit.Query{Actor: "ann"}, upper, active10, active, create)
		is("by outcome", audit.Query{Outcome: audit.Refused}, active10)
		is("by both", audit.Query{Outcome: audit.Done, Action: "campaign", Actor: "ann"}, active, create)
		is("since", audit.Query{Since: time.Now().Add(time.Hour)})
		is("until", audit.Query{Until: time.Now().Add(-time.Hour)})
		is("between", audit.Query{Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour), Action: "lockdown"}, off, on)
		if _, _, err := s.AuditSearch(ctx, audit.Query{Before: 1 << 40}); !problem.Is(err, problem.NotFound) {
			t.Errorf("before no entry: %v", err)
		}
	})
}
