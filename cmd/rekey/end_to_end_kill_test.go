package main

import (
	"database/sql"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/demo"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// connections to the mail server, and how many mails one kill may repeat: those being handed over, and those handed over whose
// mark was not committed yet, 16 for each connection as the README says.
const (
	connections  = 8
	repeatedMost = 16 * connections
)

// Serving processes are killed in the middle of a mailing, and nobody is missed, nor written to twice beyond the mails in flight.
func TestKilledWhileMailing(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(*terminal) (driver, url, past string){
		"sqlite": func(r *terminal) (string, string, string) {
			return "sqlite", r.dataFile("rekey.db"), "1"
		},
		"postgres": func(r *terminal) (string, string, string) {
			url := storetest.PostgresURL(r.t)
			r.env["REKEY_DATABASE_URL"], r.env["REKEY_MASTER_KEY"] = url, masterKey()
			return "pgx", url, "'epoch'"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := atTerminal(t)
			driver, url, past := database(r)
			population := demo.Population{N: 2000, Seed: demoSeed}
			box := catching(r)
			r.mailing(population)
			for _, enough := range []int64{400, 1100} {
				r.killAfter(box, enough)
				leave(t, driver, url, "UPDATE campaign_members SET lease_until = "+past+" WHERE state = 'leased'") // as if its time were over
			}
			r.serve()
			sent := r.untilSent()
			if n := float64(population.N); sent["sent"] != n || sent["failed"] != 0.0 || sent["skipped"] != 0.0 {
				t.Errorf("delivery: %v", sent)
			}
			each := map[string]int{}
			for _, m := range box.Find("", population.N*2) {
				each[m.To]++
			}
			for i := range population.N {
				if a := population.Account(i); each[a.Email] == 0 {
					t.Errorf("%s was missed", a.Email)
				}
			}
			repeated := int(box.Total()) - population.N
			t.Logf("%d mails were repeated", repeated)
			if repeated > 2*repeatedMost {
				t.Errorf("%d mails were repeated by two kills; %d were in flight", repeated, 2*repeatedMost)
			}
		})
	}
}

// catching gives the installation a mail server.
func catching(r *terminal, pinned ...string) *demo.Mailbox {
	r.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	box := demo.NewMailbox(pinned...)
	done := make(chan error, 1)
	go func() { done <- box.ServeSMTP(r.t.Context(), listener, slog.New(slog.DiscardHandler)) }()
	r.t.Cleanup(func() {
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.env["REKEY_SMTP_URL"], r.env["REKEY_MAIL_CONNECTIONS"] = "smtp://"+listener.Addr().String(), strconv.Itoa(connections)
	return box
}

// mailing has a campaign for everyone active.
func (r *terminal) mailing(p demo.Population) {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), "accounts.csv")
	file, err := os.Create(path)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := p.WriteCSV(file); err != nil {
		r.t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.ok("accounts", "import", path)
	r.ok("campaign", "create", "--incident", "breach", "--scope", "everyone")
	r.ok("campaign", "prepare", "1")
	r.ok("campaign", "activate", "1", "--expect", strconv.Itoa(p.N-p.Count(demo.None)), "--yes")
}

// killAfter serves in a process of its own and kills it when so many mails came in all.
func (r *terminal) killAfter(box *demo.Mailbox, enough int64) {
	r.t.Helper()
	var env []string
	for name, value := range r.env {
		env = append(env, name+"="+value)
	}
	cmd := asRekey(r.t, env, "serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0")
	cmd.Stderr = io.Discard
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	again, late := time.NewTicker(time.Millisecond), time.After(2*time.Minute)
	defer again.Stop()
	for came := false; !came; {
		select {
		case <-again.C:
			came = box.Total() >= enough
		case <-late:
			r.t.Errorf("only %d mails came", box.Total())
			came = true
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		r.t.Error("the process was not killed")
	}
	if r.t.Failed() {
		r.t.FailNow()
	}
}

// untilSent waits for the end of the mailing and gives its counts.
func (r *terminal) untilSent() numbers {
	r.t.Helper()
	again, late := time.NewTicker(100*time.Millisecond), time.After(2*time.Minute)
	defer again.Stop()
	for {
		counts := r.object("campaign", "status", "1")["delivery"].(numbers)
		if counts["pending"] == 0.0 {
			return counts
		}
		select {
		case <-again.C:
		case <-late:
			r.t.Fatalf("still waiting: %v", counts)
		}
	}
}

// leave runs a statement on the database, beside rekey.
func leave(t *testing.T, driver, url, statement string) {
	t.Helper()
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
