package api

import "bytes"

// The bounds of GateRequest's schema, which a test compares with it.
const (
	maxSubject  = 1024
	maxIssuedAt = 253402300799
)

// readPlain reads {"subject":"…"} and {"subject":"…","session_issued_at":…}, with or without a space after colon and comma, where the subject is
// printable ASCII without escapes.
func (r *GateRequest) readPlain(text []byte) bool {
	rest, ok := plainMember(text, '{', `"subject":`)
	if !ok || len(rest) == 0 || rest[0] != '"' {
		return false
	}
	subject, rest, ok := plainText(rest[1:])
	if !ok {
		return false
	}
	if string(rest) == "}" {
		r.Subject = subject
		return true
	}
	if rest, ok = plainMember(rest, ',', `"session_issued_at":`); !ok {
		return false
	}
	at, ok := plainNumber(rest)
	if ok {
		r.Subject, r.SessionIssuedAt = subject, &at
	}
	return ok
}

// plainMember takes what stands before a member, its name and the colon away.
func plainMember(text []byte, before byte, name string) ([]byte, bool) {
	if len(text) == 0 || text[0] != before {
		return nil, false
	}
	text = text[1:]
	if before == ',' {
		text = bytes.TrimPrefix(text, []byte(" "))
	}
	text, ok := bytes.CutPrefix(text, []byte(name))
	return bytes.TrimPrefix(text, []byte(" ")), ok
}

// plainText reads up to the closing quote.
func plainText(text []byte) (value string, rest []byte, ok bool) {
	n := 0
	for n < len(text) && text[n] >= ' ' && text[n] <= '~' && text[n] != '"' && text[n] != '\\' {
		n++
	}
	if n == 0 || n > maxSubject || n == len(text) || text[n] != '"' {
		return "", nil, false
	}
	return string(text[:n]), text[n+1:], true
}

// plainNumber reads a whole number that ends the object.
func plainNumber(text []byte) (n int64, ok bool) {
	digits, ok := bytes.CutSuffix(text, []byte("}"))
	if !ok || len(digits) == 0 || len(digits) > len("253402300799") || (digits[0] == '0' && len(digits) > 1) {
		return 0, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = 10*n + int64(d-'0')
	}
	return n, n <= maxIssuedAt
}
