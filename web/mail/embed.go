// Package mail holds the templates of the mails to members, a folder for each language; it promises nothing remote in any of them.
// Delivery reads it; operators may put their own files in front, in the same layout.
package mail

import "embed"

// Files has TAG/KIND.txt (text/template: "subject" and "body"), TAG/KIND.html (html/template: "body") and TAG/parts.txt, TAG/parts.html
// ("mail" around the body) and TAG/words.txt (in both: "date", "clock", "life"), TAG being a BCP 47 tag in small letters. A file that a language lacks is taken from the next wider one, at last from en.
//
//go:embed ar de en es fr it ja pt-br
var Files embed.FS
