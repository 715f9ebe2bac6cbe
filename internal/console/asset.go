package console

import (
	"github.com/seed-1c168855/rekey/internal/server"
	"github.com/seed-1c168855/rekey/web"
)

// loadAssets reads every style sheet and script of the console, what it takes from others, and the icon.
func loadAssets() (server.Assets, error) {
	all := make(server.Assets)
	return all, all.AddFiles(web.Files, "console/*.css", "console/*.js", "vendor/*/*.css", "vendor/*/*.js", "static/icon.svg")
}

func (c *Console) static(r *call) error { return c.assets.Serve(r.Context) }
