package password

import (
	"slices"
	"unicode"
)

// Variants are the passwords that pw may be a trivial change of: at most three, the likeliest first, never pw itself. A hash can only be
// asked for a whole password, so each costs the caller one comparison, and what people do to a password they must give up is guessed:
//
//   - digits or signs were put at the end: pw without those of the last kind, without all of them (up to four), without the last one,
//   - if it ends in none, the commonest one was taken away: pw with 1 at its end,
//   - the first letter's case was swapped,
//   - where that leaves room, the last digit was counted up: pw with one less.
func Variants(pw string) []string {
	letters := []rune(pw)
	var all []string
	if n := edge(letters, len(letters)-1, -1); n == 0 {
		all = []string{swapFirst(letters), pw + "1"}
	} else {
		whole, kind := cut(letters, n), cut(letters, lastKind(letters, n))
		all = []string{kind, swapFirst(letters), whole, cut(letters, 1), countDown(letters)}
	}
	var variants []string
	for _, v := range all {
		if v != "" && v != pw && !slices.Contains(variants, v) && len(variants) < maxVariants {
			variants = append(variants, v)
		}
	}
	return variants
}

// maxVariants bounds what a reset costs: with the password itself four comparisons.
const maxVariants = 3

func cut(pw []rune, n int) string { return string(pw[:len(pw)-n]) }

// countDown lowers the last digit by one; "" if there is none to lower.
func countDown(pw []rune) string {
	last := pw[len(pw)-1]
	if last < '1' || last > '9' {
		return ""
	}
	return cut(pw, 1) + string(last-1)
}

// lastKind counts the digits, or else the signs, that a password ends in, up to most.
func lastKind(pw []rune, most int) int {
	n, digit := 1, unicode.IsDigit(pw[len(pw)-1])
	for n < most && unicode.IsDigit(pw[len(pw)-1-n]) == digit {
		n++
	}
	return n
}

// swapFirst swaps the case of the first character, if it has one.
func swapFirst(pw []rune) string {
	if len(pw) == 0 {
		return ""
	}
	swapped := slices.Clone(pw)
	if unicode.IsUpper(pw[0]) {
		swapped[0] = unicode.ToLower(pw[0])
	} else {
		swapped[0] = unicode.ToUpper(pw[0])
	}
	return string(swapped)
}
