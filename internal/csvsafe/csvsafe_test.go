package csvsafe_test

import (
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/csvsafe"
)

func TestCell(t *testing.T) {
	t.Parallel()
	for _, armed := range []string{
		`=cmd|'/c calc'!A1`, "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\x00=1", "＝1+1", "＋1", "－1", "＠a",
		"  =1+1", "\u00a0=1", "\ufeff=1", "\u200b=1", "\u202e=1",
	} {
		if got := csvsafe.Cell(armed); got != "'"+armed {
			t.Errorf("Cell(%q) = %q, want a leading apostrophe", armed, got)
		}
	}
	for _, plain := range []string{"", "a", "a=b", "ann@example.org", "2011-06-17", "'=1", "  a", "日本", "Zoë", "\xff"} {
		if got := csvsafe.Cell(plain); got != plain {
			t.Errorf("Cell(%q) = %q, want it unchanged", plain, got)
		}
	}
}

func TestWriterQuotesEverything(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	w := csvsafe.NewWriter(&b)
	rows := [][]string{{"subject", "reason"}, {`a";=1+1`, "two\r\nlines"}, {"=1", ""}}
	for _, r := range rows {
		if err := w.Write(r...); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "\"subject\",\"reason\"\r\n\"a\"\";=1+1\",\"two\r\nlines\"\r\n\"'=1\",\"\"\r\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("written (-want +got):\n%s", d)
	}
	back, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(back) != 3 || back[1][0] != `a";=1+1` {
		t.Errorf("read back %q, %v", back, err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriterReportsFailure(t *testing.T) {
	t.Parallel()
	w := csvsafe.NewWriter(full{})
	if err := w.Write("a"); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err == nil {
		t.Error("Flush hid that nothing was written")
	}
}
