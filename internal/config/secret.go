package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Secret is a text that no print, log or JSON shows.
type Secret struct{ text string }

// NewSecret makes one in code; from outside they are parsed.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal is the text, for whoever connects with it.
func (s Secret) Reveal() string { return s.text }

// IsZero tells a secret that was not given.
func (s Secret) IsZero() bool { return s.text == "" }

// UnmarshalText takes any text.
func (s *Secret) UnmarshalText(text []byte) error {
	s.text = string(text)
	return nil
}

// MarshalText gives "[redacted]" to encoders and logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Format prints "[redacted]" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// String is "[redacted]", or nothing where nothing was given.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return "[redacted]"
}

// maxSecretFile bounds what is read as a secret: a wrong path must not be slurped.
const maxSecretFile = 8 << 10

// fromFile reads the secret from a file if one is named, as container platforms mount them; the last line break is theirs.
func (s *Secret) fromFile(setting, path string) error {
	if path == "" {
		return nil
	}
	if !s.IsZero() {
		return fmt.Errorf("%s and %s_FILE: give one of them", setting, setting)
	}
	info, err := os.Stat(path)
	if err == nil && (info.IsDir() || info.Size() > maxSecretFile) {
		err = errors.New("must be a file of one line")
	}
	if err != nil {
		return fmt.Errorf("%s_FILE: %w", setting, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s_FILE: %w", setting, err)
	}
	s.text = strings.TrimRight(string(text), "\r\n")
	if s.text == "" {
		return fmt.Errorf("%s_FILE: the file is empty", setting)
	}
	return nil
}
