package audit

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Limits that keep one entry small: it is read by people and stored for years.
const (
	maxName  = 200 // characters of an actor's name, an object, a key, a request id
	maxText  = 500 // characters of a text in the detail
	maxItems = 50  // keys of one map, elements of one list
	maxDepth = 4   // maps within maps
	maxExact = 1 << 53
)

const redacted = "[redacted]"

// denied are the words that, anywhere in a key, make its value a secret. Keys are compared by whole words, so that "keyboard"
// and "decode" pass.
var denied = words(`password passwords passwd passphrase pwd pass secret secrets token tokens jwt code codes otp pin key keys
	hash hashes digest salt pepper authorization bearer cookie cookies dsn signature seed`)

// harmless are the last words that turn a denied key into something about a secret instead of the secret itself.
var harmless = words("id ids kid at count counts version scheme schemes kind state name length changed set upgraded source")

func words(list string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

// shapes are values that are secret under any key: JSON web tokens, password hashes (PHC, modular crypt, LDAP), the fragment
// of a reset link, and the password in a URL.
var shapes = regexp.MustCompile(`eyJ[\w-]{5,}\.[\w-]+\.[\w-]*` +
	`|\$(?:argon2|pbkdf2|scrypt|bcrypt|[0-9][abxy]?|[PH]|y|gy|sha1)[\w-]*\$[^\s"]+` +
	`|\{(?i:S?SHA\d*|S?MD5|CRYPT|PBKDF2[\w-]*)\}[^\s"]+` +
	`|#t=[^\s"&]+` +
	`|://[^\s/@"]*:[^\s/@"]*@`)

// typedCode is a reset code as a member types it, XXXX-XXXX-XXXX in Crockford base32. It is looked for in texts, not in the
// name of an object: a subject may look the same.
var typedCode = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{4}[- ][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{4}[- ][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{4}\b`)

func mask(s string, pattern *regexp.Regexp) string {
	return pattern.ReplaceAllString(s, redacted)
}

// redact returns a copy of d without secrets, control characters and long texts, made of plain values alone.
func redact(d Detail) Detail {
	clean, _ := redactValue(plainMap(d), 0).(map[string]any)
	return clean
}

func redactValue(v any, depth int) any {
	switch v := v.(type) {
	case string:
		return mask(mask(line(v, maxText), shapes), typedCode)
	case map[string]any:
		if depth >= maxDepth {
			return "[too deep]"
		}
		return redactMap(v, depth)
	case []any:
		if depth >= maxDepth {
			return "[too deep]"
		}
		list := make([]any, 0, min(len(v), maxItems))
		for _, e := range v[:min(len(v), maxItems)] {
			list = append(list, redactValue(e, depth+1))
		}
		return list
	default:
		return v
	}
}

// redactMap keeps the first maxItems keys in order of name, so that what is left out does not depend on chance.
func redactMap(m map[string]any, depth int) map[string]any {
	out := make(map[string]any, len(m))
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i == maxItems {
			out["omitted"] = int64(len(m) - maxItems)
			break
		}
		if secretKey(k) {
			out[line(k, maxName)] = redacted
			continue
		}
		out[line(k, maxName)] = redactValue(m[k], depth+1)
	}
	return out
}

// secretKey tells a key whose value must not be written. It splits at every case change and every character that is neither
// letter nor digit.
func secretKey(key string) bool {
	split := splitWords(key)
	if len(split) == 0 || harmless[split[len(split)-1]] || split[0] == "no" { // no_password counts who has none
		return false
	}
	for _, w := range split {
		if denied[w] {
			return true
		}
	}
	return false
}

func splitWords(key string) []string {
	var b strings.Builder
	lower := false
	for _, r := range key {
		if unicode.IsUpper(r) && lower {
			b.WriteByte(' ')
		}
		lower = unicode.IsLower(r) || unicode.IsDigit(r)
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			r = ' '
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Fields(b.String())
}

// line makes s one visible line of valid UTF-8 of at most limit characters: whatever breaks lines, moves the cursor or turns
// the direction of writing becomes U+FFFD (standards: log injection, OWASP Logging).
func line(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return s
}

// plainMap is d as strings, booleans, whole numbers, nil, lists and maps of these: what comes back unchanged from JSON text
// and from jsonb, whichever way it is decoded. It never returns nil.
func plainMap(d map[string]any) map[string]any {
	out := make(map[string]any, len(d))
	for k, v := range d {
		out[k] = plain(v)
	}
	return out
}

func plain(v any) any {
	switch v := v.(type) {
	case nil, bool, string:
		return v
	case int64:
		return plainInt(v)
	case int:
		return plainInt(int64(v))
	case float64:
		return plainFloat(v)
	case json.Number:
		return plainNumber(v)
	case error:
		return v.Error()
	case map[string]any:
		return plainMap(v)
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = plain(e)
		}
		return list
	default:
		return plainOther(v)
	}
}

// plainInt writes numbers that a float64 cannot hold exactly as text: some reader would round them.
func plainInt(n int64) any {
	if n > maxExact || n < -maxExact {
		return strconv.FormatInt(n, 10)
	}
	return n
}

// plainFloat writes fractions as text, since jsonb and Go write the same fraction differently.
func plainFloat(f float64) any {
	if f == math.Trunc(f) && math.Abs(f) <= maxExact {
		return int64(f)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func plainNumber(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return plainInt(i)
	}
	if f, err := n.Float64(); err == nil {
		return plainFloat(f)
	}
	return n.String()
}

// plainOther brings any other type, times and structs among them, into plain form by way of its JSON.
func plainOther(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("[%T]", v)
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var decoded any
	if err := d.Decode(&decoded); err != nil {
		return fmt.Sprintf("[%T]", v)
	}
	return plain(decoded)
}
