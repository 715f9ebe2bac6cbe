package portal

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"github.com/seed-1c168855/rekey/web"
)

// Every text that templates and code name is in the catalogue, and every one in it is named.
func TestCatalogueIsExact(t *testing.T) {
	t.Parallel()
	data, err := fs.ReadFile(web.Files, "locales/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var catalogue map[string]any
	if err := json.Unmarshal(data, &catalogue); err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, id := range []string{"too_short", "too_long", "too_long_for_bcrypt", "not_text", "control", "confirm", "same_password", "common", "breached", "repeated", "sequence", "context"} {
		named["reason."+id] = true // made from the codes of internal/password and internal/reset
	}
	for _, month := range strings.Fields("1 2 3 4 5 6 7 8 9 10 11 12") {
		named["language.month_"+month] = true
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
	collect(web.Files, "templates/*.html", "icon.svg", "portal.css", "reset.js")
	collect(os.DirFS("."), "*.go")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(named)), slices.Sorted(maps.Keys(catalogue))); diff != "" {
		t.Errorf("named (-) and there (+):\n%s", diff)
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
	l, err := loadLanguages()
	if err != nil {
		t.Fatal(err)
	}
	en := l.texts[0]
	for seconds, want := range map[int]string{0: "in 1 second.", 1: "in 1 second.", 90: "in 90 seconds.", 91: "in 2 minutes.", 3600: "in 60 minutes."} {
		if got := en.inSoManySeconds(seconds); !strings.Contains(got, want) {
			t.Errorf("%d: %s", seconds, got)
		}
	}
	at := time.Date(2011, 6, 14, 23, 30, 0, 0, time.FixedZone("", -3600)) // the 15th in UTC
	if got := en.Date(&at); got != "15 June 2011" {
		t.Error(got)
	}
}
