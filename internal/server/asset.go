package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// Assets are static files by name, each under an address that names its content, so that browsers may keep it for good and have nothing to revalidate.
// They are complete before anything is served.
type Assets map[string]asset

type asset struct {
	url, hash, mediaType string
	data                 []byte
	packed               []byte // data by gzip; nil where that saves nothing
}

// AssetPath is the route of every asset.
const AssetPath = "/static/:hash/:name"

// mediaTypes is every kind of file there is.
var mediaTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png"}

// AddFiles adds what the patterns (path.Match) name, by the last part of its path.
func (a Assets) AddFiles(fsys fs.FS, patterns ...string) error {
	for _, pattern := range patterns {
		files, err := fs.Glob(fsys, pattern)
		if err != nil {
			return fmt.Errorf("looking for %s: %w", pattern, err)
		}
		for _, file := range files {
			data, err := fs.ReadFile(fsys, file)
			if err != nil {
				return fmt.Errorf("reading %s: %w", file, err)
			}
			a.Add(path.Base(file), data)
		}
	}
	return nil
}

// Add adds a file, in place of one of the same name.
func (a Assets) Add(name string, data []byte) {
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:8])
	a[name] = asset{url: "/static/" + hash + "/" + name, hash: hash, mediaType: mediaTypes[path.Ext(name)], data: data, packed: pack(data)}
}

// URL is the address of a file, empty for one that there is not.
func (a Assets) URL(name string) string { return a[name].url }

// MediaType is what a file is served as.
func (a Assets) MediaType(name string) string { return a[name].mediaType }

// pack compresses once, at the start. Only files are ever compressed: a page may hold a token beside what was sent to us, and its compressed
// length would tell about the token (BREACH).
func pack(data []byte) []byte {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := w.Write(data); err != nil || w.Close() != nil || packed.Len() >= len(data) {
		return nil
	}
	return packed.Bytes()
}

// takesGzip reads Accept-Encoding (RFC 9110 §12.5.3) for the one coding there is.
var takesGzip = regexp.MustCompile(`(?i)(?:^|,)\s*gzip\s*(?:;\s*q=(?:1(?:\.0*)?|0\.[0-9]*[1-9][0-9]*)\s*)?(?:,|$)`)

// Serve answers for AssetPath, or returns problem.NotFound. Under another hash, which a page of another replica's version names while versions change, it
// serves its own and lets nobody keep it.
func (a Assets) Serve(c *gin.Context) error {
	file, found := a[c.Param("name")]
	if !found {
		return problem.New(problem.NotFound, "There is nothing at this address.")
	}
	if c.Param("hash") == file.hash {
		c.Header("Cache-Control", "public, max-age=31536000, immutable")
	}
	data := file.data
	if file.packed != nil {
		c.Header("Vary", "Accept-Encoding")
		if takesGzip.MatchString(c.GetHeader("Accept-Encoding")) {
			c.Header("Content-Encoding", "gzip")
			data = file.packed
		}
	}
	c.Data(http.StatusOK, file.mediaType, data)
	return nil
}
