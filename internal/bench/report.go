package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
)

// Verdicts on a row.
const (
	OK          = "ok"
	Missed      = "missed"
	NotMeasured = "not measured"
)

// Row is one budget beside its floor.
type Row struct {
	What    string  `json:"what"`
	N       int     `json:"n"` // accounts, mails, requests: as What says
	Ours    float64 `json:"ours"`
	Floor   float64 `json:"floor"` // 0: there is none, Ratio is Ours over the budget
	Unit    string  `json:"unit"`
	Ratio   float64 `json:"ratio"`
	Budget  string  `json:"budget"`
	Verdict string  `json:"verdict"`
	Note    string  `json:"note,omitempty"`
}

// AtMost judges a cost: ours may be up to limit times the floor.
func AtMost(limit float64, r Row) Row {
	r.Budget = fmt.Sprintf("≤ %g ×", limit)
	return r.beside(r.Floor).judge(r.Ours > 0 && r.Ours <= limit*r.Floor)
}

// AtLeast judges a speed: ours must reach limit times the floor.
func AtLeast(limit float64, r Row) Row {
	r.Budget = fmt.Sprintf("≥ %g ×", limit)
	return r.beside(r.Floor).judge(r.Floor > 0 && r.Ours >= limit*r.Floor)
}

// Within judges a size against a bound of its own.
func Within(limit float64, r Row) Row {
	r.Budget = fmt.Sprintf("≤ %.0f %s", limit, r.Unit)
	return r.beside(limit).judge(r.Ours > 0 && r.Ours <= limit)
}

// beside sets the ratio. Without a floor it stays 0: JSON has no infinity.
func (r Row) beside(floor float64) Row {
	if floor > 0 {
		r.Ratio = r.Ours / floor
	}
	return r
}

// judge sets the verdict. What was not measured at all, a zero, is never ok.
func (r Row) judge(ok bool) Row {
	r.Verdict = Missed
	if ok {
		r.Verdict = OK
	}
	return r
}

// Report is one run.
type Report struct {
	Machine Machine `json:"machine"`
	Full    bool    `json:"full"`
	Rows    []Row   `json:"rows"`
	Seconds float64 `json:"seconds"`
}

// Failed counts the rows that are not ok.
func (r *Report) Failed() (n int) {
	for _, row := range r.Rows {
		if row.Verdict != OK {
			n++
		}
	}
	return n
}

// Print writes the table for people.
func (r *Report) Print(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tN\tours\tfloor\tratio\tbudget\t")
	for _, row := range r.Rows {
		if row.Verdict == NotMeasured {
			fmt.Fprintf(t, "%s\t\t\t\t\t\t%s: %s\n", row.What, row.Verdict, row.Note)
			continue
		}
		floor := "–"
		if row.Floor != 0 {
			floor = number(row.Floor, row.Unit)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%.2f\t%s\t%s%s\n", row.What, row.N, number(row.Ours, row.Unit), floor, row.Ratio, row.Budget, row.Verdict, dash(row.Note))
	}
	fmt.Fprintf(t, "\n%s\n", strings.Join(r.Machine.Lines(), "\n"))
	return t.Flush()
}

func dash(note string) string {
	if note == "" {
		return ""
	}
	return " (" + note + ")"
}

// number shows three digits or so.
func number(v float64, unit string) string {
	digits := 2
	switch {
	case v >= 100:
		digits = 0
	case v >= 10:
		digits = 1
	}
	return fmt.Sprintf("%.*f %s", digits, v, unit)
}

// WriteFile writes the report as JSON.
func (r *Report) WriteFile(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
