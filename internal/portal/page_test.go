package portal

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPlainPagesAreMadeOnce holds that each reader gets the page of their own language and path, and that spellings of a path make no more of them.
func TestPlainPagesAreMadeOnce(t *testing.T) {
	t.Parallel()
	p, e := engine(t, slow{})
	for range 2 {
		for _, lang := range []string{"en", "de", "ar"} {
			for _, path := range []string{"/reset", "/code", "/%72eset", "/forgot", "/reset?lang=" + lang, "/reset?lang=nonsense"} {
				r := httptest.NewRequest("GET", "http://reset.example"+path, nil)
				r.Header.Set("Accept-Language", lang)
				w := httptest.NewRecorder()
				e.ServeHTTP(w, r)
				if w.Code != http.StatusOK || w.Header().Get("Content-Language") != lang || !strings.Contains(w.Body.String(), `<html lang="`+lang+`"`) || strings.Contains(w.Body.String(), "%72") {
					t.Errorf("%s in %s: %d, in %q", path, lang, w.Code, w.Header().Get("Content-Language"))
				}
			}
		}
	}
	made := 0
	p.plain.Range(func(any, any) bool { made++; return true })
	if made != 3*4 { // /reset, /code, /forgot and /reset with the language chosen
		t.Errorf("%d pages were kept", made)
	}
}
