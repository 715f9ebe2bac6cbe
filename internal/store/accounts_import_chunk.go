package store

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/account"
)

// errOvertaken says that an account was added or changed between judging and applying; the chunk is rolled back and begun anew.
var errOvertaken = errors.New("an account changed meanwhile")

// chunk is one transaction of an import: it judges the rows of known accounts, applies what may be, and adds the new ones.
type chunk struct {
	*merge
	first, through int64 // lines
	rows           int64 // staged rows in it, repeated ones too
	counts         account.Merged
	findings       []account.Finding
}

func (c *chunk) apply(tx *gorm.DB, now time.Time) error {
	if err := c.store.dialect.lock(tx, arrivalLock, shared); err != nil {
		return fmt.Errorf("waiting to add accounts: %w", err)
	}
	if err := c.store.dialect.tuneMerge(tx); err != nil {
		return err
	}
	var repeated, matched int64
	if err := tx.Raw(`SELECT count(*) FROM import_refused WHERE line_no BETWEEN ? AND ?`, c.first, c.through).Row().Scan(&repeated); err != nil {
		return err
	}
	if c.known {
		var err error
		if matched, err = c.mergeKnown(tx); err != nil {
			return err
		}
	}
	added := tx.Exec(insertRows(c.known, repeated > 0), at(now), c.first, c.through)
	if added.Error != nil && c.store.dialect.duplicate(added.Error) {
		return errOvertaken
	}
	if added.Error != nil {
		return fmt.Errorf("adding accounts: %w", added.Error)
	}
	c.counts.Inserted = added.RowsAffected
	if c.counts.Inserted+matched+repeated != c.rows {
		return errOvertaken
	}
	return nil
}

// mergeKnown judges and applies the rows of accounts that are there, and says how many these are.
func (c *chunk) mergeKnown(tx *gorm.DB) (matched int64, err error) {
	if err := tx.Exec(`DELETE FROM import_matched`).Error; err != nil {
		return 0, err
	}
	if err := tx.Exec(judgeRows, c.first, c.through).Error; err != nil {
		return 0, fmt.Errorf("judging rows of known accounts: %w", err)
	}
	if err := c.judgeRevivals(tx); err != nil {
		return 0, err
	}
	var refused, changes int64
	if err := tx.Raw(countMatched).Row().Scan(&matched, &refused, &changes, &c.counts.Kept); err != nil {
		return 0, err
	}
	if changes > 0 {
		updated := tx.Exec(applyMatched)
		if updated.Error != nil {
			return 0, fmt.Errorf("updating known accounts: %w", updated.Error)
		}
		if updated.RowsAffected != changes {
			return 0, errOvertaken
		}
	}
	c.counts.Updated = changes
	c.counts.Unchanged = matched - refused - changes
	return matched, nil
}

// judgeRevivals finds the rows that would make a dead password live: it tries the new passwords of dead ones, asks the one view
// that knows, and takes the try back. Such rows are refused whole, or counted where the operator allowed them.
func (c *chunk) judgeRevivals(tx *gorm.DB) error {
	var dead int64
	if err := tx.Raw(`SELECT count(*) FROM import_matched WHERE was_dead`).Row().Scan(&dead); err != nil || dead == 0 {
		return err
	}
	revived, err := c.tryDead(tx)
	if err != nil || len(revived) == 0 {
		return err
	}
	if c.job.AllowRevive {
		c.counts.Revived = int64(len(revived))
		return nil
	}
	lines := make([]int64, len(revived))
	for i, f := range revived {
		lines[i] = f.Line
	}
	c.findings = append(c.findings, revived...)
	these := c.store.dialect.in("line_no", lines)
	if err := tx.Exec(`UPDATE import_matched SET refused = true WHERE ?`, these).Error; err != nil {
		return err
	}
	return tx.Exec(`INSERT INTO import_refused (line_no) SELECT line_no FROM import_matched WHERE refused`).Error
}

func (c *chunk) tryDead(tx *gorm.DB) (revived []account.Finding, err error) {
	const try = "revival"
	if err := tx.SavePoint(try).Error; err != nil {
		return nil, err
	}
	if err := tx.Exec(tryDead).Error; err != nil {
		return nil, fmt.Errorf("trying the passwords of dead accounts: %w", err)
	}
	if err := tx.Raw(revivedRows).Scan(&revived).Error; err != nil {
		return nil, err
	}
	for i := range revived {
		revived[i].What = account.FoundRevival
	}
	return revived, tx.RollbackTo(try).Error
}
