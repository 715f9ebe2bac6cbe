package incident

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Fact is a field of the evidence report as it was written.
type Fact struct {
	Value     string    `json:"value"` // plain text
	UpdatedAt time.Time `json:"updated_at"`
}

// Field is one thing that an authority asks for.
type Field struct {
	Name  string // in the database, forms and the audit log
	Label string // on pages and in the report
	Law   string // where it is asked for
	Hint  string // what belongs into it
	Count string // which live count can be offered for it: members, records or ""
}

// Fields are what GDPR Art. 33(3) asks for and what its Art. 33(1), (2), (5) and 34 make one keep, in the order of the report.
func Fields() []Field { return slices.Clone(fields) }

var fields = []Field{
	{"nature", "Nature of the breach", "GDPR Art. 33(3)(a)", "How it happened, and what was lost: confidentiality, integrity or availability.", ""},
	{"subject_categories", "Categories of people", "GDPR Art. 33(3)(a)", "Such as members, former members, staff; children if there are any.", ""},
	{"subject_number", "Approximate number of people", "GDPR Art. 33(3)(a)", "A number, or a range and why it is not known better.", "members"},
	{"record_categories", "Categories of records", "GDPR Art. 33(3)(a)", "Such as accounts, orders, messages.", ""},
	{"record_number", "Approximate number of records", "GDPR Art. 33(3)(a)", "A number, or a range and why it is not known better.", "records"},
	{"contact", "Data protection officer or other contact", "GDPR Art. 33(3)(b)", "Name, address and telephone number of where more can be asked.", ""},
	{"consequences", "Likely consequences", "GDPR Art. 33(3)(c)", "For the people concerned: passwords tried elsewhere, fraud, exposure.", ""},
	{"measures_taken", "Measures taken", "GDPR Art. 33(3)(d)", "Beside what this report counts itself.", ""},
	{"measures_proposed", "Measures proposed", "GDPR Art. 33(3)(d)", "What is still to be done, by whom and when.", ""},
	{"aware", "Who knows, and who was told", "GDPR Art. 33(2), 33(5), 34", "One a line, with the time: authorities, controllers, police, insurers, the press, staff.", ""},
	{"delay", "Reasons for a delay", "GDPR Art. 33(1)", "Needed where the authority is told after 72 hours.", ""},
}

const maxFact = 16 << 10 // bytes

// SetFacts writes fields of the evidence report. The entry names them and not the texts, which stand in each report. Errors: Unprocessable, NotFound.
func SetFacts(ctx context.Context, file File, slug string, values map[string]string, actor audit.Actor) error {
	if err := CheckSlug(slug); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(values))
	for _, name := range names {
		known := slices.ContainsFunc(fields, func(f Field) bool { return f.Name == name })
		if !known {
			return problem.Newf(problem.Unprocessable, "There is no field %q.", name)
		}
		if !isText(values[name], maxFact) {
			return problem.Newf(problem.Unprocessable, "A field is plain text of at most %d bytes.", maxFact)
		}
	}
	if len(names) == 0 {
		return nil
	}
	list := make([]any, len(names))
	for i, n := range names {
		list[i] = n
	}
	if err := file.SetFacts(ctx, slug, values, audit.New(actor, audit.IncidentFact, Object(slug), audit.Detail{"fields": list})); err != nil {
		return fmt.Errorf("writing facts of incident %s: %w", slug, err)
	}
	return nil
}
