package config

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// Source gives kong the settings that no flag set: from the environment, else from the file that --config or REKEY_CONFIG names.
func Source(getenv func(string) string) kong.Resolver { return &source{getenv: getenv} }

type source struct {
	getenv func(string) string
	read   bool
	file   map[string]string
}

// Variable is the environment variable of a flag: database-url is REKEY_DATABASE_URL.
func Variable(flag string) string {
	return "REKEY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// IsSetting tells the flags that are settings from those of a command: settings have a group.
func IsSetting(f *kong.Flag) bool { return f.Group != nil }

func (s *source) Validate(*kong.Application) error { return nil }

// Resolve looks the flag's variable up. An empty variable counts as unset.
func (s *source) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !IsSetting(flag) {
		return nil, nil
	}
	if err := s.readFile(ctx); err != nil {
		return nil, err
	}
	name := Variable(flag.Name)
	for _, value := range []string{s.getenv(name), s.file[name]} {
		if value != "" {
			return value, nil
		}
	}
	return nil, nil
}

// readFile reads the settings file once, wherever it is named.
func (s *source) readFile(ctx *kong.Context) error {
	if s.read {
		return nil
	}
	s.read = true
	path := s.getenv("REKEY_CONFIG")
	for _, p := range ctx.Path {
		if p.Flag != nil && p.Flag.Name == "config" {
			path, _ = ctx.FlagValue(p.Flag).(string)
		}
	}
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the settings file: %w", err)
	}
	s.file, err = parseFile(string(text), settingNames(ctx.Model))
	return err
}

func settingNames(app *kong.Application) map[string]bool {
	names := map[string]bool{}
	for _, f := range app.Flags {
		if IsSetting(f) {
			names[Variable(f.Name)] = true
		}
	}
	return names
}

// parseFile reads lines of NAME=VALUE as systemd and container tools do: blank lines and lines that begin with # are passed over,
// a value may stand in quotes. A name that is no setting is an error, for it is a typing mistake. No error shows a value.
func parseFile(text string, known map[string]bool) (map[string]string, error) {
	values := map[string]string{}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		switch _, twice := values[name]; {
		case !found:
			return nil, fmt.Errorf("settings file, line %d: must be NAME=VALUE", i+1)
		case !known[name]:
			return nil, fmt.Errorf("settings file, line %d: there is no setting of that name", i+1)
		case twice:
			return nil, fmt.Errorf("settings file, line %d: %s is set twice", i+1, name)
		}
		values[name] = unquote(strings.TrimSpace(value))
	}
	return values, nil
}

func unquote(value string) string {
	if n := len(value); n >= 2 && value[0] == value[n-1] && (value[0] == '"' || value[0] == '\'') {
		return value[1 : n-1]
	}
	return value
}

var flagAtStart = regexp.MustCompile(`^--(?:no-)?([a-z0-9-]+): `)

// Explain names the setting in an error of kong's, which knows it as a flag only; false if the error is about none.
func Explain(app *kong.Application, err error) (error, bool) {
	m := flagAtStart.FindStringSubmatch(err.Error())
	if m == nil || !settingNames(app)[Variable(m[1])] {
		return err, false
	}
	return fmt.Errorf("%s (--%s): %s", Variable(m[1]), m[1], err.Error()[len(m[0]):]), true
}
