package account

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	utc := func(year int, m time.Month, d, h, min, s, micro int) time.Time {
		return time.Date(year, m, d, h, min, s, micro*1000, time.UTC)
	}
	for text, want := range map[string]time.Time{
		"":                               {},
		" 2010-01-02T03:04:05Z ":         utc(2010, 1, 2, 3, 4, 5, 0),
		"2010-01-02T03:04:05+02:00":      utc(2010, 1, 2, 1, 4, 5, 0),
		"2010-01-02T03:04:05.123456789Z": utc(2010, 1, 2, 3, 4, 5, 123456),
		"2010-01-02":                     utc(2010, 1, 2, 0, 0, 0, 0),
		"2010-01-02 03:04:05":            utc(2010, 1, 2, 3, 4, 5, 0),
		"1262401445":                     utc(2010, 1, 2, 3, 4, 5, 0),
		"0":                              utc(1970, 1, 1, 0, 0, 0, 0),
		"-1":                             utc(1969, 12, 31, 23, 59, 59, 0),
	} {
		if got, err := parseTime(text); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"yesterday", "0000-00-00 00:00:00", "0001-01-01T00:00:00Z", "2010-13-01", "2010-02-30", "02/01/2010", "2010-01-02T03:04:05", "1e9",
		"1262401445000", "99999999999999999999", "1600-01-01", "12345-01-01", "-", "1.5",
	} {
		if got, err := parseTime(text); err == nil {
			t.Errorf("%q is %v, want none", text, got)
		}
	}
}

// given makes a record with every column.
func given(subject, email, hash, setAt, locale, createdAt string) *record {
	rec := &record{line: 7, fields: [numColumns]string{subject, email, hash, setAt, locale, createdAt}}
	for i := range rec.has {
		rec.has[i] = true
	}
	return rec
}

func TestRules(t *testing.T) {
	t.Parallel()
	now := time.Date(2011, 6, 16, 12, 0, 0, 0, time.UTC)
	set := time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)
	const md5 = "md5$$5f4dcc3b5aa765d61d8327deb882cf99"
	tests := []struct {
		name  string
		rec   *record
		want  Row
		found []reason
	}{
		{"everything", given("a", " A@example.com ", md5, "2010-01-01", "EN_gb", "2010-01-01"), Row{
			Subject: "a", Email: "A@example.com", EmailKey: "a@example.com", Locale: "en-GB", PasswordHash: md5, PasswordScheme: "django-md5", PasswordSetAt: set, CreatedAt: set,
		}, nil},
		{"nothing", given("a", "", "", "", "", ""), Row{Subject: "a"}, nil},
		{"only a subject in the file", &record{line: 7, fields: [numColumns]string{"a"}}, Row{Subject: "a", KeepEmail: true, KeepLocale: true, KeepPassword: true}, nil},
		{"a date without a password", given("a", "", "", "2010-01-01", "", ""), Row{Subject: "a"}, nil},
		{"now is not the future", given("a", "", md5, "2011-06-16T12:00:00Z", "", ""), Row{Subject: "a", PasswordHash: md5, PasswordScheme: "django-md5", PasswordSetAt: now}, nil},
		{"a microsecond later is", given("a", "", md5, "2011-06-16T12:00:00.000001Z", "", ""), Row{Subject: "a", PasswordHash: md5, PasswordScheme: "django-md5"}, []reason{futureSetAt}},
		{"created in the future", given("a", "", "", "", "", "2012-01-01"), Row{Subject: "a"}, []reason{badCreatedAt}},
		{"all of it wrong", given("=a", "a@@b", "$9$x", "soon", "no!", "then"), Row{Subject: "=a", KeepEmail: true, KeepLocale: true, PasswordHash: "$9$x", PasswordScheme: "unknown"},
			[]reason{formulaSubject, badEmail, badLocale, neverVerified, badSetAt, badCreatedAt}},
		{"a hash no database can store", given("a", "", "md5$$\x00\xff", "", "", ""), Row{Subject: "a", PasswordHash: "unreadable:md5$$\ufffd\ufffd", PasswordScheme: "unknown"}, []reason{neverVerified}},
		{"a hash of a bomb", given("a", "", "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "", "", ""), Row{
			Subject: "a", PasswordHash: "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", PasswordScheme: "bcrypt:refused",
		}, []reason{neverVerified}},
	}
	for _, tt := range tests {
		r := newRules(now)
		var row Row
		if bad := r.row(tt.rec, &row); bad != fine {
			t.Errorf("%s: refused, %s", tt.name, bad.code())
		}
		tt.want.Line, tt.want.Warned = 7, len(tt.found) > 0
		if diff := cmp.Diff(tt.want, row); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if diff := cmp.Diff(tt.found, append([]reason(nil), r.found...)); diff != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", tt.name, diff)
		}
	}
	for subject, want := range map[string]reason{
		"": noSubject, "  ": noSubject, "a\x00b": badSubject, "a\nb": badSubject, "\xff": badSubject,
		strings.Repeat("é", 255): fine, strings.Repeat("é", 256): badSubject, "00112233-4455-6677-8899-aabbccddeeff": fine, "日本": fine,
	} {
		var row Row
		if got := newRules(now).row(given(subject, "", "", "", "", ""), &row); got != want {
			t.Errorf("subject %q: %q, want %q", subject, got.code(), want.code())
		}
	}
}

// A very long hash is cut, still a credential, and no scheme claims it.
func TestLongHashIsNeverVerified(t *testing.T) {
	t.Parallel()
	var row Row
	r := newRules(time.Now())
	if bad := r.row(given("a", "", "$argon2id$"+strings.Repeat("é", 5000), "", "", ""), &row); bad != fine {
		t.Fatal(bad.code())
	}
	if len(row.PasswordHash) > maxHash+20 || !strings.HasPrefix(row.PasswordHash, "unreadable:") || row.PasswordScheme != "unknown" {
		t.Errorf("stored %d bytes as %s", len(row.PasswordHash), row.PasswordScheme)
	}
}

// Every reason says what it is about, and none shows a value.
func TestReasonsAreComplete(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for r := fine + 1; r < numReasons; r++ {
		if r.verdict() != Rejected && r.verdict() != Warned || r.code() == "" || r.text() == "" || seen[r.code()] {
			t.Errorf("reason %d: %q %q %q", r, r.verdict(), r.code(), r.text())
		}
		seen[r.code()] = true
	}
}

func TestRejectsFileNeverOverwrites(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts.rejects.csv")
	for i, want := range []string{path, strings.TrimSuffix(path, ".csv") + "-2.csv"} {
		r := &rejectsFile{path: path}
		if err := r.add(int64(i+2), "=x\nA", neverVerified); err != nil {
			t.Fatal(err)
		}
		if err := r.close(); err != nil || r.name != want {
			t.Fatalf("wrote %s, %v; want %s", r.name, err, want)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `"line","subject","verdict","field","reason"` + "\r\n" + `"2","'=x` + "\ufffd" + `A","warned","password_hash","` + neverVerified.text() + `"` + "\r\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
