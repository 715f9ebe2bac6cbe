package main

import (
	"io"
	"log/slog"
	"slices"
	"strings"
)

// secretWords make the value of a log attribute a secret, wherever they stand in its key.
var secretWords = []string{"password", "token", "code", "key", "hash", "secret", "authorization", "cookie", "dsn"}

// plainKeys hold one of the words and no secret.
var plainKeys = []string{"kid", "key_id"}

// newLogger logs JSON lines. Nothing secret is meant to reach it; redact is the belt to those braces.
func newLogger(w io.Writer, level string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		least = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: least, ReplaceAttr: redact}))
}

// redact drops values that stand under a secret's name. Numbers and truth values are counts and switches, and pass.
func redact(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindBool, slog.KindDuration, slog.KindTime:
		return a
	}
	key := strings.ToLower(a.Key)
	secret := slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(key, word) })
	if secret && !slices.Contains(plainKeys, key) {
		return slog.String(a.Key, "[redacted]")
	}
	return a
}
