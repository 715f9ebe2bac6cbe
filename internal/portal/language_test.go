package portal

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/web"
)

func catalogue(t *testing.T, file string) map[string]any {
	t.Helper()
	data, err := fs.ReadFile(web.Files, file)
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]any
	if err := json.Unmarshal(data, &texts); err != nil {
		t.Fatal(err)
	}
	return texts
}

// Our own languages leave nothing out. That placeholders and plural forms are right in each is checked when they are loaded.
func TestLanguagesAreWhole(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(web.Files, "locales/*.json")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"ar", "de", "en", "es", "fr", "it", "ja", "pt-BR"}
	var tags []string
	for _, file := range files {
		tags = append(tags, strings.TrimSuffix(path.Base(file), ".json"))
		if diff := cmp.Diff(slices.Sorted(maps.Keys(catalogue(t, "locales/en.json"))), slices.Sorted(maps.Keys(catalogue(t, file)))); diff != "" {
			t.Errorf("English (-) and %s (+):\n%s", file, diff)
		}
	}
	if diff := cmp.Diff(want, tags); diff != "" {
		t.Error(diff)
	}
}

// Every text that templates and code name is in the catalogue, and every one in it is named.
func TestCatalogueIsExact(t *testing.T) {
	t.Parallel()
	named := map[string]bool{"language.day_1": true}
	for _, id := range []string{"too_short", "too_long", "too_long_for_bcrypt", "not_text", "control", "confirm", "same_password", "common", "breached", "repeated", "sequence", "context"} {
		named["reason."+id] = true // made from the codes of internal/password and internal/reset
	}
	for _, month := range strings.Fields("1 2 3 4 5 6 7 8 9 10 11 12") {
		named["language.month_"+month] = true
	}
	vocabulary, err := incident.LoadVocabulary(os.DirFS("../../web/locales"))
	if err != nil {
		t.Fatal(err)
	}
	for key := range vocabulary.Known("en") { // said by incident.Vocabulary
		named["class."+key] = true
	}
	id := regexp.MustCompile("[\"`]([a-z_]+\\.[a-z_]*[a-z])[\"`]")
	collect := func(files fs.FS, glob string, except ...string) {
		names, err := fs.Glob(files, glob)
		if err != nil || len(names) == 0 {
			t.Fatal("nothing to read", err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || name == "asset.go" {
				continue
			}
			source, err := fs.ReadFile(files, name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range id.FindAllStringSubmatch(string(source), -1) {
				if !slices.Contains(except, m[1]) {
					named[m[1]] = true
				}
			}
		}
	}
	collect(web.Files, "templates/*.html", "icon.svg", "portal.css", "reset.js", "work.js", "proof.js")
	collect(os.DirFS("."), "*.go", "en.json")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(named)), slices.Sorted(maps.Keys(catalogue(t, "locales/en.json")))); diff != "" {
		t.Errorf("named (-) and there (+):\n%s", diff)
	}
}

// Each reason is said in each language, with the number where it counts.
func TestEveryReasonInEveryLanguage(t *testing.T) {
	t.Parallel()
	l, err := loadLanguages(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range l.texts {
		said := map[string]bool{}
		for id := range catalogue(t, "locales/en.json") {
			code, is := strings.CutPrefix(id, "reason.")
			if !is {
				continue
			}
			s := in.reason(problem.Details{Code: code, Detail: "in English"}, 15)
			if s == "" || s == "in English" || said[s] || (code == "too_short") != strings.Contains(s, "15") {
				t.Errorf("%s, %s: %q", in.Lang, code, s)
			}
			said[s] = true
		}
		if len(said) < 10 {
			t.Errorf("%s has %d reasons", in.Lang, len(said))
		}
		if s := in.reason(problem.Details{Code: "new_rule", Detail: "in English"}, 15); s != "in English" {
			t.Errorf("%s, a rule without a text: %q", in.Lang, s)
		}
	}
}

func TestChoosesALanguage(t *testing.T) {
	t.Parallel()
	l := &languages{}
	bundle := i18n.NewBundle(language.English)
	var tags []language.Tag
	for _, tag := range []string{"en", "de", "pt-BR", "ar"} {
		tags = append(tags, language.MustParse(tag))
		l.texts = append(l.texts, text{Lang: tag, from: i18n.NewLocalizer(bundle, tag)})
	}
	l.matcher = language.NewMatcher(tags)
	for accept, want := range map[string]string{
		"": "en", "de-AT,de;q=0.9,en;q=0.5": "de", "fr,ar;q=0.5": "ar", "pt": "pt-BR", "xx-garbage;;q=": "en", "fr": "en", "*": "en",
		"de," + strings.Repeat("fr-FR,", 5000): "de", strings.Repeat("a", 5000): "en", "en-GB;q=0.2,de;q=0.9": "de",
	} {
		if got := l.choose(accept).Lang; got != want {
			t.Errorf("%.40q: %s, want %s", accept, got, want)
		}
	}
}

func TestWordsForTimes(t *testing.T) {
	t.Parallel()
	l, err := loadLanguages(nil)
	if err != nil {
		t.Fatal(err)
	}
	says := func(tag string, seconds int, want string) {
		t.Helper()
		in, _ := l.named(tag)
		if got := in.inSoManySeconds(seconds); !strings.Contains(got, want) {
			t.Errorf("%s, %d s: %s", tag, seconds, got)
		}
	}
	for seconds, want := range map[int]string{0: "in 1 second.", 1: "in 1 second.", 90: "in 90 seconds.", 91: "in 2 minutes.", 3600: "in 60 minutes."} {
		says("en", seconds, want)
	}
	says("de", 60, "in 60 Sekunden")
	says("de", 1, "in 1 Sekunde ")
	says("de", 120_000, "in 2.000 Minuten")
	says("fr", 120_000, "dans 2\u00a0000 minutes")
	says("fr", 1, "dans 1 seconde.")
	says("es", 120, "dentro de 2 minutos")
	says("it", 120, "tra 2 minuti")
	says("pt-BR", 1, "em 1 segundo.")
	says("ja", 40, "40秒後")
	for seconds, want := range map[int]string{1: "بعد ثانية واحدة", 2: "بعد ثانيتين", 3: "بعد 3 ثوانٍ", 11: "بعد 11 ثانية", 120: "بعد دقيقتين", 600: "بعد 10 دقائق"} {
		says("ar", seconds, want)
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	l, err := loadLanguages(nil)
	if err != nil {
		t.Fatal(err)
	}
	middle := time.Date(2011, 6, 14, 23, 30, 0, 0, time.FixedZone("", -3600)) // the 15th in UTC
	first := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	for tag, want := range map[string][2]string{
		"en": {"15 June 2011", "1 August 2026"}, "de": {"15. Juni 2011", "1. August 2026"}, "fr": {"15 juin 2011", "1er août 2026"},
		"es": {"15 de junio de 2011", "1 de agosto de 2026"}, "it": {"15 giugno 2011", "1º agosto 2026"}, "pt-BR": {"15 de junho de 2011", "1º de agosto de 2026"},
		"ja": {"2011年6月15日", "2026年8月1日"}, "ar": {"15 يونيو 2011", "1 أغسطس 2026"},
	} {
		in, known := l.named(tag)
		if got := [2]string{in.Date(&middle), in.Date(&first)}; !known || got != want {
			t.Errorf("%s: %s", tag, got)
		}
	}
}

// An operator adds a language by a file and changes words by one of the same name. What could break a page later is refused at the start.
func TestOwnLanguages(t *testing.T) {
	t.Parallel()
	read := func(name, texts string) (*languages, error) {
		return loadLanguages(fstest.MapFS{name: {Data: []byte(texts)}})
	}
	l, err := read("nl.json", `{"language.name": "Nederlands", "language.direction": "ltr", "forgot.title": "Nieuw bericht", "wait.minutes": {"one": "Over {{.Count}} minuut.", "other": "Over {{.Count}} minuten."}}`)
	if err != nil {
		t.Fatal(err)
	}
	dutch := l.choose("nl-BE")
	if got := dutch.say("forgot.title") + dutch.inSoManySeconds(600) + dutch.inSoManySeconds(2); got != "Nieuw berichtOver 10 minuten.Please try again in 2 seconds." || len(l.texts) != 9 {
		t.Error(got)
	}
	if l, err = read("de.json", `{"forgot.title": "Neue Post"}`); err != nil {
		t.Fatal(err)
	}
	if german := l.choose("de"); german.say("forgot.title") != "Neue Post" || german.say("gone.button") != "Neuen Link schicken" || len(l.texts) != 8 {
		t.Error("the operator's words do not go over ours")
	}
	for name, file := range map[string][2]string{
		"no JSON": {"nl.json", `{`}, "no tag": {"x_y_z_nowhere.json", `{"forgot.title": "x"}`}, "no name": {"nl.json", `{"language.direction": "ltr"}`},
		"no direction": {"nl.json", `{"language.name": "Nederlands"}`}, "a direction that is none": {"de.json", `{"language.direction": "up"}`},
		"an unknown text": {"de.json", `{"forgot.titel": "x"}`}, "a placeholder too many": {"de.json", `{"forgot.title": "{{.Name}}"}`},
		"a placeholder too few": {"de.json", `{"forgot.lead": "x"}`}, "another placeholder": {"de.json", `{"forgot.lead": "{{.Login}}"}`},
		"a function": {"de.json", `{"forgot.title": "{{printf 1}}"}`}, "a plural form too few": {"pl.json", `{"language.name": "Polski", "language.direction": "ltr", "wait.minutes": {"one": "{{.Count}} minuta", "other": "{{.Count}} minuty"}}`},
	} {
		if _, err := read(file[0], file[1]); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
