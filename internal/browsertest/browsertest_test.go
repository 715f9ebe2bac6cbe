package browsertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What fails a test is seen: what axe-core finds, what the browser refuses, and what is asked of anybody. A tab that saw none of it would make every test pass.
func TestTabSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			fmt.Fprint(w, `<!doctype html><title>x</title><script>const a = 1; const a = 2;</script><script>nowhere()</script>`)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'none'")
		picture := `<img src="/dot" alt="a dot">`
		if r.URL.Path == "/bad" {
			picture = `<img src="/dot">`
		}
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>x</title><main><h1>A page</h1>%s</main>`, picture)
	}))
	t.Cleanup(site.Close)
	b := Open(t, Start(t), "own")
	b.BringAxe()
	b.Open(site.URL + "/good")
	b.Clean("a page with nothing wrong")
	b.Open(site.URL + "/bad")
	if found := b.violations(); !strings.Contains(found, "image-alt") {
		t.Errorf("a picture without words: %q", found)
	}
	if _, err := b.Until("document.title", "x"); err != nil {
		t.Error(err)
	}
	if seen := b.complained(); len(seen) == 0 || !strings.Contains(seen[0], "Content Security Policy") {
		t.Errorf("a picture that the policy forbids: %q", seen)
	}
	b.Open(site.URL + "/broken")
	if seen := fmt.Sprint(b.complained()); !strings.Contains(seen, "SyntaxError") || !strings.Contains(seen, "nowhere is not defined") {
		t.Errorf("scripts that don't run: %s", seen)
	}
	if asked := b.Requests(); len(asked) == 0 || asked[0].URL != site.URL+"/good" {
		t.Errorf("asked for %v", asked)
	}
	b.mu.Lock()
	b.complaints = nil
	b.mu.Unlock()
}

func TestIndexShowsEveryPicture(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, file := range []string{"console/keys-1280-dark.png", "console/keys-0390-light.png", "console/key-revoke-0390-dark.png", "member/code-wrong-ar-0390-light.png", "failed/TestX-y.png", "notes/x.txt"} {
		path := filepath.Join(folder, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	index(t, folder)
	page, err := os.ReadFile(filepath.Join(folder, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	rest := string(page)
	for _, want := range []string{"5 pictures", `id="console/key-revoke"`, `id="console/keys"`, `src="console/keys-0390-light.png" alt="console/keys, 390 px, light"`,
		`src="console/keys-1280-dark.png"`, `id="failed/TestX-y"`, `id="member/code-wrong-ar"`} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("%s is not there, or out of order:\n%s", want, page)
		}
		rest = after
	}
}
