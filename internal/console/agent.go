package console

import (
	"strings"

	"github.com/seed-1c168855/rekey/internal/operator"
)

// The marks by which browsers and systems are told in a User-Agent, those first that name others too.
var (
	browsers = [][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}}
	systems  = [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)

// browserOf is what somebody recognises a session of theirs by: "Firefox on Windows", or the beginning of what the browser says of itself.
func browserOf(agent string) string {
	browser, system := marked(agent, browsers), marked(agent, systems)
	switch {
	case browser == "":
		return operator.Label(agent, "unknown")
	case system == "":
		return browser
	}
	return browser + " on " + system
}

func marked(agent string, marks [][2]string) string {
	for _, m := range marks {
		if strings.Contains(agent, m[0]) {
			return m[1]
		}
	}
	return ""
}
