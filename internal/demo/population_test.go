package demo

import (
	"bytes"
	"encoding/csv"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/password"
)

func records(t *testing.T, write func(io.Writer) error) [][]string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// The file holds the accounts that Account tells, and every stored hash is of the password its member types.
func TestFileIsThePopulation(t *testing.T) {
	t.Parallel()
	p := Population{N: 9000, Seed: 2011} // more than one chunk a processor
	rows := records(t, p.WriteCSV)
	if len(rows) != p.N {
		t.Fatalf("%d rows", len(rows))
	}
	verifies := verifier(t)
	seen := map[Scheme]int{}
	for i, row := range rows {
		a := p.Account(i)
		set := ""
		if a.Scheme != None {
			set = a.SetAt.Format(time.RFC3339)
		}
		if diff := cmp.Diff([]string{a.Subject, a.Email, a.Hash, set, a.Locale, a.CreatedAt.Format(time.RFC3339)}, row); diff != "" {
			t.Fatal(diff)
		}
		if _, err := account.EmailKey(a.Email); err != nil {
			t.Fatalf("%s: %v", a.Email, err)
		}
		if a.CreatedAt.Before(time.Unix(oldest, 0)) || a.SetAt.After(time.Unix(breach, 0)) || a.Scheme != None && a.SetAt.Before(a.CreatedAt) {
			t.Fatalf("%s: %s, %s", a.Subject, a.CreatedAt, a.SetAt)
		}
		if seen[a.Scheme]++; a.Scheme != None && seen[a.Scheme] <= 3 && !verifies(a.Hash, a.Password) {
			t.Errorf("%s: %s is not %s", a.Subject, a.Hash, a.Password)
		}
	}
	for scheme, share := range map[Scheme]float64{MD5: .55, SHA1: .25, Phpass: .15, Bcrypt: .03, None: .02} {
		if got := float64(seen[scheme]) / float64(p.N); got < share*.8 || got > share*1.2 || seen[scheme] != p.Count(scheme) {
			t.Errorf("scheme %d: %.3f of all, want %.3f; counted %d, seen %d", scheme, got, share, p.Count(scheme), seen[scheme])
		}
	}
}

func verifier(t *testing.T) func(hash, typed string) bool {
	t.Helper()
	h, err := password.NewHasher(password.Params{Scheme: password.Argon2id, Memory: 19456, Time: 2, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return func(hash, typed string) bool {
		ok, err := h.VerifyFull(hash, typed)
		return ok && err == nil
	}
}

func TestLeakHasTheNoiseItSays(t *testing.T) {
	t.Parallel()
	p := Population{N: 20_000, Seed: 7}
	known, folded := map[string]int{}, 0
	for i := range p.N {
		known[p.Account(i).Email] = 0
	}
	leak, got := p.Leak(), Leak{}
	moved := 0
	for i, row := range records(t, p.WriteLeak) {
		low := strings.ToLower(row[0])
		n, ok := known[low]
		switch {
		case !ok && strings.Contains(row[0], " "):
			got.Invalid++
		case !ok:
			got.Strangers++
		case n == 0:
			got.Known++
		default:
			got.Twice++
		}
		if ok {
			known[low]++
		}
		if low != row[0] {
			folded++
		}
		if i < p.N && p.Account(i).Email != low {
			moved++
		}
	}
	if diff := cmp.Diff(leak, got); diff != "" {
		t.Error(diff)
	}
	if folded < p.N/400 || folded > p.N/100 {
		t.Errorf("%d lines in capitals", folded)
	}
	if moved < p.N*9/10 {
		t.Errorf("only %d lines are out of order", moved)
	}
}

func TestSeedsDiffer(t *testing.T) {
	t.Parallel()
	one, two := Population{N: 100, Seed: 1}, Population{N: 100, Seed: 2}
	if a, b := one.Account(5), (Population{N: 100000, Seed: 1}).Account(5); a != b {
		t.Error("the account depends on how many there are")
	}
	same := 0
	for i := range one.N {
		if one.Account(i).Email == two.Account(i).Email {
			same++
		}
	}
	if same > 10 {
		t.Errorf("%d addresses are the same under another seed", same)
	}
}

func BenchmarkWriteCSV(b *testing.B) {
	p := Population{N: b.N, Seed: 2011}
	if err := p.WriteCSV(io.Discard); err != nil {
		b.Fatal(err)
	}
}
