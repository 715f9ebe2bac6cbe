// Package archtest holds the direction of the module's imports: its test fails when a package reaches for one that it may not know.
// It has no code for others; the rules stand in rules_test.go, and a new package has to be given its place there.
package archtest
