package delivery

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// functions are what templates may call, so that each language says dates and numbers in its own way.
func functions(locale string) map[string]any {
	tag := language.Make(locale)
	return map[string]any{
		"class":  func(name string) string { return vocabulary().Say(locale, name) },
		"format": format,
		"month":  month,
		"plural": func(n int, forms ...string) (string, error) { return pluralOf(tag, n, forms) },
	}
}

// format writes an instant in UTC by a layout of package time. Its names of months and days are English.
func format(layout string, t time.Time) string { return t.UTC().Format(layout) }

// month picks the month of an instant in UTC from the language's names of all twelve, parted by spaces.
func month(t time.Time, names string) (string, error) {
	all := strings.Fields(names)
	if len(all) != 12 {
		return "", fmt.Errorf("%d names of months", len(all))
	}
	return all[t.UTC().Month()-1], nil
}

var pluralForms = map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}

// pluralOf says a number by the language's rule (CLDR): forms are the rule's names, each before its words, in which %d is the number. What a language
// has no words for is said as "other".
func pluralOf(tag language.Tag, n int, forms []string) (string, error) {
	words := map[string]string{}
	for i := 0; i+1 < len(forms); i += 2 {
		words[forms[i]] = forms[i+1]
	}
	say, ok := words[pluralForms[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]]
	if !ok {
		say, ok = words["other"]
	}
	if !ok || len(forms)%2 != 0 {
		return "", fmt.Errorf("no words for the plural of %d", n)
	}
	return strings.ReplaceAll(say, "%d", strconv.Itoa(n)), nil
}
