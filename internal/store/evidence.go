package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
)

// MailProof counts the members of a campaign by what came of their mail, and digests some Message-IDs.
func (s *Store) MailProof(ctx context.Context, id int64, sample int) (p campaign.MailProof, err error) {
	doing := fmt.Sprintf("counting the mails of campaign %d", id)
	p.Counts, err = scanAll(s.db(ctx).Raw(`SELECT coalesce(kind, ''), state, count(*) FROM campaign_members WHERE campaign_id = ? GROUP BY 1, 2 ORDER BY 1, 2`, id),
		func(rows *sql.Rows) (c campaign.MailCount, err error) { return c, rows.Scan(&c.Kind, &c.State, &c.N) })
	if err != nil {
		return p, s.fail(doing, err)
	}
	var first, last Time
	err = s.db(ctx).Raw(`SELECT min(sent_at), max(CASE WHEN reminded_at > sent_at THEN reminded_at ELSE sent_at END), count(message_id) FROM campaign_members WHERE campaign_id = ?`, id).
		Row().Scan(&first, &last, &p.MessageIDs)
	if err != nil {
		return p, s.fail(doing, err)
	}
	p.First, p.Last = first.ptr(), last.ptr()
	p.Sample, err = scanAll(s.db(ctx).Raw(`SELECT message_id FROM campaign_members WHERE campaign_id = ? AND message_id IS NOT NULL ORDER BY account_id LIMIT ?`, id, sample),
		func(rows *sql.Rows) (digest string, err error) {
			var messageID string
			err = rows.Scan(&messageID)
			sum := sha256.Sum256([]byte(messageID))
			return hex.EncodeToString(sum[:]), err
		})
	return p, s.fail(doing, err)
}

// AuditByID is the entry with a number, sealed or not. NotFound if there is none.
func (s *Store) AuditByID(ctx context.Context, id int64) (audit.Entry, error) {
	return s.entryWhere(ctx, "id = ?", id)
}

// ProveEntry proves that an entry stands in the log that a checkpoint speaks for.
func (s *Store) ProveEntry(ctx context.Context, e audit.Entry, c audit.Checkpoint) (audit.Inclusion, error) {
	return audit.ProveInclusion(s.AuditHashes(ctx), e, c)
}

// ProveBeginning proves that the log that a checkpoint speaks for begins with its first size entries as they are. Where a checkpoint over so many was kept it is
// part of the proof.
func (s *Store) ProveBeginning(ctx context.Context, size int64, c audit.Checkpoint) (audit.Consistency, error) {
	old, err := s.CheckpointOf(ctx, size)
	if err != nil {
		return audit.Consistency{}, err
	}
	read := s.AuditHashes(ctx)
	if old.IsZero() && size > 0 && size <= c.Head.Size {
		if old.Head, err = audit.RootAt(read, size); err != nil {
			return audit.Consistency{}, err
		}
	}
	return audit.ProveConsistency(read, old, c)
}
