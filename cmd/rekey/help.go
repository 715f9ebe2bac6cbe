package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/seed-1c168855/rekey/internal/config"
)

// printHelp shows the settings with serve, which uses them all, and leaves them out elsewhere: they would drown a command's own flags.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	selected := ctx.Selected()
	for _, f := range ctx.Model.Flags {
		if config.IsSetting(f) {
			f.Hidden = selected == nil || !strings.HasPrefix(selected.Path(), "serve")
		}
	}
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return fmt.Errorf("printing help: %w", err)
	}
	return nil
}

// helpOf is the help of one flag or argument, for settings with the variable's name, the range and what holds unless it is set.
func helpOf(v *kong.Value) string {
	if v.Flag == nil || !config.IsSetting(v.Flag) {
		return v.Help
	}
	fallback := v.Tag.Get("unset")
	if fallback == "" {
		fallback = v.Default
	}
	if fallback != "" {
		fallback = "; unless set: " + fallback
	}
	return fmt.Sprintf("%s (%s: %s%s)", v.Help, config.Variable(v.Name), v.Tag.Get("range"), fallback)
}
