package audit_test

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/seed-1c168855/rekey/internal/audit"
)

var leaves = flag.Int("leaves", 1<<17, "entries of the log in BenchmarkProofs")

// forest is the stored hashes of a log that was never written: 64 bytes an entry. It counts what is read.
type forest struct {
	hashes []tlog.Hash
	read   int
}

func (f *forest) ReadHashes(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, p := range at {
		out[i] = f.hashes[p]
	}
	f.read += len(at)
	return out, nil
}

// plant seals n entries that differ in their leaf alone, the i-th of which is the entry given.
func plant(b *testing.B, n, at int, e audit.Entry) (*forest, audit.Head) {
	b.Helper()
	f := &forest{hashes: make([]tlog.Hash, 0, tlog.StoredHashCount(int64(n)))}
	var leaf [8]byte
	for i := range n {
		var h tlog.Hash
		if i == at {
			h = tlog.RecordHash(e.Record())
		} else {
			for j := range leaf {
				leaf[j] = byte(i >> (8 * j))
			}
			h = tlog.RecordHash(leaf[:])
		}
		more, err := tlog.StoredHashesForRecordHash(int64(i), h, f)
		if err != nil {
			b.Fatal(err)
		}
		f.hashes = append(f.hashes, more...)
	}
	head, err := audit.RootAt(f, int64(n))
	if err != nil {
		b.Fatal(err)
	}
	return f, head
}

// BenchmarkProofs measures making and checking proofs, and their size, with a signature in each. The whole, in 1.3 GB and some 15 s:
//
//	go test ./internal/audit -run '^$' -bench Proofs -args -leaves 10000000
func BenchmarkProofs(b *testing.B) {
	n := *leaves
	at := rand.IntN(n)
	e := audit.New(ann, audit.CampaignActivate, "campaign:7", audit.Detail{"expect": 1290775})
	e.At, e.Index = time.Unix(1_300_000_000, 0), new(int64)
	*e.Index = int64(at)
	began := time.Now()
	f, head := plant(b, n, at, e)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.Logf("%d entries: %d stored hashes in %v, %d MiB in use", n, len(f.hashes), time.Since(began).Round(time.Millisecond), m.HeapInuse>>20)
	signer, vkey := newKey(b, origin)
	c := signed(b, head, signer)
	oldHead, err := audit.RootAt(f, int64(n)*2/3)
	if err != nil {
		b.Fatal(err)
	}
	old := signed(b, oldHead, signer)
	inclusion, err := audit.ProveInclusion(f, e, c)
	if err != nil {
		b.Fatal(err)
	}
	consistency, err := audit.ProveConsistency(f, old, c)
	if err != nil {
		b.Fatal(err)
	}
	measure := func(name string, proof any, hashes int, act func() error) {
		b.Run(name, func(b *testing.B) {
			f.read = 0
			for b.Loop() {
				if err := act(); err != nil {
					b.Fatal(err)
				}
			}
			text, err := json.Marshal(proof)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(hashes), "hashes")
			b.ReportMetric(float64(len(text)), "bytes")
			b.ReportMetric(float64(f.read)/float64(b.N), "reads/op")
		})
	}
	measure("inclusion/make", inclusion, len(inclusion.Proof), func() error { _, err := audit.ProveInclusion(f, e, c); return err })
	measure("inclusion/check", inclusion, len(inclusion.Proof), func() error { _, err := inclusion.Verify(vkey); return err })
	measure("consistency/make", consistency, len(consistency.Proof), func() error { _, err := audit.ProveConsistency(f, old, c); return err })
	measure("consistency/check", consistency, len(consistency.Proof), func() error { _, err := consistency.Verify(vkey); return err })
	measure("root", head.String(), 0, func() error { _, err := audit.RootAt(f, int64(n)); return err })
}
