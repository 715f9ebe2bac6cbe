package main

import (
	"context"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/store"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" default:"1" help:"Bring the schema to what this program needs."`
	Status migrateStatusCmd `cmd:"" help:"Show the database's schema and this program's."`
}

type migrateUpCmd struct{}

func (migrateUpCmd) Help() string {
	return `Runs the numbered migrations that the database does not have yet, each once, also if several processes try at the same time. It never goes back: before an upgrade take a backup.

Example:

    rekey migrate up`
}

// migrated is the result of migrate up.
type migrated struct {
	Before store.SchemaStatus `json:"before"`
	After  store.SchemaStatus `json:"after"`
}

func (*migrateUpCmd) deed() deed { return beside(audit.MigrateUp) }

func (c *migrateUpCmd) Run(ctx context.Context, s *session) error {
	db, err := s.connect(ctx)
	if err != nil {
		return err
	}
	m, err := migrate(ctx, db, s.actor())
	if err != nil {
		return err
	}
	return s.show(m, func(p *page) {
		if m.Before == m.After {
			p.line("The schema is %d, as it was.", m.After.Database)
			return
		}
		p.line("The schema was %d and is %d.", m.Before.Database, m.After.Database)
	})
}

// migrate brings the schema up and leaves an entry if that changed anything.
func migrate(ctx context.Context, db *store.Store, actor audit.Actor) (m migrated, err error) {
	if m.Before, m.After, err = db.Migrate(ctx); err != nil || m.Before == m.After {
		return m, err
	}
	return m, db.Record(ctx, audit.New(actor, audit.MigrateUp, "schema", audit.Detail{"from": m.Before.Database, "to": m.After.Database}))
}

type migrateStatusCmd struct{}

func (migrateStatusCmd) Help() string {
	return `Changes nothing. The numbers differ before an upgrade is finished; "serve" and all other commands then refuse to work.

Example:

    rekey migrate status`
}

func (*migrateStatusCmd) deed() deed { return deed{place: besideDatabase} }

func (c *migrateStatusCmd) Run(ctx context.Context, s *session) error {
	db, err := s.connect(ctx)
	if err != nil {
		return err
	}
	is, err := db.Schema(ctx)
	if err != nil {
		return err
	}
	return s.show(is, func(p *page) {
		p.row("database", is.Database)
		p.row("program", is.Program)
		if is.Database < is.Program {
			p.line("Run: rekey migrate up")
		}
	})
}
