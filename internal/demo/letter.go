package demo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
)

// Letter is a mail as a member reads it.
type Letter struct {
	From, To, Subject string
	Text, HTML        string
}

// Read takes a mail apart: headers decoded, and the first part of each kind.
func (m Mail) Read() (Letter, error) {
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return Letter{}, fmt.Errorf("reading mail %d: %w", m.ID, err)
	}
	l := Letter{From: decoded(parsed.Header.Get("From")), To: decoded(parsed.Header.Get("To")), Subject: m.Subject}
	if err := l.take(parsed.Header, parsed.Body); err != nil {
		return Letter{}, fmt.Errorf("reading mail %d: %w", m.ID, err)
	}
	return l, nil
}

// header is that of a mail or of a part.
type header interface{ Get(string) string }

func (l *Letter) take(h header, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("content type: %w", err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		return l.takeParts(multipart.NewReader(body, params["boundary"]))
	}
	if strings.EqualFold(h.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(io.LimitReader(body, maxMailSize))
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	switch {
	case kind == "text/plain" && l.Text == "":
		l.Text = strings.ReplaceAll(string(text), "\r\n", "\n")
	case kind == "text/html" && l.HTML == "":
		l.HTML = string(text)
	}
	return nil
}

func (l *Letter) takeParts(r *multipart.Reader) error {
	for {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("parts: %w", err)
		}
		if err := l.take(part.Header, part); err != nil {
			return err
		}
	}
}

func subjectOf(raw []byte) string {
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return "(not readable)"
	}
	return decoded(parsed.Header.Get("Subject"))
}

func decoded(header string) string {
	text, err := new(mime.WordDecoder).DecodeHeader(header)
	if err != nil {
		return header
	}
	return text
}

var (
	linkToken = regexp.MustCompile(`https?://\S+/reset#t=([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)`)
	typedCode = regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b`)
)

// Token is the one in the letter's link; "" if there is none.
func (l Letter) Token() string {
	if m := linkToken.FindStringSubmatch(l.Text); m != nil {
		return m[1]
	}
	return ""
}

// Code is the typed code beside the link; "" if there is none.
func (l Letter) Code() string { return typedCode.FindString(webAddress.ReplaceAllString(l.Text, "")) }
