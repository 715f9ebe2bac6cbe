package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/seed-1c168855/rekey/internal/breached"
)

type breachedCmd struct {
	Build breachedBuildCmd `cmd:"" help:"Make the filter of breached passwords from the Pwned Passwords download."`
}

type breachedBuildCmd struct {
	From     string `required:"" placeholder:"FILE|DIR" help:"The SHA-1 download: one file ordered by hash, a directory with a file a prefix, or - for standard input."`
	Out      string `required:"" placeholder:"FILE" help:"The filter, put there when it is whole, in the place of an older one."`
	MinCount uint64 `default:"1" placeholder:"N" help:"Leave out passwords found in fewer places."`
	Bits     int    `enum:"8,16" default:"16" placeholder:"8|16" help:"Bits an entry: 8 take half the space and refuse one in 256 passwords that are in no breach, 16 one in 65,536."`
}

func (breachedBuildCmd) Help() string {
	return `Lines are SHA1HEX:COUNT, ordered by hash; in a directory the files are named by five digits (00000.txt) and their lines hold the other 35. Memory stays near 70 MB whatever the list's size, and 34 MB more for the names in a directory; the filter takes 9/8 of its bits an entry: 2.25 bytes at 16, 1.13 at 8.

The serving process reads the filter that REKEY_BREACHED_FILTER names when it starts; set REKEY_BREACHED_SORTED as well and nobody is refused by chance.

Examples:

    rekey breached build --from pwned-passwords-sha1-ordered-by-hash.txt --out breached.filter
    rekey breached build --from ranges/ --min-count 5 --bits 8 --out breached.filter
    unzip -p pwned-passwords-sha1.zip | rekey breached build --from - --out breached.filter`
}

// builtFilter is the result of build.
type builtFilter struct {
	Out            string  `json:"out"`
	Entries        uint64  `json:"entries"`
	Skipped        uint64  `json:"skipped"`
	MinCount       uint64  `json:"min_count"`
	Bits           int     `json:"bits"`
	FalsePositives float64 `json:"false_positive_rate"`
	Bytes          int64   `json:"bytes"`
	SHA256         string  `json:"sha256"`
	Missing        *int    `json:"missing_prefixes"` // nil unless read from a directory
}

func (*breachedBuildCmd) deed() deed { return deed{place: nowhere} }

func (c *breachedBuildCmd) Run(ctx context.Context, s *session) error {
	rows, missing, end, err := c.rows(s)
	if err != nil {
		return err
	}
	defer end()
	show, done := s.progress()
	info, err := breached.Build(ctx, rows, c.Out, breached.Options{
		MinCount: c.MinCount, Bits: c.Bits, Progress: func(rows uint64) { show("%d rows read", rows) },
	})
	done()
	if err != nil {
		return failure{fmt.Errorf("--from %s: %w", c.From, err)}
	}
	result := builtFilter{c.Out, info.Entries, info.Skipped, info.MinCount, info.Bits, info.FalsePositives(), info.Bytes, info.SHA256, missing}
	return s.show(result, func(p *page) { builtText(p, result) })
}

// rows opens what to read; missing is nil unless that is a directory.
func (c *breachedBuildCmd) rows(s *session) (rows iter.Seq2[breached.Row, error], missing *int, end func(), err error) {
	if stat, err := os.Stat(c.From); err == nil && stat.IsDir() {
		rows, files, err := breached.ReadPrefixes(c.From)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("--from: %w", err)
		}
		return rows, new(breached.Prefixes - files), func() {}, nil
	}
	var file io.ReadCloser
	if file, err = s.source(c.From); err != nil {
		return nil, nil, nil, err
	}
	return breached.ReadRows(file), nil, func() { _ = file.Close() }, nil // only read
}

func builtText(p *page, b builtFilter) {
	p.row("entries", b.Entries)
	p.row("skipped", b.Skipped)
	p.row("min count", b.MinCount)
	p.row("bits an entry", b.Bits)
	p.row("false positives", fmt.Sprintf("1 in %.0f", 1/b.FalsePositives))
	p.row("bytes", b.Bytes)
	p.row("sha256", b.SHA256)
	if b.Missing != nil && *b.Missing > 0 {
		p.line("%d of %d prefixes have no file: if that is not what you want, download them and build again.", *b.Missing, breached.Prefixes)
	}
}
