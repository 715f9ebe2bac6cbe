package audit

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/seed-1c168855/rekey/internal/csvsafe"
)

// exported is a line of the NDJSON export.
type exported struct {
	Index  *int64          `json:"index"`
	Leaf   string          `json:"leaf"`
	Record json.RawMessage `json:"record"`
}

// WriteNDJSON writes one line per entry: {"index", "leaf", "record"}. Record is the canonical encoding byte for byte and leaf
// its RFC 6962 hash in base64, so that the export can be checked against a head without Rekey. Index is null until sealed.
func WriteNDJSON(w io.Writer, entries iter.Seq2[Entry, error]) error {
	out := bufio.NewWriter(w)
	for e, err := range entries {
		if err != nil {
			return fmt.Errorf("reading the audit log for export: %w", err)
		}
		rec := e.Record()
		leaf := tlog.RecordHash(rec)
		line := encode(exported{e.Index, base64.StdEncoding.EncodeToString(leaf[:]), rec})
		if _, err := out.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("exporting the audit log: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("exporting the audit log: %w", err)
	}
	return nil
}

// WriteCSV writes the entries for a spreadsheet, with a header line and every cell made safe against formulas.
func WriteCSV(w io.Writer, entries iter.Seq2[Entry, error]) error {
	out := csvsafe.NewWriter(w)
	if err := out.Write("index", "at", "actor_kind", "actor", "action", "object", "outcome", "request_id", "detail"); err != nil {
		return err
	}
	for e, err := range entries {
		if err != nil {
			return fmt.Errorf("reading the audit log for export: %w", err)
		}
		index := ""
		if e.Index != nil {
			index = strconv.FormatInt(*e.Index, 10)
		}
		err := out.Write(index, e.At.UTC().Format(timeLayout), e.Actor.Kind, e.Actor.Name, string(e.Action), e.Object,
			e.Outcome, e.RequestID, e.EncodeDetail())
		if err != nil {
			return err
		}
	}
	return out.Flush()
}
