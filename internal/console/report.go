package console

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/web"
)

// reportName is the template that stands alone, without the layout of the pages.
const reportName = "report"

// printed is an evidence report as its template is given it.
type printed struct {
	desk.Evidence
	Service string
	Public  string // where members read the notice
}

// ReportPage gives the function that writes an evidence report as one page, which needs nothing but itself; service and public URL are as members know them.
func ReportPage(service, publicURL string) (func(desk.Evidence) ([]byte, error), error) {
	funcs := template.FuncMap{
		"time": utc, "number": new(view).Number, "detail": detailText, "join": func(list []string) string { return strings.Join(list, ", ") },
		"tick": func(c incident.Clock, at time.Time) ticking { return tick(c, at) },
	}
	page, err := template.New(reportName+".html").Funcs(funcs).ParseFS(web.Files, "console/"+reportName+".html")
	if err != nil {
		return nil, fmt.Errorf("reading the report's template: %w", err)
	}
	return func(e desk.Evidence) ([]byte, error) {
		var b bytes.Buffer
		if err := page.Execute(&b, printed{e, service, publicURL}); err != nil {
			return nil, fmt.Errorf("writing report %d: %w", e.Version, err)
		}
		return b.Bytes(), nil
	}, nil
}

// utc writes a time for paper: no script turns it into anybody's zone.
func utc(at any) string {
	switch at := at.(type) {
	case time.Time:
		if !at.IsZero() {
			return at.UTC().Format("2006-01-02 15:04:05 UTC")
		}
	case *time.Time:
		if at != nil {
			return utc(*at)
		}
	}
	return "–"
}

// detailText is the detail of an entry on one line.
func detailText(e audit.Entry) string {
	if len(e.Detail) == 0 {
		return ""
	}
	return e.EncodeDetail()
}
