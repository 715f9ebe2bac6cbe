package store

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// SchemaStatus is what the database has and what this program needs, as migration numbers.
type SchemaStatus struct {
	Database int64 `json:"database"`
	Program  int64 `json:"program"`
}

// Migrate brings the schema to what this program needs and says what it was and is. Several at once are safe: one works, the others wait.
func (s *Store) Migrate(ctx context.Context) (before, after SchemaStatus, err error) {
	p, err := s.provider()
	if err != nil {
		return before, after, err
	}
	if before, err = s.Schema(ctx); err != nil {
		return before, after, err
	}
	if before.Database > before.Program {
		return before, before, newer(before)
	}
	if _, err := p.Up(ctx); err != nil {
		return before, after, s.fail("migrating the schema", err)
	}
	after, err = s.Schema(ctx)
	return before, after, err
}

// Schema reads both versions; a database never migrated has version 0.
func (s *Store) Schema(ctx context.Context) (SchemaStatus, error) {
	p, err := s.provider()
	if err != nil {
		return SchemaStatus{}, err
	}
	sources := p.ListSources()
	status := SchemaStatus{Program: sources[len(sources)-1].Version}
	status.Database, err = p.GetDBVersion(ctx)
	return status, s.fail("reading the schema's version", err)
}

// CheckSchema refuses a database whose schema is older or newer than this program's.
func (s *Store) CheckSchema(ctx context.Context) error {
	status, err := s.Schema(ctx)
	switch {
	case err != nil:
		return err
	case status.Database < status.Program:
		return problem.Newf(problem.Unavailable, "The database has schema %d and this program needs %d: run `rekey migrate up`.", status.Database, status.Program)
	case status.Database > status.Program:
		return newer(status)
	}
	return nil
}

func newer(s SchemaStatus) error {
	return problem.Newf(problem.Unavailable, "The database has schema %d, made by a newer rekey; this one knows %d: use the newer program.", s.Database, s.Program)
}

func (s *Store) provider() (*goose.Provider, error) {
	dialect, files, options := s.dialect.migrations()
	if dialect == goose.DialectPostgres {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, fmt.Errorf("preparing the migration lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, s.pool, files, options...)
	if err != nil {
		return nil, fmt.Errorf("reading the migrations: %w", err)
	}
	return p, nil
}
