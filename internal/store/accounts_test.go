package store_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

var client = audit.Actor{Kind: audit.KindClient, Name: "game"}

// put takes in an account from "email,hash,year": "" clears, "-" leaves alone.
func put(t *testing.T, d *account.Directory, subject, row string) account.Change {
	t.Helper()
	f := strings.Split(row, ",")
	given := func(s string) *string {
		if s == "-" {
			return nil
		}
		return &s
	}
	r := account.PutRequest{Subject: subject, Email: given(f[0]), PasswordHash: given(f[1])}
	if f[2] != "-" {
		set, err := time.Parse("2006", f[2])
		must(t, err)
		r.PasswordSetAt = &set
	}
	c, err := d.Put(t.Context(), r, client)
	must(t, err)
	return c
}

func TestDirectoryPut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := account.NewDirectory(s)
		for _, tt := range []struct {
			row, outcome string
			kept         bool
			warnings     int
			want         string
		}{
			{"a@example.com," + hashA + ",2010", account.Inserted, false, 0, "a@example.com|a@example.com|-|" + hashA + "|2010|api|1"},
			{"a@example.com," + hashA + ",2010", account.Unchanged, false, 0, "a@example.com|a@example.com|-|" + hashA + "|2010|api|1"},
			{"b@example.com,-,-", account.Updated, false, 0, "b@example.com|b@example.com|-|" + hashA + "|2010|api|2"},
			{"no address,-,-", account.Unchanged, false, 1, "b@example.com|b@example.com|-|" + hashA + "|2010|api|2"},
			{"-," + hashB + ",2009", account.Unchanged, true, 0, "b@example.com|b@example.com|-|" + hashA + "|2010|api|2"},
			{"-,,2011", account.Unchanged, true, 0, "b@example.com|b@example.com|-|" + hashA + "|2010|api|2"},
			{",-,-", account.Updated, false, 0, "-|-|-|" + hashA + "|2010|api|3"},
			{"-," + hashB + ",2011", account.Updated, false, 0, "-|-|-|" + hashB + "|2011|api|4"},
			{"-,$9$x$y,2012", account.Updated, false, 1, "-|-|-|$9$x$y|2012|api|5"},
		} {
			c := put(t, d, "a", tt.row)
			if c.Outcome != tt.outcome || c.Kept != tt.kept || len(c.Warnings) != tt.warnings {
				t.Errorf("%s: %+v; want %s, kept %v, %d warnings", tt.row, c, tt.outcome, tt.kept, tt.warnings)
			}
			if got := stored(t, s, "a"); got != tt.want || !strings.HasSuffix(got, fmt.Sprint("|", c.Version)) {
				t.Errorf("%s: stored %s (answered version %d), want %s", tt.row, got, c.Version, tt.want)
			}
		}
		for _, subject := range []string{"", " ", "a\nb", "\xff", strings.Repeat("é", 256)} {
			if _, err := d.Put(t.Context(), account.PutRequest{Subject: subject}, client); !problem.Is(err, problem.Invalid) {
				t.Errorf("subject %q: %v", subject, err)
			}
		}
		put(t, d, strings.Repeat("é", 255), "-,-,-")
		n, err := s.Count(t.Context(), `SELECT count(*) FROM audit_entries WHERE action = ? AND actor = 'game'`, string(audit.AccountPut))
		must(t, err)
		if n != 10 {
			t.Errorf("%d audit entries for 10 acts", n)
		}
	})
}

// A password that the member sets at the login service wins over one set here if it is later; one from a file never does.
func TestDirectorySetPassword(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := account.NewDirectory(s)
		set := func(subject, hash string, at time.Time, revive bool) account.Change {
			t.Helper()
			c, err := d.SetPasswordHash(t.Context(), account.PasswordRequest{Subject: subject, Hash: hash, SetAt: at, AllowRevive: revive}, client)
			must(t, err)
			return c
		}
		put(t, d, "a", "a@example.com,"+hashA+",2010")
		must(t, s.Exec(t.Context(), `UPDATE accounts SET password_source = 'rekey'`))
		if c := put(t, d, "a", "-,"+hashB+",2011"); c.Outcome != account.Unchanged || !c.Kept {
			t.Errorf("PUT of an account over a password set here: %+v", c)
		}
		if c := set("a", hashB, day(1, 1).AddDate(-2, 0, 0), false); !c.Kept {
			t.Errorf("an earlier password: %+v", c)
		}
		if c := set("a", hashB, day(1, 1), false); c.Outcome != account.Updated || c.Version != 2 {
			t.Errorf("a later password: %+v", c)
		}
		if got, want := stored(t, s, "a"), "a@example.com|a@example.com|-|"+hashB+"|2011|api|2"; got != want {
			t.Errorf("stored %s, want %s", got, want)
		}
		if c := set("new", hashA, time.Time{}, false); c.Outcome != account.Inserted {
			t.Errorf("an unknown subject: %+v", c)
		}

		everyoneKilled(t, s)
		if c := set("a", hashA, time.Time{}, false); c.Outcome != account.Refused || c.Version != 2 {
			t.Errorf("a dead password: %+v", c)
		}
		p, err := d.Get(t.Context(), "a")
		must(t, err)
		if p.State != account.StateDead || p.Incident != "breach" || !strings.Contains(p.Explain(), "campaign") {
			t.Errorf("after the refusal: %+v", p)
		}
		n, err := s.Count(t.Context(), `SELECT count(*) FROM audit_entries WHERE action = ? AND outcome = 'refused'`, string(audit.AccountPasswordSet))
		must(t, err)
		if n != 1 {
			t.Errorf("%d refused acts in the audit log", n)
		}
		if c := set("a", hashA, time.Time{}, true); c.Outcome != account.Updated || !c.Revived {
			t.Errorf("a dead password, allowed: %+v", c)
		}
		if p, _ := d.Get(t.Context(), "a"); p.State != account.StateLive {
			t.Errorf("afterwards the password is %s", p.State)
		}
		if _, err := d.SetPasswordHash(t.Context(), account.PasswordRequest{Subject: "a", Hash: hashA, SetAt: time.Now().Add(time.Hour)}, client); !problem.Is(err, problem.Invalid) {
			t.Errorf("a time in the future: %v", err)
		}
		if _, err := d.SetPasswordHash(t.Context(), account.PasswordRequest{Subject: "a"}, client); !problem.Is(err, problem.Invalid) {
			t.Errorf("no hash: %v", err)
		}
	})
}

// "Now" is later than every activation, even when the clock has stepped back behind one.
func TestDirectorySetPasswordAfterClockStepsBack(t *testing.T) {
	t.Parallel()
	o := store.Options{Clock: func(now time.Time) time.Time { return now.Add(-time.Hour) }}
	storetest.EachWith(t, o, func(t *testing.T, s *store.Store) {
		d := account.NewDirectory(s)
		put(t, d, "a", "a@example.com,"+hashA+",2010")
		everyoneKilled(t, s)
		later := time.Now()
		must(t, s.Exec(t.Context(), `UPDATE campaigns SET activated_at = ?, cutoff = ?`, later, later))
		c, err := d.SetPasswordHash(t.Context(), account.PasswordRequest{Subject: "a", Hash: hashB, AllowRevive: true}, client)
		must(t, err)
		if p, _ := d.Get(t.Context(), "a"); p.State != account.StateLive || !c.Revived {
			t.Errorf("set after the activation, and the password is %s (%+v)", p.State, c)
		}
	})
}

func TestDirectoryDelete(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := account.NewDirectory(s)
		put(t, d, "a", "a@example.com,"+hashA+",2010")
		must(t, s.Exec(t.Context(), `UPDATE accounts SET disabled_at = created_at`))
		for _, want := range []account.Change{{Outcome: account.Deleted, Version: 2}, {Outcome: account.Unchanged, Version: 2}} {
			got, err := d.Delete(t.Context(), "a", client)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("deleting (-want +got):\n%s", diff)
			}
		}
		if got, want := stored(t, s, "a"), "-|-|-|-|2010|api|2|deleted"; got != want {
			t.Errorf("stored %s, want %s", got, want)
		}
		p, err := d.Show(t.Context(), "a", tester)
		must(t, err)
		if p.State != account.StateDeleted || p.NotBefore == nil || p.DisabledAt != nil {
			t.Errorf("deleted: %+v; its sessions must be dead", p)
		}
		for _, subject := range []string{"nobody", "", "\x00"} {
			c, err := d.Delete(t.Context(), subject, client)
			must(t, err)
			p, err := d.Get(t.Context(), subject)
			must(t, err)
			if c.Outcome != account.Unknown || p.State != account.StateUnknown {
				t.Errorf("subject %q: %+v, %+v", subject, c, p)
			}
		}
		n, err := s.Count(t.Context(), `SELECT count(*) FROM audit_entries WHERE action IN ('account.delete', 'account.show')`)
		must(t, err)
		if n != 2 {
			t.Errorf("%d audit entries for one deletion and one look", n)
		}
	})
}

func TestExportPasswords(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := account.NewDirectory(s)
		for i, subject := range []string{"=cmd", "b", "c", "imported"} {
			put(t, d, subject, "-,"+hashA+","+fmt.Sprint(2008+i))
		}
		must(t, s.Exec(t.Context(), `UPDATE accounts SET password_source = 'rekey' WHERE subject <> 'imported'`))
		export := func(since time.Time, format string) (string, account.ExportReport) {
			t.Helper()
			var b bytes.Buffer
			r, err := d.Export(t.Context(), account.ExportRequest{Since: since, Format: format}, &b, tester)
			must(t, err)
			return strings.ReplaceAll(b.String(), "\r\n", "\n"), r
		}
		got, report := export(time.Time{}, account.FormatCSV)
		want := `"subject","password_hash","password_set_at","credential_version"
"'=cmd","` + hashA + `","2008-01-01T00:00:00Z","1"
"b","` + hashA + `","2009-01-01T00:00:00Z","1"
"c","` + hashA + `","2010-01-01T00:00:00Z","1"
`
		if diff := cmp.Diff(want, got); diff != "" || report.Rows != 3 {
			t.Errorf("CSV, %d rows (-want +got):\n%s", report.Rows, diff)
		}
		got, _ = export(time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC), account.FormatNDJSON)
		want = `{"subject":"b","password_hash":"` + hashA + `","password_set_at":"2009-01-01T00:00:00Z","credential_version":1}
{"subject":"c","password_hash":"` + hashA + `","password_set_at":"2010-01-01T00:00:00Z","credential_version":1}
`
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("NDJSON (-want +got):\n%s", diff)
		}
		if got, _ = export(report.Until, account.FormatNDJSON); got != "" {
			t.Errorf("nothing was set since, and came %s", got)
		}
		if _, err := d.Export(t.Context(), account.ExportRequest{Format: "xml"}, &bytes.Buffer{}, tester); !problem.Is(err, problem.Invalid) {
			t.Errorf("format xml: %v", err)
		}
		n, err := s.Count(t.Context(), `SELECT count(*) FROM audit_entries WHERE action = 'account.export'`)
		must(t, err)
		if n != 3 {
			t.Errorf("%d audit entries for 3 exports", n)
		}
	})
}

// A reset that is under way when an export begins is in it, or dated at or after its "until".
func TestExportMissesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := account.NewDirectory(s)
		put(t, d, "a", "-,"+hashA+",2010")
		id, err := s.Count(t.Context(), `SELECT id FROM accounts`)
		must(t, err)
		held, free := make(chan struct{}), make(chan struct{})
		s.SetHooks(false, func(alone bool) {
			if !alone {
				close(held)
				<-free
			}
		}, nil, nil)
		reset := make(chan error, 1)
		go func() { reset <- s.SetPassword(context.Background(), resetOf(id, 1, 0, hashB)) }()
		<-held
		exported := make(chan account.ExportReport, 1)
		var b bytes.Buffer
		go func() {
			r, err := d.Export(context.Background(), account.ExportRequest{Format: account.FormatNDJSON}, &b, tester)
			if err != nil {
				t.Error(err)
			}
			exported <- r
		}()
		select {
		case <-exported:
			t.Error("the export did not wait for the reset under way")
		case <-time.After(50 * time.Millisecond): // it can only be shown to wait by waiting
		}
		close(free)
		must(t, <-reset)
		if r := <-exported; r.Rows != 1 || !strings.Contains(b.String(), hashB) {
			t.Errorf("exported %d rows: %s", r.Rows, b.String())
		}
	})
}

// The same row does the same to an account whether it comes in a file or by itself: the rule is one statement, applying it is two.
func TestPutDoesWhatAnImportDoes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := account.NewDirectory(s)
		everyoneKilled(t, s)
		must(t, s.Exec(t.Context(), `UPDATE campaigns SET cutoff = ?`, day(6, 16)))
		const columns = "subject,email,password_hash,password_set_at,created_at\n"
		trial := 0
		rapid.Check(t, func(r *rapid.T) {
			trial++
			byFile, alone := fmt.Sprint("f", trial), fmt.Sprint("p", trial)
			dates := []string{"", "2009-01-01", "2010-01-01", "2011-01-01", "2012-01-01", "2013-01-01"}
			date := func(label string) string { return rapid.SampledFrom(dates).Draw(r, label) }
			seed := fmt.Sprintf(",old@example.com,%s,%s,2009-01-01\n", rapid.SampledFrom([]string{"", hashA}).Draw(r, "stored hash"), date("stored date"))
			importText(t, s, columns+byFile+seed+alone+seed, false)
			source := rapid.SampledFrom([]string{"import", "api", "rekey"}).Draw(r, "source")
			must(t, s.Exec(t.Context(), `UPDATE accounts SET password_source = ? WHERE subject IN (?, ?)`, source, byFile, alone))
			switch rapid.SampledFrom([]string{"", "deleted", "disabled"}).Draw(r, "state") {
			case "deleted":
				for _, subject := range []string{byFile, alone} {
					_, err := d.Delete(t.Context(), subject, tester)
					must(t, err)
				}
				must(t, s.Exec(t.Context(), `UPDATE accounts SET deleted_at = ? WHERE subject IN (?, ?)`, day(1, 1), byFile, alone))
			case "disabled":
				must(t, s.Exec(t.Context(), `UPDATE accounts SET disabled_at = created_at WHERE subject IN (?, ?)`, byFile, alone))
			}
			email := rapid.SampledFrom([]string{"", "old@example.com", "new@example.com", "no@@address"}).Draw(r, "email")
			hash := rapid.SampledFrom([]string{"", hashA, hashB}).Draw(r, "hash")
			set, created := date("date"), date("created")
			revive := rapid.Bool().Draw(r, "allow revive")

			report, _ := importText(t, s, columns+fmt.Sprintf("%s,%s,%s,%s,%s\n", byFile, email, hash, set, created), revive)
			at := func(date string) *time.Time {
				if date == "" {
					return nil
				}
				v, err := time.Parse(time.DateOnly, date)
				must(t, err)
				return &v
			}
			c, err := d.Put(t.Context(), account.PutRequest{Subject: alone, Email: &email, PasswordHash: &hash, PasswordSetAt: at(set), CreatedAt: at(created), AllowRevive: revive}, tester)
			must(t, err)
			fromFile := strings.Replace(stored(t, s, byFile), "|import|", "|api|", 1)
			fromPut := strings.Replace(stored(t, s, alone), "|import|", "|api|", 1)
			if diff := cmp.Diff(fromFile, fromPut); diff != "" {
				r.Fatalf("file and PUT differ (-file +put):\n%s", diff)
			}
			outcome := map[string]int64{account.Updated: report.Updated, account.Unchanged: report.Unchanged, account.Refused: report.Rejected}
			if outcome[c.Outcome] != 1 || (report.Kept == 1) != c.Kept || (report.Revived == 1) != c.Revived {
				r.Fatalf("the file's report is %+v, the answer %+v", report, c)
			}
		})
	})
}
