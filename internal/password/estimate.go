package password

import (
	"context"
	"strings"

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

// estimating lets one password be looked at at a time: the estimator is dear in processor time and garbage, and comes before admission.
var estimating = make(chan struct{}, 1)

// estimate says what zxcvbn thinks of a password, which this policy may have done elsewhere.
func (p *Policy) estimate(ctx context.Context, pw string, words []string) (weakness, error) {
	if !estimable(pw) {
		return strong, nil
	}
	select {
	case estimating <- struct{}{}:
		defer func() { <-estimating }()
	case <-ctx.Done():
		return strong, gaveUp(ctx.Err())
	}
	job := Job{Act: ActEstimate, Password: pw, Encoded: strings.Join(words, " ")}
	var o Outcome
	var err error
	if p.Elsewhere == nil {
		o, err = job.Do(nil)
	} else {
		o, err = p.Elsewhere.Do(job)
	}
	if err == nil && o.Match {
		return pattern, nil
	}
	return strong, err
}

// estimable reports whether the estimator can say anything about a password: it knows ASCII only, and judges others to be strong.
func estimable(pw string) bool {
	return len(pw) <= longestEstimated && !strings.ContainsFunc(pw, func(r rune) bool { return r >= 0x80 })
}

// guessed is what zxcvbn finds in names, dates, words and keyboard patterns strung together, which the rules above it do not.
func guessed(pw string, words []string) bool {
	leet := 0
	for _, r := range leetLetters {
		if strings.ContainsRune(pw, r) {
			leet++
		}
	}
	skip := func(m match.Matcher) bool { return leet > mostLeet && matching.FilterL33tMatcher(m) }
	return zxcvbn.PasswordStrength(pw, words, skip).Score < leastScore
}
