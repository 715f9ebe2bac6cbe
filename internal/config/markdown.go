package config

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

const intro = `# Settings

Every setting is an environment variable, a flag of the same name (` + "`REKEY_LISTEN`" + ` is ` + "`--listen`" + `) and a line of the file that
` + "`REKEY_CONFIG`" + ` names. A flag wins over the environment, the environment over the file. Secrets can be read from a file of their own,
` + "`…_FILE`" + `, so that they are in no environment and no process list. A value that is out of range stops every command before it does
anything, with an error that names the setting.
`

// Markdown is docs/settings.md, made from the tags of Settings.
func Markdown() (string, error) {
	parser, err := kong.New(&struct {
		Settings `embed:""`
	}{})
	if err != nil {
		return "", fmt.Errorf("reading the settings' tags: %w", err)
	}
	var b strings.Builder
	b.WriteString(intro)
	group := ""
	for _, f := range parser.Model.Flags {
		if !IsSetting(f) {
			continue
		}
		if f.Group.Title != group {
			group = f.Group.Title
			fmt.Fprintf(&b, "\n## %s\n\n| setting | meaning | default | range |\n| --- | --- | --- | --- |\n", group)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", Variable(f.Name), cell(f.Help), fallback(f), cell(f.Tag.Get("range")))
	}
	return b.String(), nil
}

func fallback(f *kong.Flag) string {
	switch {
	case f.Tag.Get("unset") != "":
		return cell(f.Tag.Get("unset"))
	case f.Default != "":
		return "`" + f.Default + "`"
	case f.IsBool():
		return "`false`"
	}
	return "none"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
