package portal

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// langField is the query parameter by which a link chooses a language, and the hidden field by which forms keep it. There is no cookie to keep it in.
const langField = "lang"

// langKey is where the field of a form is kept for the page that answers it.
const langKey = "lang chosen"

// asked is the language chosen by hand, as it was sent: from the query of a GET, the only thing ever read there, or from the form. Given twice it is ignored.
func asked(c *gin.Context) string {
	if c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead {
		return c.GetString(langKey)
	}
	if given := c.Request.URL.Query()[langField]; len(given) == 1 {
		return given[0]
	}
	return ""
}

// here is the page to show in another language: the one itself if it can be asked for again, else the one that its form came from.
func here(c *gin.Context) string {
	switch {
	case c.FullPath() == "":
		return "/"
	case c.Request.Method == http.MethodPost && c.FullPath() != "/forgot":
		return "/reset"
	}
	return c.Request.URL.EscapedPath()
}

// languageLink leads to the same page in a language.
type languageLink struct {
	text
	Href    string
	Current bool
}

// Languages is the switch, in an order that is the same on every page.
func (v *view) Languages() []languageLink {
	var links []languageLink
	for _, t := range v.all.texts {
		links = append(links, languageLink{text: t, Href: v.here + "?" + langField + "=" + t.Lang, Current: t.Lang == v.Lang})
	}
	return links
}

// To is one of our own pages, in the language chosen by hand if one was.
func (v *view) To(path string) string {
	if v.Chosen == "" {
		return path
	}
	return path + "?" + langField + "=" + v.Chosen
}
