package store_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// inChunks makes a store's imports commit after every few rows.
type inChunks struct {
	*store.Store
	rows int
}

func (c inChunks) ImportAccounts(ctx context.Context, job account.ImportJob) (account.Merged, error) {
	job.Chunk = c.rows
	return c.Store.ImportAccounts(ctx, job)
}

// importText imports a file in chunks of two rows, so that every test crosses some, and gives the report with its rejects as
// "line subject verdict field".
func importText(t *testing.T, s *store.Store, file string, revive bool) (account.Report, []string) {
	t.Helper()
	report, err := account.Import(t.Context(), inChunks{s, 2}, strings.NewReader(file), account.ImportOptions{
		Actor: tester, Source: "file.csv", AllowRevive: revive, RejectsPath: filepath.Join(t.TempDir(), "rejects.csv"),
	})
	if err != nil {
		t.Fatalf("importing: %v", err)
	}
	return report, rejects(t, report.RejectsFile)
}

func rejects(t *testing.T, path string) (out []string) {
	t.Helper()
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	must(t, err)
	for _, r := range rows[1:] {
		out = append(out, strings.TrimSpace(strings.Join(r[:4], " ")))
	}
	return out
}

// counts are the numbers of a report: rows, inserted, updated, unchanged, rejected, kept, warned, revived.
func counts(r account.Report) [8]int64 {
	return [8]int64{r.Rows, r.Inserted, r.Updated, r.Unchanged, r.Rejected, r.Kept, r.Warned, r.Revived}
}

func expect(t *testing.T, r account.Report, rows, inserted, updated, unchanged, rejected, kept, warned, revived int64) {
	t.Helper()
	if diff := cmp.Diff([8]int64{rows, inserted, updated, unchanged, rejected, kept, warned, revived}, counts(r)); diff != "" {
		t.Errorf("rows, inserted, updated, unchanged, rejected, kept, warned, revived (-want +got):\n%s", diff)
	}
}

// stored reads an account as one text: email|key|locale|hash|set_at in years|source|version|deleted.
func stored(t *testing.T, s *store.Store, subject string) string {
	t.Helper()
	var email, key, locale, hash, source *string
	var set, deleted store.Time
	var version int64
	err := s.ScanRaw(t.Context(), `SELECT email, email_key, locale, password_hash, password_set_at, password_source, credential_version, deleted_at
		FROM accounts WHERE subject = ?`, []any{subject}, &email, &key, &locale, &hash, &set, &source, &version, &deleted)
	must(t, err)
	text := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	year := "-"
	if !set.IsZero() {
		year = set.Format("2006")
	}
	state := ""
	if !deleted.IsZero() {
		state = "|deleted"
	}
	return strings.Join([]string{text(email), text(key), text(locale), text(hash), year, text(source), fmt.Sprint(version)}, "|") + state
}

const md5 = "md5$$5f4dcc3b5aa765d61d8327deb882cf99"

// tricky are accounts of accounts-tricky.csv as they must be stored.
var tricky = map[string]string{
	"t-001":                     "plain@example.com|plain@example.com|en-GB|" + md5 + "|2010|import|1",
	"t-003":                     `"quoted local"@example.com|"quoted local"@example.com|en-GB|` + md5 + "|2010|import|1",
	"t-004":                     "UPPER@Example.COM|upper@example.com|en-GB|" + md5 + "|2010|import|1",
	"t-006":                     "mike@example.org|mike@example.org|en-US|" + md5 + "|2010|import|1",
	"t-007":                     "mıke@example.org|mıke@example.org|tr|" + md5 + "|2010|import|1",
	"t-008":                     "δοκιμή@παράδειγμα.δοκιμή|δοκιμή@xn--hxajbheg2az3al.xn--jxalpdlp|el|" + md5 + "|2010|import|1",
	"t-010":                     "tag+breach@example.com|tag+breach@example.com|-|" + md5 + "|2010|import|1",
	"t-011":                     "-|-|en|" + md5 + "|2010|import|1",
	"t-012":                     "-|-|en|" + md5 + "|2010|import|1",
	"t-017":                     "no-date@example.com|no-date@example.com|en|" + md5 + "|-|import|1",
	"t-019":                     "future-date@example.com|future-date@example.com|en|" + md5 + "|-|import|1",
	"t-020":                     "no-password@example.com|no-password@example.com|en|-|-|import|1",
	"t-021":                     "unknown-scheme@example.com|unknown-scheme@example.com|en|$9$whatisthis$abcdef|2010|import|1",
	"t-025":                     "-|-|en|" + md5 + "|2010|import|1",
	"t-027":                     "bad-locale@example.com|bad-locale@example.com|-|" + md5 + "|2010|import|1",
	"t-031":                     "last-without-newline@example.com|last-without-newline@example.com|en|" + md5 + "|2010|import|1",
	`=HYPERLINK("http://evil")`: "formula-subject@example.com|formula-subject@example.com|en|" + md5 + "|2010|import|1",
}

func TestImportTricky(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../account/testdata/accounts-tricky.csv")
	must(t, err)
	want := []string{
		"3 t-002 rejected", "13 t-012 warned email", "14 t-013 warned email", "17  rejected subject",
		"19 t-018 warned password_set_at", "20 t-019 warned password_set_at", "22 t-021 warned password_hash",
		"23 t-022 warned password_hash", "24 t-023 warned password_hash", "26 t-025 warned email",
		`27 '=HYPERLINK("http://evil") warned subject`, "28 t-027 warned locale", "29 t-028 rejected", "30 t-029 rejected",
		"32 t-030 warned email", "16 t-001 rejected subject", "6 t-005 warned email",
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		report, got := importText(t, s, string(file), false)
		expect(t, report, 31, 26, 0, 0, 5, 0, 12, 0)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rejects file (-want +got):\n%s", diff)
		}
		info, err := os.Stat(report.RejectsFile)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("rejects file has mode %v", info.Mode())
		}
		for subject, want := range tricky {
			if got := stored(t, s, subject); got != want {
				t.Errorf("%s is %s, want %s", subject, got, want)
			}
		}
		if diff := cmp.Diff(map[string]int64{"django-md5": 22, "unknown": 1, "argon2id:refused": 1, "bcrypt:refused": 1, "bcrypt:5": 1}, report.Schemes); diff != "" {
			t.Errorf("schemes (-want +got):\n%s", diff)
		}

		again, gotAgain := importText(t, s, string(file), false)
		expect(t, again, 31, 0, 0, 26, 5, 0, 12, 0)
		if diff := cmp.Diff(want, gotAgain); diff != "" {
			t.Errorf("rejects file of the second import (-want +got):\n%s", diff)
		}
		var started, finished int64
		must(t, s.ScanRaw(t.Context(), `SELECT count(*) FROM audit_entries WHERE action = ? AND detail LIKE '%"state":"started"%'`, []any{string(audit.AccountImport)}, &started))
		must(t, s.ScanRaw(t.Context(), `SELECT count(*) FROM audit_entries WHERE action = ? AND detail LIKE '%"unchanged":26%'`, []any{string(audit.AccountImport)}, &finished))
		if started != 2 || finished != 1 {
			t.Errorf("audit log: %d imports started, %d ended so; want 2 and 1", started, finished)
		}
		labels, err := s.Schemes(t.Context())
		must(t, err)
		if diff := cmp.Diff([]string{"argon2id:refused", "bcrypt:5", "bcrypt:refused", "django-md5", "unknown"}, labels); diff != "" {
			t.Errorf("labels stored (-want +got):\n%s", diff)
		}
	})
}

const head = "subject,email,password_hash,password_set_at,locale,created_at\n"

// Hashes of known schemes, of nobody's password.
const (
	hashA = "md5$$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	hashB = "md5$$bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestImportAgain(t *testing.T) {
	t.Parallel()
	const base = head + "a,a@example.com," + hashA + ",2010-01-01,en,2009-01-01\n"
	tests := []struct {
		name, row string
		report    [8]int64 // rows, inserted, updated, unchanged, rejected, kept, warned, revived
		want      string
	}{
		{"the same", "a,a@example.com," + hashA + ",2010-01-01,en,2009-01-01", [8]int64{1, 0, 0, 1, 0, 0, 0, 0}, "a@example.com|a@example.com|en|" + hashA + "|2010|import|1"},
		{"later date", "a,a@example.com," + hashB + ",2011-01-01,en,", [8]int64{1, 0, 1, 0, 0, 0, 0, 0}, "a@example.com|a@example.com|en|" + hashB + "|2011|import|2"},
		{"earlier date", "a,a@example.com," + hashB + ",2009-01-01,en,", [8]int64{1, 0, 0, 1, 0, 1, 0, 0}, "a@example.com|a@example.com|en|" + hashA + "|2010|import|1"},
		{"same date", "a,a@example.com," + hashB + ",2010-01-01,en,", [8]int64{1, 0, 0, 1, 0, 1, 0, 0}, "a@example.com|a@example.com|en|" + hashA + "|2010|import|1"},
		{"no date", "a,a@example.com," + hashB + ",,en,", [8]int64{1, 0, 0, 1, 0, 1, 0, 0}, "a@example.com|a@example.com|en|" + hashA + "|2010|import|1"},
		{"future date", "a,a@example.com," + hashB + ",2999-01-01,en,", [8]int64{1, 0, 0, 1, 0, 1, 1, 0}, "a@example.com|a@example.com|en|" + hashA + "|2010|import|1"},
		{"same hash, later date", "a,a@example.com," + hashA + ",2011-01-01,en,", [8]int64{1, 0, 0, 1, 0, 0, 0, 0}, "a@example.com|a@example.com|en|" + hashA + "|2010|import|1"},
		{"no hash", "a,a@example.com,,2011-01-01,en,", [8]int64{1, 0, 0, 1, 0, 1, 0, 0}, "a@example.com|a@example.com|en|" + hashA + "|2010|import|1"},
		{"address", "a,b@example.com," + hashA + ",2010-01-01,en,", [8]int64{1, 0, 1, 0, 0, 0, 0, 0}, "b@example.com|b@example.com|en|" + hashA + "|2010|import|2"},
		{"address in other letters", "a,A@example.com," + hashA + ",2010-01-01,en,", [8]int64{1, 0, 1, 0, 0, 0, 0, 0}, "A@example.com|a@example.com|en|" + hashA + "|2010|import|2"},
		{"no address clears it", "a,," + hashA + ",2010-01-01,en,", [8]int64{1, 0, 1, 0, 0, 0, 0, 0}, "-|-|en|" + hashA + "|2010|import|2"},
		{"unreadable address keeps it", "a,b@@example.com," + hashA + ",2010-01-01,en,", [8]int64{1, 0, 0, 1, 0, 0, 1, 0}, "a@example.com|a@example.com|en|" + hashA + "|2010|import|1"},
		{"locale", "a,a@example.com," + hashA + ",2010-01-01,de_at,", [8]int64{1, 0, 1, 0, 0, 0, 0, 0}, "a@example.com|a@example.com|de-AT|" + hashA + "|2010|import|1"},
		{"no locale clears it", "a,a@example.com," + hashA + ",2010-01-01,,", [8]int64{1, 0, 1, 0, 0, 0, 0, 0}, "a@example.com|a@example.com|-|" + hashA + "|2010|import|1"},
		{"unreadable locale keeps it", "a,a@example.com," + hashA + ",2010-01-01,no!,", [8]int64{1, 0, 0, 1, 0, 0, 1, 0}, "a@example.com|a@example.com|en|" + hashA + "|2010|import|1"},
		{"address and password rise once", "a,b@example.com," + hashB + ",2011-01-01,en,", [8]int64{1, 0, 1, 0, 0, 0, 0, 0}, "b@example.com|b@example.com|en|" + hashB + "|2011|import|2"},
		{"repeated: the first line is taken", "a,b@example.com," + hashA + ",2010-01-01,en,\nx,,,,,\ny,,,,,\na,c@example.com," + hashB + ",2011-01-01,en,", [8]int64{4, 2, 1, 0, 1, 0, 0, 0}, "b@example.com|b@example.com|en|" + hashA + "|2010|import|2"},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, tt := range tests {
			must(t, s.Exec(t.Context(), `DELETE FROM accounts`))
			importText(t, s, base, false)
			report, _ := importText(t, s, head+tt.row+"\n", false)
			if diff := cmp.Diff(tt.report, counts(report)); diff != "" {
				t.Errorf("%s: rows, inserted, updated, unchanged, rejected, kept, warned, revived (-want +got):\n%s", tt.name, diff)
			}
			if got := stored(t, s, "a"); got != tt.want {
				t.Errorf("%s: stored %s, want %s", tt.name, got, tt.want)
			}
		}
	})
}

// Columns that a file does not have leave everything as it is, and so do missing fields of NDJSON.
func TestImportPartOfTheColumns(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		importText(t, s, head+"a,a@example.com,"+hashA+",2010-01-01,en,2009-01-01\n", false)
		for _, tt := range []struct{ file, want string }{
			{"subject\na\n", "a@example.com|a@example.com|en|" + hashA + "|2010|import|1"},
			{"locale,subject\nde,a\n", "a@example.com|a@example.com|de|" + hashA + "|2010|import|1"},
			{`{"subject":"a","email":"b@example.com"}`, "b@example.com|b@example.com|de|" + hashA + "|2010|import|2"},
			{`{"subject":"a","email":null,"locale":""}`, "-|-|-|" + hashA + "|2010|import|3"},
			{`{"subject":"a","password_hash":"` + hashB + `","password_set_at":1293840000}`, "-|-|-|" + hashB + "|2011|import|4"},
		} {
			report, _ := importText(t, s, tt.file, false)
			if report.Kept != 0 || report.Warned != 0 {
				t.Errorf("%s: kept %d, warned %d", tt.file, report.Kept, report.Warned)
			}
			if got := stored(t, s, "a"); got != tt.want {
				t.Errorf("%s: stored %s, want %s", tt.file, got, tt.want)
			}
		}
	})
}

// A password set in Rekey stays, whatever a file says.
func TestImportKeepsWhatWasSetHere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		importText(t, s, head+"a,a@example.com,"+hashA+",2010-01-01,en,\n", false)
		must(t, s.Exec(t.Context(), `UPDATE accounts SET password_source = 'rekey', password_hash = 'new hash'`))
		report, _ := importText(t, s, head+"a,b@example.com,"+hashB+",2012-01-01,en,\n", true)
		expect(t, report, 1, 0, 1, 0, 0, 1, 0, 0)
		if got, want := stored(t, s, "a"), "b@example.com|b@example.com|en|new hash|2010|rekey|2"; got != want {
			t.Errorf("stored %s, want %s", got, want)
		}
	})
}

// A file cannot make a dead password live, unless the operator says so; nor one that is disabled.
func TestImportNeverRevives(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		importText(t, s, head+"a,a@example.com,"+hashA+",2010-01-01,en,\nb,b@example.com,"+hashA+",2010-01-01,en,\nc,c@example.com,"+hashA+",2010-01-01,en,\n", false)
		must(t, s.Exec(t.Context(), `UPDATE accounts SET disabled_at = created_at WHERE subject = 'c'`))
		everyoneKilled(t, s)
		must(t, s.Exec(t.Context(), `UPDATE campaigns SET cutoff = ?`, day(6, 16)))

		// One row before the cutoff, one after it with a new address, one of a disabled account, one of an account not there yet.
		file := head + "a,a@example.com," + hashB + ",2011-01-01,en,\nb,new@example.com," + hashB + ",2012-01-01,en,\n" +
			"c,c@example.com," + hashB + ",2012-01-01,en,\nd,d@example.com," + hashB + ",2012-01-01,en,\n"
		report, got := importText(t, s, file, false)
		expect(t, report, 4, 1, 2, 0, 1, 0, 0, 0)
		if diff := cmp.Diff([]string{"3 b rejected password_set_at"}, got); diff != "" {
			t.Errorf("rejects (-want +got):\n%s", diff)
		}
		states := func(want ...string) {
			t.Helper()
			for i, subject := range []string{"a", "b", "c", "d"} {
				p, err := s.Profile(t.Context(), subject)
				must(t, err)
				if p.State != want[i] {
					t.Errorf("%s is %s, want %s", subject, p.State, want[i])
				}
			}
		}
		states(account.StateDead, account.StateDead, account.StateDead, account.StateLive)
		if got, want := stored(t, s, "b"), "b@example.com|b@example.com|en|"+hashA+"|2010|import|1"; got != want {
			t.Errorf("the refused row left %s, want %s", got, want)
		}

		report, _ = importText(t, s, file, true)
		expect(t, report, 4, 0, 1, 3, 0, 0, 0, 1)
		states(account.StateDead, account.StateLive, account.StateDead, account.StateLive)
	})
}

// A deleted account comes back only with a row that is newer than the deletion.
func TestImportOfDeleted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := account.NewDirectory(s)
		importText(t, s, head+"a,a@example.com,"+hashA+",2010-01-01,en,2009-01-01\n", false)
		if _, err := d.Delete(t.Context(), "a", tester); err != nil {
			t.Fatal(err)
		}
		must(t, s.Exec(t.Context(), `UPDATE accounts SET deleted_at = ?`, day(3, 1)))
		for _, tt := range []struct {
			name, row string
			report    [8]int64
			want      string
		}{
			{"the old row", "a,a@example.com," + hashA + ",2010-01-01,en,2009-01-01", [8]int64{1, 0, 0, 1, 0, 1, 0, 0}, "-|-|-|-|2010|import|2|deleted"},
			{"a later one, still before", "a,a@example.com," + hashB + ",2011-02-01,en,2009-01-01", [8]int64{1, 0, 0, 1, 0, 1, 0, 0}, "-|-|-|-|2010|import|2|deleted"},
			{"no dates", "a,a@example.com," + hashB + ",,en,", [8]int64{1, 0, 0, 1, 0, 1, 0, 0}, "-|-|-|-|2010|import|2|deleted"},
			{"signed up anew, date of the password unknown", "a,n@example.com," + hashB + ",,en,2011-04-01", [8]int64{1, 0, 1, 0, 0, 0, 0, 0}, "n@example.com|n@example.com|en|" + hashB + "|-|import|3"},
		} {
			report, _ := importText(t, s, head+tt.row+"\n", false)
			if diff := cmp.Diff(tt.report, counts(report)); diff != "" {
				t.Errorf("%s: rows, inserted, updated, unchanged, rejected, kept, warned, revived (-want +got):\n%s", tt.name, diff)
			}
			if got := stored(t, s, "a"); got != tt.want {
				t.Errorf("%s: stored %s, want %s", tt.name, got, tt.want)
			}
		}
	})
}

func TestImportOfNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		report, _ := importText(t, s, head, false)
		expect(t, report, 0, 0, 0, 0, 0, 0, 0, 0)
		if report.RejectsFile != "" {
			t.Errorf("a file of rejects was made: %s", report.RejectsFile)
		}
		_, err := account.Import(t.Context(), s, strings.NewReader(""), account.ImportOptions{Actor: tester})
		if !problem.Is(err, problem.Invalid) {
			t.Errorf("an empty file gives %v", err)
		}
		report, _ = importText(t, s, head+"broken,\"x\n", false)
		expect(t, report, 1, 0, 0, 0, 1, 0, 0, 0)
	})
}
