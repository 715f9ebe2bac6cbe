package portal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/server"
	"github.com/seed-1c168855/rekey/web"
)

// iconColour is the colour of icon.svg as it stands in the file.
const iconColour = "#0b5cad"

// loadAssets reads web/static, adds the theme to the style sheet, and adds the logo.
func loadAssets(colour, logo string, logoData []byte) (server.Assets, error) {
	theme, err := themeOf(colour)
	if err != nil {
		return nil, err
	}
	all := make(server.Assets)
	if err := all.AddFiles(web.Files, "static/*.js"); err != nil {
		return nil, err
	}
	for _, name := range []string{"portal.css", "icon.svg"} {
		data, err := fs.ReadFile(web.Files, "static/"+name)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		switch {
		case name == "portal.css":
			data = append(data, theme.css...)
		case theme.accent != "":
			data = bytes.ReplaceAll(data, []byte(iconColour), []byte(theme.accent))
		}
		all.Add(name, data)
	}
	if len(logoData) > 0 {
		all.Add(logo, logoData)
	}
	return all, nil
}

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

func (p *Portal) static(c *gin.Context) {
	if err := p.assets.Serve(c); err != nil {
		server.Fail(c, err)
	}
}
