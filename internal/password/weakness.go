package password

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// weakness is why a password is among those tried first. The lower one is the better reason to give.
type weakness int

const (
	fromContext weakness = iota
	repeated
	sequence
	common
	pattern
	strong
)

var weaknesses = map[weakness]struct{ code, text string }{
	fromContext: {"context", "This password is made of the service's name, your e-mail address or your account name, and is guessed first."},
	repeated:    {"repeated", "This password repeats the same few characters."},
	sequence:    {"sequence", "This password follows the keyboard, the alphabet or the digits."},
	common:      {"common", "This password is a common one, or made of two common ones, and is guessed first."},
	pattern:     {"common", "This password is made of common words, names, dates or patterns, and is guessed quickly. A few unrelated words make a better one."},
}

const (
	maxEdge   = 4  // digits or signs at either end that don't make a password better
	maxJoined = 64 // code points: beyond this nobody joined two list entries
	maxPeriod = 14 // a unit longer than this is a good password by itself
	minPiece  = 3
)

// cores gives what may be the heart of a password: it without up to maxEdge digits or signs at either end, and each of these
// also without the separators between its words. None of them is empty.
func cores(pw []rune) [][]rune {
	var all [][]rune
	for lead := 0; lead <= edge(pw, 0, 1); lead++ {
		for trail := 0; trail <= edge(pw, len(pw)-1, -1); trail++ {
			if lead+trail >= len(pw) {
				continue
			}
			core := pw[lead : len(pw)-trail]
			all = append(all, core)
			if joined := squeeze(core, isSeparator); len(joined) < len(core) && 3*len(joined) >= 2*len(core) {
				all = append(all, joined)
			}
		}
	}
	return all
}

// edge counts the digits and signs from one end, up to maxEdge.
func edge(pw []rune, from, step int) int {
	n := 0
	for i := from; n < maxEdge && i >= 0 && i < len(pw) && (unicode.IsDigit(pw[i]) || isSign(pw[i])); i += step {
		n++
	}
	return n
}

func isSign(r rune) bool      { return unicode.IsPunct(r) || unicode.IsSymbol(r) }
func isSeparator(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("-_.", r) }

func squeeze(s []rune, drop func(rune) bool) []rune {
	return slices.DeleteFunc(slices.Clone(s), drop)
}

// weakest gives the plainest weakness of all the cores.
func weakest(cores [][]rune, words []string) weakness {
	found := strong
	for _, core := range cores {
		found = min(found, judge(core, words))
	}
	return found
}

// judge says what is wrong with a whole core: context words, a short unit over and over, runs along keyboard or alphabet, a list
// entry, or two of these joined.
func judge(core []rune, words []string) weakness {
	switch {
	case madeOf(core, words):
		return fromContext
	case repeats(core):
		return repeated
	case runs(core):
		return sequence
	case lists().holds(string(core)):
		return common
	case len(core) > maxJoined:
		return strong
	}
	for i := minPiece; i <= len(core)-minPiece; i++ {
		if guessable(core[:i], words) && guessable(core[i:], words) {
			return common
		}
	}
	return strong
}

// guessable reports whether one of two pieces is tried as a piece.
func guessable(piece []rune, words []string) bool {
	return lists().passwords.holds(string(piece)) || repeats(piece) || runs(piece) || slices.Contains(words, string(piece))
}

// repeats reports whether s is a unit of up to maxPeriod code points twice or more, the last one perhaps cut short.
func repeats(s []rune) bool {
	for period := 1; period <= min(maxPeriod, len(s)/2); period++ {
		if slices.Equal(s[period:], s[:len(s)-period]) {
			return true
		}
	}
	return false
}

// tracks are what fingers and children run along: rows and columns of QWERTY, QWERTZ and AZERTY, alphabet, digits.
var tracks = []string{
	"qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiopü", "asdfghjklöä", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
	"1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik", "9ol", "abcdefghijklmnopqrstuvwxyz", "01234567890",
}

// trigrams holds each three neighbours of a track, in both directions.
var trigrams = func() map[[3]rune]bool {
	all := map[[3]rune]bool{}
	for _, track := range tracks {
		rs := []rune(track)
		for i := range len(rs) - 2 {
			all[[3]rune{rs[i], rs[i+1], rs[i+2]}] = true
			all[[3]rune{rs[i+2], rs[i+1], rs[i]}] = true
		}
	}
	return all
}()

// runs reports whether all of s is runs of three or more along the tracks, one after the other.
func runs(s []rune) bool {
	ends := make([]bool, len(s)+1) // ends[i]: s[:i] is runs
	ends[0] = true
	for i := range s {
		if !ends[i] {
			continue
		}
		for j := i; j+3 <= len(s) && trigrams[[3]rune(s[j:j+3])]; j++ {
			ends[j+3] = true
		}
	}
	return len(s) > 0 && ends[len(s)]
}

// contextWords gives what an attacker makes of the context: each name whole and in parts, folded, letters and digits alone.
func contextWords(c Context) []string {
	local, domain, _ := strings.Cut(c.Email, "@")
	var words []string
	for _, name := range []string{c.Service, c.Email, local, domain, c.Subject} {
		folded := norm.NFC.String(cases.Fold().String(name))
		words = append(words, string(squeeze([]rune(folded), notAlphanumeric)))
		words = append(words, strings.FieldsFunc(folded, notAlphanumeric)...)
	}
	words = slices.DeleteFunc(words, func(w string) bool { return len([]rune(w)) < minPiece })
	slices.Sort(words)
	return slices.Compact(words)
}

func notAlphanumeric(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
}

// madeOf reports whether a core, but for signs and spaces, is one or more of the words and nothing else.
func madeOf(core []rune, words []string) bool {
	letters := squeeze(core, notAlphanumeric)
	if len(letters) == 0 || 3*len(letters) < 2*len(core) {
		return false
	}
	s := string(letters)
	ends := make([]bool, len(s)+1) // ends[i]: s[:i] is words
	ends[0] = true
	for i := range s {
		for _, w := range words {
			if ends[i] && strings.HasPrefix(s[i:], w) {
				ends[i+len(w)] = true
			}
		}
	}
	return ends[len(s)]
}
