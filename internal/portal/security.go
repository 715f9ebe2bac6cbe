package portal

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// securityLife is how long security.txt may be relied on; it is made anew for each reader. RFC 9116 §2.5.5 wants less than a year.
const securityLife = 180 * 24 * time.Hour

// securityText tells researchers where to report a weakness (RFC 9116). Without a contact that is an address or an https URL there is none.
func (p *Portal) securityText(c *gin.Context) {
	contact := p.site.Contact
	if contact == nil || !strings.HasPrefix(contact.Href, "mailto:") && !strings.HasPrefix(contact.Href, "https://") {
		p.notFound(c)
		return
	}
	lines := []string{
		"Contact: " + contact.Href,
		"Expires: " + time.Now().UTC().Add(securityLife).Truncate(24*time.Hour).Format(time.RFC3339),
		"Preferred-Languages: en",
	}
	if p.https { // §2.5.2: only an https address may stand here
		lines = append(lines, "Canonical: "+p.site.Public+"/.well-known/security.txt")
	}
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte(strings.Join(lines, "\n")+"\n"))
}
