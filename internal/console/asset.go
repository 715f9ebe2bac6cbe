package console

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/web"
)

// asset is a static file under an address that names its content, so that browsers may keep it for good.
type asset struct {
	url, hash, mediaType string
	data                 []byte
}

type assets map[string]asset

var mediaTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// loadAssets reads every style sheet and script of the console, what it takes from others, and the icon.
func loadAssets() (assets, error) {
	all := make(assets)
	for _, pattern := range []string{"console/*.css", "console/*.js", "vendor/*/*.css", "vendor/*/*.js", "static/icon.svg"} {
		files, err := fs.Glob(web.Files, pattern)
		if err != nil {
			return nil, fmt.Errorf("looking for %s: %w", pattern, err)
		}
		for _, file := range files {
			data, err := fs.ReadFile(web.Files, file)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", file, err)
			}
			all.add(path.Base(file), data)
		}
	}
	return all, nil
}

func (a assets) add(name string, data []byte) {
	sum := sha256.Sum256(data)
	hash := hex.EncodeToString(sum[:8])
	a[name] = asset{url: "/static/" + hash + "/" + name, hash: hash, mediaType: mediaTypes[path.Ext(name)], data: data}
}

// static serves an asset. Under another hash, which a page of another replica's version names while versions change, it serves its own and lets nobody keep it.
func (c *Console) static(r *call) error {
	a, found := c.assets[r.Param("name")]
	if !found {
		return problem.New(problem.NotFound, "There is nothing at this address.")
	}
	if r.Param("hash") == a.hash {
		r.Header("Cache-Control", "public, max-age=31536000, immutable")
	}
	r.Data(http.StatusOK, a.mediaType, a.data)
	return nil
}
