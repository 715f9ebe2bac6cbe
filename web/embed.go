// Package web holds what people look at: page templates, styles, scripts and texts by language, embedded in the binary; it promises to hold nothing that is loaded from elsewhere.
// The web packages read it.
package web

import "embed"

// Files has templates/*.html (html/template, each page beside layout.html), static/* (served under a path that names their hash) and
// locales/TAG.json (go-i18n v2; the file name is the BCP 47 tag). A language is added by adding its file. console/* is what operators see, vendor/* what others
// wrote: unchanged files of a released version, with licence and SHA256SUMS.
//
//go:embed templates static locales console vendor
var Files embed.FS
