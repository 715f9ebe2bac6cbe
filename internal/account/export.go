package account

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/csvsafe"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Exported is a password set in Rekey, for a login service that keeps its own hashes.
type Exported struct {
	Subject           string    `json:"subject"`
	PasswordHash      string    `json:"password_hash"`
	PasswordSetAt     time.Time `json:"password_set_at"`
	CredentialVersion int64     `json:"credential_version"`
}

// ExportRequest says what to export and how.
type ExportRequest struct {
	Since  time.Time // passwords set at or after it; zero: all
	Format string    // FormatCSV (also "") or FormatNDJSON
}

// ExportReport is how an export ended.
type ExportReport struct {
	Rows  int64     `json:"rows"`
	Until time.Time `json:"until"` // since of the next export: then no password is missed, and some may come twice
}

// Export streams the passwords that members set in Rekey. In CSV a subject that a spreadsheet would compute is written with a
// leading apostrophe (package csvsafe); NDJSON has every subject as it is.
func (d *Directory) Export(ctx context.Context, r ExportRequest, w io.Writer, actor audit.Actor) (ExportReport, error) {
	out, err := newExportWriter(r.Format, w)
	if err != nil {
		return ExportReport{}, err
	}
	since := ""
	if !r.Since.IsZero() {
		since = r.Since.UTC().Format(time.RFC3339Nano)
	}
	var report ExportReport
	entry := audit.New(actor, audit.AccountExport, "accounts", audit.Detail{"since": since})
	report.Until, err = d.store.ExportPasswords(ctx, r.Since, entry, func(e Exported) error {
		report.Rows++
		return out.write(e)
	})
	if err != nil {
		return report, err
	}
	return report, out.flush()
}

// exportWriter is one form of the export.
type exportWriter struct {
	write func(Exported) error
	flush func() error
}

func newExportWriter(format string, w io.Writer) (exportWriter, error) {
	switch format {
	case FormatAuto, FormatCSV:
		return newExportCSV(w)
	case FormatNDJSON:
		return newExportNDJSON(w), nil
	}
	return exportWriter{}, problem.New(problem.Invalid, "The format must be csv or ndjson.")
}

func newExportCSV(w io.Writer) (exportWriter, error) {
	c := csvsafe.NewWriter(w)
	write := func(e Exported) error {
		return c.Write(e.Subject, e.PasswordHash, e.PasswordSetAt.UTC().Format(time.RFC3339Nano), strconv.FormatInt(e.CredentialVersion, 10))
	}
	return exportWriter{write: write, flush: c.Flush}, c.Write("subject", "password_hash", "password_set_at", "credential_version")
}

func newExportNDJSON(w io.Writer) exportWriter {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	write := func(e Exported) error {
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("writing the export: %w", err)
		}
		return nil
	}
	return exportWriter{write: write, flush: func() error { return nil }}
}
