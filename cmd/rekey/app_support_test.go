package main

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/support"
)

// Whatever lives links are given, a reset takes spoken codes, and tries no life twice.
func TestResetsTakeSpokenCodes(t *testing.T) {
	t.Parallel()
	for _, links := range [][2]time.Duration{{24 * time.Hour, time.Hour}, {3 * time.Hour, 3 * time.Hour}} {
		var s config.Settings
		s.CampaignLife, s.AskedLife = links[0], links[1]
		all := lives(&s)
		for _, life := range append(support.CodeLives, s.CampaignLife, s.AskedLife) {
			if !slices.Contains(all, life) {
				t.Errorf("%v lacks %v", all, life)
			}
		}
		if len(slices.Compact(slices.Clone(all))) != len(all) {
			t.Errorf("%v has a life twice", all)
		}
	}
}
