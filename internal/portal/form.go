package portal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// errUnreadable is the one answer to a body that cannot be read in exactly one way.
var errUnreadable = problem.New(problem.Invalid, "The request could not be read.")

// readForm gives the named fields of an urlencoded body. A field that is missing is empty. Refused, because two readers could read them in two
// ways: a field given twice, or also in another case, or also in the query string. Other fields and the rest of the query are not looked at.
// The language that a form carries is kept for the page that answers it.
func readForm(c *gin.Context, names ...string) (map[string]string, error) {
	names = append(names, langField)
	body, err := readBody(c, "application/x-www-form-urlencoded")
	if err != nil {
		return nil, err
	}
	sent, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errUnreadable
	}
	for name := range c.Request.URL.Query() {
		if isOneOf(name, names) {
			return nil, errUnreadable
		}
	}
	form := make(map[string]string, len(names))
	for name, values := range sent {
		if !isOneOf(name, names) {
			continue
		}
		if len(values) != 1 || !slices.Contains(names, name) || !utf8.ValidString(values[0]) {
			return nil, errUnreadable
		}
		form[name] = values[0]
	}
	c.Set(langKey, form[langField])
	return form, nil
}

func isOneOf(name string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// readToken gives the token of a form, or of a JSON object that has a token and nothing else.
func readToken(c *gin.Context) (string, error) {
	if c.ContentType() != "application/json" {
		form, err := readForm(c, "token")
		return form["token"], err
	}
	body, err := readBody(c, "application/json")
	if err != nil {
		return "", err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	var parts []json.Token
	for len(parts) <= 4 {
		part, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", errUnreadable
		}
		parts = append(parts, part)
	}
	if len(parts) != 4 || parts[0] != json.Delim('{') || parts[1] != "token" || parts[3] != json.Delim('}') {
		return "", errUnreadable
	}
	token, ok := parts[2].(string)
	if !ok {
		return "", errUnreadable
	}
	return token, nil
}

// readBody reads the whole body, which server.MaxBody has capped, if it is of the media type. A body over the cap fails as problem.TooLarge.
func readBody(c *gin.Context, mediaType string) ([]byte, error) {
	media, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || media != mediaType {
		return nil, errUnreadable
	}
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return nil, fmt.Errorf("reading a form: %w", err)
	}
	return body, nil
}
