package store

import (
	"context"
	"database/sql"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/client"
)

const gateColumns = `c.scope, a.id IS NOT NULL, a.deleted_at IS NOT NULL, a.password_hash IS NOT NULL, coalesce(s.dead, false), coalesce(s.killed, false),
	s.not_before, coalesce(i.slug, ''), coalesce(s.covered_by, 0), EXISTS (SELECT 1 FROM lockdowns WHERE off_at IS NULL)`

const gateJoins = ` LEFT JOIN credential_status s ON s.account_id = a.id
	LEFT JOIN campaigns k ON k.id = s.killed_by LEFT JOIN incidents i ON i.id = k.incident_id
	WHERE c.key_sha256 = ? AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > ?)`

// Gate reads who asks and the state of each subject in one statement.
func (s *Store) Gate(ctx context.Context, keySHA256 []byte, scope string, subjects []string) ([]account.GateRecord, error) {
	query, err := s.gateQuery(ctx, keySHA256, subjects)
	if err != nil {
		return nil, err
	}
	var granted string
	records, err := scanAll(query, func(rows *sql.Rows) (g account.GateRecord, err error) {
		var notBefore Time
		err = rows.Scan(&granted, &g.Known, &g.Deleted, &g.HasPassword, &g.Dead, &g.Killed, &notBefore, &g.Incident, &g.CoveredBy, &g.Locked)
		g.NotBefore = notBefore.ptr()
		return g, err
	})
	switch {
	case err != nil:
		return nil, s.fail("reading the gate", err)
	case len(records) != len(subjects):
		return nil, client.ErrUnknownKey
	case granted != scope:
		return nil, client.ErrScope
	}
	return records, nil
}

// gateQuery has a text of its own for one subject, which is the common case and the fastest.
func (s *Store) gateQuery(ctx context.Context, keySHA256 []byte, subjects []string) (*gorm.DB, error) {
	if len(subjects) == 1 {
		return s.db(ctx).Raw(`SELECT `+gateColumns+` FROM clients c LEFT JOIN accounts a ON a.subject = ?`+gateJoins, subjects[0], keySHA256, s.dialect.clock()), nil
	}
	numbers := make([]int64, len(subjects))
	for i := range numbers {
		numbers[i] = int64(i)
	}
	asked, err := s.dialect.rows("q", "n bigint, subject text", numbers, subjects)
	if err != nil {
		return nil, err
	}
	return s.db(ctx).Raw(`SELECT `+gateColumns+` FROM clients c CROSS JOIN ? LEFT JOIN accounts a ON a.subject = q.subject`+gateJoins+` ORDER BY q.n`, asked, keySHA256, s.dialect.clock()), nil
}
