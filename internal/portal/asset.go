package portal

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
	"github.com/seed-1c168855/rekey/web"
)

// asset is a static file under an address that names its content, so that browsers may keep it for good and have nothing to revalidate.
type asset struct {
	url, hash, mediaType string
	data                 []byte
	packed               []byte // data by gzip; nil where that saves nothing
}

type assets map[string]asset

// mediaTypes is every kind of file there is.
var mediaTypes = map[string]string{
	"portal.css": "text/css; charset=utf-8",
	"reset.js":   "text/javascript; charset=utf-8",
	"work.js":    "text/javascript; charset=utf-8",
	"proof.js":   "text/javascript; charset=utf-8",
	"icon.svg":   "image/svg+xml",
	"logo.svg":   "image/svg+xml",
	"logo.png":   "image/png",
}

// iconColour is the colour of icon.svg as it stands in the file.
const iconColour = "#0b5cad"

// loadAssets reads web/static, adds the theme to the style sheet, and adds the logo.
func loadAssets(colour, logo string, logoData []byte) (assets, error) {
	theme, err := themeOf(colour)
	if err != nil {
		return nil, err
	}
	all := make(assets)
	for _, name := range []string{"portal.css", "reset.js", "work.js", "proof.js", "icon.svg"} {
		data, err := fs.ReadFile(web.Files, "static/"+name)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		switch {
		case name == "portal.css":
			data = append(data, theme.css...)
		case name == "icon.svg" && theme.accent != "":
			data = bytes.ReplaceAll(data, []byte(iconColour), []byte(theme.accent))
		}
		all.add(name, data)
	}
	if len(logoData) > 0 {
		all.add(logo, logoData)
	}
	return all, nil
}

func (a assets) add(name string, data []byte) {
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:8])
	a[name] = asset{url: "/static/" + hash + "/" + name, hash: hash, mediaType: mediaTypes[name], data: data, packed: pack(data)}
}

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

// maxLogo keeps the pages light.
const maxLogo = 32 << 10

// logoName tells SVG and PNG apart by their beginnings and refuses the rest. An SVG is shown by <img>, where its scripts do not run.
func logoName(data []byte) (string, error) {
	start := bytes.TrimSpace(data[:min(len(data), 512)])
	switch {
	case len(data) == 0:
		return "icon.svg", nil
	case len(data) > maxLogo:
		return "", fmt.Errorf("portal: the logo is over %d bytes", maxLogo)
	case bytes.HasPrefix(start, []byte("\x89PNG\r\n\x1a\n")):
		return "logo.png", nil
	case bytes.HasPrefix(start, []byte("<svg")), bytes.HasPrefix(start, []byte("<?xml")):
		return "logo.svg", nil
	}
	return "", errors.New("portal: the logo is neither SVG nor PNG")
}

// static serves an asset. Under another hash, which a page of another replica's version names while versions change, it serves its own and lets nobody keep it.
func (p *Portal) static(c *gin.Context) {
	a, found := p.assets[c.Param("name")]
	if !found {
		server.Fail(c, problem.New(problem.NotFound, "There is nothing at this address."))
		return
	}
	if c.Param("hash") == a.hash {
		c.Header("Cache-Control", "public, max-age=31536000, immutable")
	}
	data := a.data
	if a.packed != nil {
		c.Header("Vary", "Accept-Encoding")
		if takesGzip.MatchString(c.GetHeader("Accept-Encoding")) {
			c.Header("Content-Encoding", "gzip")
			data = a.packed
		}
	}
	c.Data(http.StatusOK, a.mediaType, data)
}
