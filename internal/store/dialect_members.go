package store

import (
	"fmt"
	"strconv"

	"gorm.io/gorm"
)

// members is what the two databases do differently with a campaign's members.
type members interface {
	// scratch makes a temporary table of a query; it goes with the transaction.
	scratch(tx *gorm.DB, name, query string, vars ...any) error
	// replaceMembers lets load fill a bare table, then makes it the members of the campaign, in place of those it has.
	replaceMembers(tx *gorm.DB, campaign int64, load func(table string) error) error
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
func (postgresDialect) scratch(tx *gorm.DB, name, query string, vars ...any) error {
	if err := exec(tx, "SET LOCAL work_mem = '128MB'", "SET LOCAL maintenance_work_mem = '128MB'"); err != nil {
		return err
	}
	return tx.Exec("CREATE TEMP TABLE "+name+" ON COMMIT DROP AS "+query, vars...).Error
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
		"CREATE INDEX ON "+next+" (next_attempt_at) WHERE state = 'pending' AND attempts > 0")
	if err != nil {
		return err
	}
	if err := d.dropMembers(tx, campaign); err != nil {
		return err
	}
	return exec(tx, "ALTER TABLE campaign_members ATTACH PARTITION "+next+" FOR VALUES IN ("+id+")",
		"ALTER TABLE "+next+" DROP CONSTRAINT one_campaign", "ALTER TABLE "+next+" RENAME TO "+table)
}

// dropMembers locks campaign_members against everybody until the commit, and waits no longer than the lock timeout for it.
func (postgresDialect) dropMembers(tx *gorm.DB, campaign int64) error {
	return exec(tx, fmt.Sprintf("DROP TABLE IF EXISTS campaign_members_%d", campaign))
}

func (sqliteDialect) scratch(tx *gorm.DB, name, query string, vars ...any) error {
	if err := exec(tx, "DROP TABLE IF EXISTS temp."+name); err != nil {
		return err
	}
	return tx.Exec("CREATE TEMP TABLE "+name+" AS "+query, vars...).Error
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
