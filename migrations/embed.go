// Package migrations holds the numbered SQL files that make and change the schema, a folder for each database.
// Only internal/store runs them.
package migrations

import "embed"

// Postgres and SQLite hold the files in goose's form (github.com/pressly/goose), named NNNNN_what.sql.
var (
	//go:embed postgres/*.sql
	Postgres embed.FS
	//go:embed sqlite/*.sql
	SQLite embed.FS
)
