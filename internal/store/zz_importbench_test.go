package store_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

func hwm() string {
	b, _ := os.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(l, "VmHWM") {
			return l
		}
	}
	return ""
}

func TestZZBench(t *testing.T) {
	path := os.Getenv("ZZFILE")
	if path == "" {
		return
	}
	ctx := context.Background()
	run := func(s *store.Store, what string) {
		f, err := os.Open(path)
		must(t, err)
		defer f.Close()
		begin := time.Now()
		last := begin
		r, err := account.Import(ctx, s, f, account.ImportOptions{Actor: tester, RejectsPath: t.TempDir() + "/r.csv", Progress: func(p account.Progress) {
			if p.Merged > 0 && time.Since(last) > 0 {
				fmt.Printf("   merged %d at %v\n", p.Merged, time.Since(begin))
			} else if p.Read%200000 == 0 {
				fmt.Printf("   read %d at %v\n", p.Read, time.Since(begin))
			}
		}})
		must(t, err)
		fmt.Println(what, time.Since(begin), counts(r), hwm())
	}
	if os.Getenv("ZZLITE") != "" {
		s := storetest.SQLite(t, store.Options{})
		run(s, "sqlite first")
		run(s, "sqlite again")
		return
	}
	url := storetest.PostgresURL(t)
	if floor := os.Getenv("ZZFLOOR"); floor != "" {
		begin := time.Now()
		out, err := exec.Command("psql", url, "-c", `\copy accounts (subject,email,email_key,locale,created_at,password_hash,password_scheme,password_set_at) from '`+floor+`' csv header`).CombinedOutput()
		fmt.Println("floor", time.Since(begin), string(out), err)
		out, err = exec.Command("psql", url, "-c", `truncate accounts`).CombinedOutput()
		fmt.Println(string(out), err)
	}
	s, err := store.Open(ctx, store.Options{URL: url})
	must(t, err)
	run(s, "postgres first")
	run(s, "postgres again")
}
