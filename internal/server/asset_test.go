package server_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/server"
)

const sheetText = "body { color: black; background: white; margin: 0; padding: 0; color: black; background: white; margin: 0; padding: 0 }"

func assetsOf(t *testing.T, sheet string) server.Assets {
	t.Helper()
	a := make(server.Assets)
	files := fstest.MapFS{"static/page.css": {Data: []byte(sheet)}, "static/a.js": {Data: []byte("1")}, "static/notes.txt": {Data: []byte("x")}}
	if err := a.AddFiles(files, "static/*.css", "static/*.js"); err != nil {
		t.Fatal(err)
	}
	return a
}

func served(a server.Assets) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := a.Serve(c); err != nil {
			server.Fail(c, err)
		}
	}
}

// Another content has another address; only under its own may a file be kept.
func TestAssetsAreNamedByContent(t *testing.T) {
	t.Parallel()
	a, other := assetsOf(t, sheetText), assetsOf(t, sheetText+" ")
	e, _ := engine(t, func(o *server.Options) { o.Headers = server.PageHeaders(true) })
	server.Get(e, server.AssetPath, served(a))
	old := other.URL("page.css")
	if old == a.URL("page.css") || other.URL("a.js") != a.URL("a.js") || a.URL("notes.txt") != "" {
		t.Errorf("addresses: %v and %v", a, other)
	}
	for _, row := range []struct {
		path, cache, mediaType string
		status                 int
	}{
		{a.URL("page.css"), "public, max-age=31536000, immutable", "text/css; charset=utf-8", 200},
		{a.URL("a.js"), "public, max-age=31536000, immutable", "text/javascript; charset=utf-8", 200},
		{old, "no-store", "text/css; charset=utf-8", 200},
		{"/static/0123456789abcdef/notes.txt", "no-store", "application/problem+json", 404},
	} {
		w := ask(e, "GET", row.path, nil)
		got := w.Header()
		if w.Code != row.status || got.Get("Cache-Control") != row.cache || got.Get("Content-Type") != row.mediaType || got.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", row.path, w.Code, got)
		}
		if row.path == old && w.Body.String() != sheetText {
			t.Errorf("under the hash of another version: %q", w.Body)
		}
	}
}

func TestAssetsAreCompressedForWhoAsks(t *testing.T) {
	t.Parallel()
	a := assetsOf(t, sheetText)
	e, _ := engine(t, nil)
	server.Get(e, server.AssetPath, served(a))
	for accept, packed := range map[string]bool{
		"gzip": true, "gzip, deflate, br": true, "br;q=1.0, GZIP;q=0.5": true, "deflate , gzip ; q=1": true,
		"": false, "br": false, "gzip;q=0": false, "gzip;q=0.000, br": false, "x-gzip": false, "gzipped": false, "*;q=0": false,
	} {
		w := ask(e, "GET", a.URL("page.css"), func(r *http.Request) { r.Header.Set("Accept-Encoding", accept) })
		size, coding := w.Body.Len(), w.Header().Get("Content-Encoding")
		if packed {
			unpacked, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(accept, err)
			}
			var text strings.Builder
			if _, err := io.Copy(&text, unpacked); err != nil || text.String() != sheetText || size >= len(sheetText) {
				t.Errorf("%q: %d bytes are %q (%v)", accept, size, &text, err)
			}
		}
		if (coding == "gzip") != packed || w.Header().Get("Vary") != "Accept-Encoding" || !packed && w.Body.String() != sheetText {
			t.Errorf("%q: %v, %d bytes", accept, w.Header(), size)
		}
	}
	if w := ask(e, "GET", a.URL("a.js"), func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") }); w.Header().Get("Vary") != "" || w.Body.String() != "1" {
		t.Errorf("a file that gzip makes longer: %v %q", w.Header(), w.Body)
	}
}
