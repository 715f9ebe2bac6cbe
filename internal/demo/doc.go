// Package demo is a whole incident to play with: a breached base, a mailbox that catches every mail, a sample login site on Rekey's
// API, and the story that plays them through. It promises to reach nothing beyond this machine; only cmd, benchmarks and tests call it.
package demo
