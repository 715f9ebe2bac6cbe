package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-1c168855/rekey/internal/bench"
	"github.com/seed-1c168855/rekey/internal/demo"
)

const mebibyte = 1 << 20

// columns are what the floor loads: all that an import fills in.
const columns = "subject, email, email_key, locale, created_at, password_hash, password_scheme, password_set_at"

// imports loads the user base, by the program and by psql's \copy into the same table with the same indexes, each into a database of its own.
func (b *suite) imports(ctx context.Context) error {
	if err := b.files(); err != nil {
		return err
	}
	var ours, floor bench.Durations
	var peak int64
	const rounds = 2
	for i := range rounds {
		took, memory, err := b.importOnce(ctx, i == rounds-1)
		if err != nil {
			return err
		}
		ours, peak = append(ours, took), max(peak, memory)
		if took, err = b.copyOnce(ctx); err != nil {
			return err
		}
		floor = append(floor, took)
	}
	b.add(bench.AtMost(2, bench.Row{What: `import, beside psql \copy into the same table`, N: b.n, Ours: ours.Median().Seconds(), Floor: floor.Median().Seconds(), Unit: "s"}))
	b.add(bench.Within(150, bench.Row{What: "import, peak RSS", N: b.n, Ours: float64(peak) / mebibyte, Unit: "MiB"}))
	return nil
}

func (b *suite) accountsFile() string { return filepath.Join(b.dir, "accounts.csv") }
func (b *suite) listFile() string     { return filepath.Join(b.dir, "leaked.csv") }
func (b *suite) copyFile() string     { return filepath.Join(b.dir, "copy.csv") }

// people is the user base, the same for the same size.
func (b *suite) people() demo.Population { return demo.Population{N: b.n, Seed: 2011} }

// files writes the base and the leaked list, once.
func (b *suite) files() error {
	if b.written {
		return nil
	}
	b.written = true
	for path, write := range map[string]func(io.Writer) error{b.accountsFile(): b.people().WriteCSV, b.listFile(): b.people().WriteLeak} {
		file, err := os.Create(path)
		if err != nil {
			return err
		}
		if err := errors.Join(write(file), file.Close()); err != nil {
			return err
		}
	}
	return nil
}

// importOnce runs the program on a fresh database; the first run writes what it loaded for the floor, a kept database becomes the main one.
func (b *suite) importOnce(ctx context.Context, keep bool) (took time.Duration, peak int64, err error) {
	url, drop, err := b.fresh()
	if err != nil {
		return 0, 0, err
	}
	if keep {
		b.main = url
	} else {
		defer func() { err = errors.Join(err, drop()) }()
	}
	if err := b.exec(ctx, url, "CHECKPOINT"); err != nil {
		return 0, 0, err
	}
	var report struct{ Rows, Inserted int }
	p, err := b.command(ctx, url, &report, "accounts", "import", b.accountsFile())
	if err != nil {
		return 0, 0, err
	}
	if report.Inserted != b.n {
		return 0, 0, fmt.Errorf("%d of %d accounts were imported", report.Inserted, b.n)
	}
	_, took, _ = p.Wait()
	if _, err := os.Stat(b.copyFile()); err == nil {
		return took, p.Peak(), nil
	}
	dump, err := b.runPsql(ctx, url, `\copy (SELECT `+columns+` FROM accounts ORDER BY id) TO '`+b.copyFile()+`' CSV`)
	if err != nil {
		return 0, 0, err
	}
	_, _, err = dump.Wait()
	return took, p.Peak(), err
}

// copyOnce is the floor.
func (b *suite) copyOnce(ctx context.Context) (took time.Duration, err error) {
	url, drop, err := b.fresh()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	if err := b.exec(ctx, url, "CHECKPOINT"); err != nil {
		return 0, err
	}
	p, err := b.runPsql(ctx, url, `\copy accounts (`+columns+`) FROM '`+b.copyFile()+`' CSV`)
	if err != nil {
		return 0, err
	}
	if _, took, err = p.Wait(); err != nil {
		return 0, err
	}
	return took, b.counts(ctx, url, "accounts", b.n)
}

// counts holds that a table has so many rows.
func (b *suite) counts(ctx context.Context, url, table string, want int) error {
	return b.query(ctx, url, func(conn *pgx.Conn) error {
		var n int
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			return err
		}
		if n != want {
			return fmt.Errorf("%s has %d rows, not %d", table, n, want)
		}
		return nil
	})
}

// base makes the main database where the import was not measured in this run.
func (b *suite) base(ctx context.Context) error {
	if b.main != "" {
		return nil
	}
	if err := b.files(); err != nil {
		return err
	}
	_, _, err := b.importOnce(ctx, true)
	return err
}
