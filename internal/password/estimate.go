package password

import (
	"strings"
	"sync"

	"github.com/ccojocar/zxcvbn-go"
	"github.com/ccojocar/zxcvbn-go/frequency"
	"github.com/ccojocar/zxcvbn-go/match"
	"github.com/ccojocar/zxcvbn-go/matching"
)

const (
	// longestEstimated bounds the estimator's work, which grows faster than the length: a millisecond as a rule, ten at worst.
	// Whoever types more than that has joined enough pieces.
	longestEstimated = 40
	// leetLetters are what the estimator reads as letters, trying every combination; more than mostLeet in one password take
	// seconds, and nobody writes a word that way.
	leetLetters = "4@8({[<369!|105$7+%2"
	mostLeet    = 4
	// leastScore refuses what an attacker who knows how people choose finds in fewer than 10^8 tries.
	leastScore = 2
)

// The matchers are built from these lists when the program starts; nobody reads them again.
func init() { clear(frequency.Lists) }

// estimating lets one password be looked at at a time. The estimator is dear in processor time and garbage, and comes before admission: a rush
// of forms would else keep every processor from requests that only read a row.
var estimating sync.Mutex

// estimated is what zxcvbn finds in names, dates, words and keyboard patterns strung together, which the rules above it do not. It
// knows ASCII only, and judges others to be strong.
func estimated(pw string, words []string) weakness {
	if len(pw) > longestEstimated || strings.ContainsFunc(pw, func(r rune) bool { return r >= 0x80 }) {
		return strong
	}
	leet := 0
	for _, r := range leetLetters {
		if strings.ContainsRune(pw, r) {
			leet++
		}
	}
	estimating.Lock()
	defer estimating.Unlock()
	skip := func(m match.Matcher) bool { return leet > mostLeet && matching.FilterL33tMatcher(m) }
	if zxcvbn.PasswordStrength(pw, words, skip).Score < leastScore {
		return pattern
	}
	return strong
}
