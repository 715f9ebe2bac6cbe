package campaign

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Filter picks the accounts of a campaign by what is known of them, instead of a list. Every part that is set must hold.
type Filter struct {
	CreatedBefore     *time.Time `json:"created_before,omitempty"`
	PasswordSetBefore *time.Time `json:"password_set_before,omitempty"` // passwords of unknown date too; accounts without one never
	Scheme            string     `json:"scheme,omitempty"`              // a scheme's label, such as bcrypt:10, or the part before the colon
	Domain            string     `json:"domain,omitempty"`              // of the mail address, exactly; kept as an A-label (UTS 46)
	Locale            string     `json:"locale,omitempty"`              // BCP 47; pt takes pt-BR too
}

// IsZero tells a filter that says nothing.
func (f Filter) IsZero() bool { return f == Filter{} }

// ParseFilter reads terms such as created-before=2011-06-01, each at most once: created-before, password-set-before (RFC 3339
// or a date in UTC), scheme, domain, locale.
func ParseFilter(terms []string) (Filter, error) {
	var f Filter
	seen := map[string]bool{}
	for _, term := range terms {
		name, value, _ := strings.Cut(term, "=")
		if seen[name] || value == "" {
			return Filter{}, problem.New(problem.Invalid, "each part of a filter is written once, as name=value")
		}
		seen[name] = true
		if err := f.set(name, value); err != nil {
			return Filter{}, err
		}
	}
	return f, nil
}

func (f *Filter) set(name, value string) (err error) {
	switch name {
	case "created-before":
		f.CreatedBefore, err = parseTime(value)
	case "password-set-before":
		f.PasswordSetBefore, err = parseTime(value)
	case "scheme":
		f.Scheme = value
	case "domain":
		f.Domain = value
	case "locale":
		f.Locale = value
	default:
		err = problem.New(problem.Invalid, "a filter has created-before, password-set-before, scheme, domain and locale")
	}
	return err
}

// parseTime reads RFC 3339 or a bare date, which begins at midnight UTC.
func parseTime(text string) (*time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return &t, nil
		}
	}
	return nil, problem.New(problem.Invalid, "a time is written as 2011-06-17 or 2011-06-17T12:00:00Z")
}

// normal brings the filter into the form that is compared: the domain folded as email_key folds it, the locale in lower case.
func (f Filter) normal(key KeyFunc) (Filter, error) {
	if f.Domain != "" {
		folded, err := key("x@" + f.Domain)
		if err != nil {
			return f, problem.Wrap(problem.Invalid, "the filter's domain is no mail domain", err)
		}
		f.Domain = folded[strings.LastIndexByte(folded, '@')+1:]
	}
	for _, text := range []string{f.Scheme, f.Domain, f.Locale} {
		if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '%' }) || len(text) > 255 {
			return f, problem.New(problem.Invalid, "a part of the filter has characters that no account can have there")
		}
	}
	f.Locale = strings.ToLower(f.Locale)
	return f, nil
}

// String is for audit entries and people.
func (f Filter) String() string {
	var parts []string
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf("%s=%s", name, value))
		}
	}
	date := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	add("created-before", date(f.CreatedBefore))
	add("password-set-before", date(f.PasswordSetBefore))
	add("scheme", f.Scheme)
	add("domain", f.Domain)
	add("locale", f.Locale)
	return strings.Join(parts, " ")
}
