package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
)

// members is what the two databases do differently with a campaign's members.
type members interface {
	// scratch makes a temporary table of a query; it goes with the transaction.
	scratch(tx *gorm.DB, name, query string, vars ...any) error
	// replaceMembers lets load fill a bare table, then makes it the members of the campaign, in place of those it has.
	replaceMembers(tx *gorm.DB, campaign int64, load func(table string) error) error
	// roomy runs reads over a whole base with room to sort and join in.
	roomy(db *gorm.DB, read func(db *gorm.DB) error) error
	// latest is an expression for the greatest of instants that may be NULL, a step added to those after the first two.
	latest(now, least string, before ...string) string
	// dropMembers removes the members of the campaign.
	dropMembers(tx *gorm.DB, campaign int64) error
}

func exec(tx *gorm.DB, statements ...string) error {
	for _, statement := range statements {
		if err := tx.Exec(statement).Error; err != nil {
			return err
		}
	}
	return nil
}

// scratch gives the sorts and joins of this transaction room: a base of a million accounts fits, a default of 4 MB would spill to disk.
// And it forbids nested loops: the statistics have never seen the list that was staged a moment ago, so that the planner takes its
// million lines for one, and such a loop for cheap.
func (postgresDialect) scratch(tx *gorm.DB, name, query string, vars ...any) error {
	if err := exec(tx, "SET LOCAL work_mem = '128MB'; SET LOCAL maintenance_work_mem = '128MB'; SET LOCAL enable_nestloop = off"); err != nil {
		return err
	}
	return tx.Exec("CREATE TEMP TABLE "+name+" ON COMMIT DROP AS "+query, vars...).Error
}

func (postgresDialect) roomy(db *gorm.DB, read func(db *gorm.DB) error) error {
	return db.Transaction(func(tx *gorm.DB) error {
		if err := exec(tx, "SET LOCAL work_mem = '128MB'"); err != nil {
			return err
		}
		return read(tx)
	})
}

func (postgresDialect) latest(now, least string, before ...string) string {
	return "greatest(" + now + ", " + least + ", " + strings.Join(before, " + interval '1 second', ") + " + interval '1 second')"
}

// replaceMembers loads the new partition on its own: only the swap at the end locks what others read. The CHECK spares ATTACH a scan.
func (d postgresDialect) replaceMembers(tx *gorm.DB, campaign int64, load func(table string) error) error {
	id := strconv.FormatInt(campaign, 10)
	table := "campaign_members_" + id
	next := table + "_next"
	err := exec(tx, "CREATE TABLE "+next+" (LIKE campaign_members INCLUDING DEFAULTS INCLUDING CONSTRAINTS, CONSTRAINT one_campaign CHECK (campaign_id = "+id+"))")
	if err != nil {
		return err
	}
	if err := load(next); err != nil {
		return err
	}
	err = exec(tx, "ALTER TABLE "+next+" ADD PRIMARY KEY (campaign_id, account_id)",
		"CREATE INDEX ON "+next+" (next_attempt_at) WHERE state = 'pending' AND attempts > 0",
		"ANALYZE "+next) // without statistics delivery would read the whole partition for every few mails, until autovacuum comes by
	if err != nil {
		return err
	}
	if err := d.dropMembers(tx, campaign); err != nil {
		return err
	}
	return exec(tx, "ALTER TABLE campaign_members ATTACH PARTITION "+next+" FOR VALUES IN ("+id+")",
		"ALTER TABLE "+next+" DROP CONSTRAINT one_campaign", "ALTER TABLE "+next+" RENAME TO "+table)
}

// dropMembers locks campaign_members against everybody until the commit. Whoever waits for such a lock makes all others wait behind it, verify and
// gate too, so it asks often and briefly until no long reader is there.
func (d postgresDialect) dropMembers(tx *gorm.DB, campaign int64) error {
	table := fmt.Sprintf("campaign_members_%d", campaign)
	var exists bool
	if err := tx.Raw("SELECT to_regclass(?) IS NOT NULL", table).Row().Scan(&exists); err != nil || !exists {
		return err
	}
	const tries, pause = 100, 100 * time.Millisecond
	for try := 1; ; try++ {
		err := tx.Transaction(func(point *gorm.DB) error {
			return exec(point, "SET LOCAL lock_timeout = '50ms'; DROP TABLE "+table+"; SET LOCAL lock_timeout = DEFAULT")
		})
		if err == nil || try == tries || !d.busy(err) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-tx.Statement.Context.Done():
			return tx.Statement.Context.Err()
		}
	}
}

func (sqliteDialect) scratch(tx *gorm.DB, name, query string, vars ...any) error {
	if err := exec(tx, "DROP TABLE IF EXISTS temp."+name); err != nil {
		return err
	}
	return tx.Exec("CREATE TEMP TABLE "+name+" AS "+query, vars...).Error
}

func (sqliteDialect) roomy(db *gorm.DB, read func(db *gorm.DB) error) error { return read(db) }

// latest knows that SQLite's max of several is NULL if one of them is.
func (sqliteDialect) latest(now, least string, before ...string) string {
	return "max(" + now + ", coalesce(" + least + ", 0), coalesce(" + strings.Join(before, " + 1000000, 0), coalesce(") + " + 1000000, 0))"
}

func (d sqliteDialect) replaceMembers(tx *gorm.DB, campaign int64, load func(table string) error) error {
	if err := d.dropMembers(tx, campaign); err != nil {
		return err
	}
	if err := load("campaign_members"); err != nil {
		return err
	}
	return exec(tx, "DROP TABLE temp."+scratchMembers)
}

func (sqliteDialect) dropMembers(tx *gorm.DB, campaign int64) error {
	return tx.Exec("DELETE FROM campaign_members WHERE campaign_id = ?", campaign).Error
}
