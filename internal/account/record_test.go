package account

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// readAll renders what a reader gives, one string a record: "LINE subject|email" or "LINE! code (subject)".
func readAll(t *testing.T, file, format string) (out []string, err error) {
	t.Helper()
	r, err := openRecords(strings.NewReader(file), format)
	if err != nil {
		return nil, err
	}
	for {
		rec, err := r.next()
		var bad *refusal
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case errors.As(err, &bad):
			out = append(out, fmt.Sprintf("%d! %s (%s)", bad.line, bad.reason.code(), bad.subject))
		case err != nil:
			return out, err
		default:
			out = append(out, fmt.Sprintf("%d %s|%s", rec.line, rec.fields[colSubject], rec.fields[colEmail]))
		}
	}
}

func TestReadRecords(t *testing.T) {
	t.Parallel()
	const head = "subject,email\n"
	tests := []struct {
		name, file string
		want       []string
	}{
		{"plain", head + "a,1\nb,2\n", []string{"2 a|1", "3 b|2"}},
		{"no line feed at the end", head + "a,1", []string{"2 a|1"}},
		{"header alone", head, nil},
		{"header alone without line feed", "subject", nil},
		{"byte order mark", "\xef\xbb\xbf" + head + "a,1\n", []string{"2 a|1"}},
		{"CRLF", "subject,email\r\na,1\r\n", []string{"2 a|1"}},
		{"columns in another order and case", " Email ,SUBJECT\n1,a\n", []string{"2 a|1"}},
		{"blank lines keep the count", head + "\n\na,1\n  \nb,2\n", []string{"4 a|1", "6 b|2"}},
		{"quoted", head + `"a,b","say ""hi"""` + "\n", []string{`2 a,b|say "hi"`}},
		{"empty quotes", head + `a,""` + "\n", []string{"2 a|"}},
		{"quoted line break", head + "a,\"x\ny\"\nb,2\n", []string{"2 a|x\ny", "4 b|2"}},
		{"short", head + "a\nb,2\n", []string{"2! fields_missing (a)", "3 b|2"}},
		{"long", head + "a,1,2\nb,2\n", []string{"2! fields_too_many (a)", "3 b|2"}},
		{"something behind a quote", head + `a,"x"y` + "\nb,2\n", []string{"2! broken_quotes (a)", "3 b|2"}},
		{"quote inside a field", head + `a,x"y` + "\nb,2\n", []string{"2! broken_quotes (a)", "3 b|2"}},
		{"broken over two lines", head + "a,\"x\nBcc: y\"@z\nb,2\n", []string{"2! broken_quotes (a)", "4 b|2"}},
		{"never closed", head + "a,\"x\nb,2\nc,3\n", []string{"2! open_quote (a)", "3 b|2", "4 c|3"}},
		{"never closed at the end", head + "a,1\nb,\"x", []string{"2 a|1", "3! open_quote (b)"}},
		{
			"a record inside broken quotes is neither taken nor lost", head + "a,\"x\nevil,2\n\"@z\nb,2\n",
			[]string{"2! broken_quotes (a)", "3! buried_record (evil)", "5 b|2"},
		},
		{
			"an open quote costs its line, not the next ones", head + "a,\"x\n" + strings.Repeat("b,2\n", 20) + "c,\"3\"\n",
			append(append([]string{"2! open_quote (a)"}, numbered(3, 20, "b|2")...), "23 c|3"),
		},
		{"line beyond the bound", head + "a," + strings.Repeat("x", 200<<10) + "\nb,2\n", []string{"2! too_long ()", "3 b|2"}},
		{"quoted field beyond the bound", head + "a,\"" + strings.Repeat("x", 60<<10) + "\n" + strings.Repeat("y", 60<<10) + "\"\nb,2\n",
			[]string{"2! too_long ()", "3! broken_quotes ()", "4 b|2"}},

		{"NDJSON", `{"subject":"a","email":"1"}` + "\n" + `{"email":null,"subject":"b"}` + "\n", []string{"1 a|1", "2 b|"}},
		{"NDJSON without line feed", `{"subject":"a"}`, []string{"1 a|"}},
		{"NDJSON with blank lines", "\n" + `{"subject":"a"}` + "\n\n" + `{"subject":"b"}`, []string{"2 a|", "4 b|"}},
		{"unknown field", `{"subject":"a","role":"x"}` + "\n" + `{"subject":"b"}`, []string{"1! unknown_field (a)", "2 b|"}},
		{"field in another case", `{"subject":"a","Email":"x"}`, []string{"1! unknown_field (a)"}},
		{"field twice", `{"subject":"a","email":"x","email":"y"}`, []string{"1! field_twice (a)"}},
		{"list", `{"subject":"a","email":["x","y"]}`, []string{"1! wrong_type (a)"}},
		{"number for a text", `{"subject":"a","email":1}`, []string{"1! wrong_type (a)"}},
		{"number for a time", `{"subject":"a","password_set_at":1262401445}`, []string{"1 a|"}},
		{"cut off", `{"subject":"a"` + "\n" + `{"subject":"b"}`, []string{"1! not_json (a)", "2 b|"}},
		{"two objects", `{"subject":"a"}{"subject":"b"}`, []string{"1! not_json (a)"}},
		{"not JSON", `{"subject":"a"}` + "\nhello\n", []string{"1 a|", "2! not_json ()"}},
		{"beyond the bound", `{"subject":"a"}` + "\n" + `{"subject":"` + strings.Repeat("x", 100<<10) + `"}` + "\n" + `{"subject":"c"}`,
			[]string{"1 a|", "2! too_long ()", "3 c|"}},
	}
	for _, tt := range tests {
		got, err := readAll(t, tt.file, FormatAuto)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// What encoding/csv writes is read as it was meant.
func TestReadWhatOthersWrite(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		field := rapid.StringMatching(`[ab ,"\n=é]{0,6}`)
		rows := rapid.SliceOfN(rapid.SliceOfN(field, 2, 2), 0, 8).Draw(r, "rows")
		var file strings.Builder
		w := csv.NewWriter(&file)
		w.UseCRLF = rapid.Bool().Draw(r, "CRLF")
		want := [][]string{}
		_ = w.Write([]string{"subject", "email"})
		for i, row := range rows {
			row[0] = fmt.Sprint(i, row[0]) // so that no line is blank
			if w.UseCRLF {
				row[0], row[1] = strings.ReplaceAll(row[0], "\n", " "), strings.ReplaceAll(row[1], "\n", " ")
			}
			_ = w.Write(row)
			want = append(want, row)
		}
		w.Flush()
		reader, err := openRecords(strings.NewReader(file.String()), FormatAuto)
		if err != nil {
			r.Fatal(err)
		}
		got := [][]string{}
		for {
			rec, err := reader.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				r.Fatalf("%q: %v", file.String(), err)
			}
			got = append(got, []string{rec.fields[colSubject], rec.fields[colEmail]})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("%q (-want +got):\n%s", file.String(), diff)
		}
	})
}

func numbered(from, n int, text string) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("%d %s", from+i, text))
	}
	return out
}

func TestReadRecordsRefusesTheFile(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"empty":                "",
		"blank":                "\n\n",
		"no header":            "a-1,a@example.com\na-2,b@example.com\n",
		"no subject column":    "email,locale\n",
		"unknown column":       "subject,email,date_of_birth\n",
		"misspelled column":    "subject,email,passwordhash\n",
		"column twice":         "subject,email,email\n",
		"semicolons":           "subject;email\n",
		"broken header quotes": "\"subject\",\"email\n",
		"UTF-16":               "\xff\xfes\x00u\x00",
	} {
		if got, err := readAll(t, file, FormatAuto); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: got %v, %v; want Invalid", name, got, err)
		}
	}
}

// A reader that fails half-way must not look like the end of the file.
func TestReadRecordsPassesFailuresOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk gone")
	r, err := openRecords(io.MultiReader(strings.NewReader("subject\na\n"), errReader{broken}), FormatCSV)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.next(); err != nil {
		t.Fatalf("first record: %v", err)
	}
	if _, err := r.next(); !errors.Is(err, broken) {
		t.Errorf("got %v, want the failure", err)
	}
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }
