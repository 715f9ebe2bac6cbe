package main

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/bench"
)

// TestRun measures the cheapest row end to end. Whether its budget is met is for a quiet machine to say.
func TestRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bench.json")
	var table strings.Builder
	err := run(t.Context(), []string{"-only", "mint", "-n", "10", "-json", path}, &table, io.Discard)
	text, readErr := os.ReadFile(path)
	if readErr != nil {
		t.Fatalf("no report: %v, %v", err, readErr)
	}
	var report bench.Report
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Rows) != 1 || report.Rows[0].Ours <= 0 || report.Rows[0].Floor <= 0 || !strings.Contains(table.String(), report.Rows[0].What) {
		t.Errorf("%+v\n%s", report.Rows, table.String())
	}
	if (err == nil) != (report.Failed() == 0) {
		t.Errorf("%d rows failed, and the run says %v", report.Failed(), err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), []string{"-n", "many"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("a size that is no number: %v", err)
	}
}
