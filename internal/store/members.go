package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/delivery/queue"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// scratchMembers is the temporary table between resolving and loading: one row a line and account, unmatched lines without account.
const scratchMembers = "scratch_members"

// prepareLock plus a campaign's id keeps two from preparing it at once.
const prepareLock int64 = 0x5052455000000000

// memberFlags judges a resolved account once. A password is already changed if the named cutoff leaves it alone, which is campaign_reach's rule
// turned round; the view cannot be asked, since it knows the members only once they are in place.
const memberFlags = `CASE WHEN a.password_hash IS NOT NULL AND a.password_set_at >= ? THEN 1 ELSE 0 END AS already_changed,
	CASE WHEN a.id IS NOT NULL AND a.password_hash IS NULL THEN 1 ELSE 0 END AS no_password,
	CASE WHEN a.id IS NOT NULL AND a.email_key IS NULL THEN 1 ELSE 0 END AS no_address,
	CASE WHEN s.email_key IS NOT NULL THEN 1 ELSE 0 END AS suppressed`

// PrepareCampaign resolves list, filter or everyone into members. All is one transaction that touches nothing others use until its end, when the new
// members take the place of the old ones.
func (s *Store) PrepareCampaign(ctx context.Context, id int64, entry audit.Entry) (campaign.Report, error) {
	through, err := s.arrived(ctx)
	if err != nil {
		return campaign.Report{}, err
	}
	var report campaign.Report
	err = s.write(ctx, "preparing a campaign", func(tx *gorm.DB) error {
		k, err := s.preparable(tx, id)
		if err != nil {
			return err
		}
		if err := s.resolve(tx, k); err != nil {
			return fmt.Errorf("finding the members: %w", err)
		}
		if report, err = countResolved(tx, k); err != nil {
			return fmt.Errorf("counting the members: %w", err)
		}
		if report.Duplicate, err = markLines(tx, k); err != nil {
			return fmt.Errorf("marking the list's lines: %w", err)
		}
		if err := s.dialect.replaceMembers(tx, id, func(table string) error { return loadMembers(tx, id, table) }); err != nil {
			return fmt.Errorf("putting the members in place: %w", err)
		}
		return s.prepared(tx, k, report, through, entry)
	})
	if err != nil {
		return campaign.Report{}, err
	}
	return report, nil
}

// arrived is the highest account id below which nothing can still appear, 0 while an import runs: then the top-up looks at all.
func (s *Store) arrived(ctx context.Context) (through int64, err error) {
	err = s.write(ctx, "reading how far accounts go", func(tx *gorm.DB) error {
		if got, err := s.dialect.tryLock(tx, arrivalLock, exclusive); err != nil || !got {
			return err
		}
		return tx.Raw("SELECT coalesce(max(id), 0) FROM accounts").Row().Scan(&through)
	})
	return through, err
}

// preparable reads the campaign, and refuses one in the wrong state or being prepared by another.
func (s *Store) preparable(tx *gorm.DB, id int64) (campaign.Campaign, error) {
	k, err := readCampaign(tx, id)
	if err != nil {
		return k, err
	}
	if k.State != campaign.Draft && k.State != campaign.Prepared {
		return k, campaign.WrongState(k.State, "prepare")
	}
	got, err := s.dialect.tryLock(tx, prepareLock+id, exclusive)
	if err == nil && !got {
		err = problem.New(problem.Conflict, "the campaign is being prepared already")
	}
	return k, err
}

// resolve fills the scratch table, in the order of accounts. Rows of one account are numbered by line, so that nth = 1 is the member.
func (s *Store) resolve(tx *gorm.DB, k campaign.Campaign) error {
	source, vars := everybody(k)
	if k.ListColumn != "" {
		source, vars = listed(k)
	}
	query := "SELECT line_no, account_id, already_changed, no_password, no_address, suppressed, " +
		"row_number() OVER (PARTITION BY account_id ORDER BY line_no) AS nth FROM (" + source + ") j"
	return s.dialect.scratch(tx, scratchMembers, query, vars...)
}

// listed joins the list's lines with all accounts that have the address, deleted or not, or the subject.
func listed(k campaign.Campaign) (string, []any) {
	column := "a.email_key"
	if k.ListColumn == campaign.ColumnSubject {
		column = "a.subject"
	}
	return "SELECT l.line_no, a.id AS account_id, " + memberFlags + ` FROM campaign_list_lines l
		LEFT JOIN accounts a ON ` + column + ` = l.match_key
		LEFT JOIN suppressions s ON s.email_key = a.email_key
		WHERE l.campaign_id = ?`, []any{atPtr(k.Cutoff), k.ID}
}

// everybody takes all accounts that are not deleted and pass the campaign's filter.
func everybody(k campaign.Campaign) (string, []any) {
	where, vars := []string{"a.deleted_at IS NULL"}, []any{atPtr(k.Cutoff)}
	and := func(when bool, condition string, values ...any) {
		if when {
			where, vars = append(where, condition), append(vars, values...)
		}
	}
	f := k.Filter
	and(f.CreatedBefore != nil, "a.created_at < ?", atPtr(f.CreatedBefore))
	and(f.PasswordSetBefore != nil, "a.password_hash IS NOT NULL AND (a.password_set_at IS NULL OR a.password_set_at < ?)", atPtr(f.PasswordSetBefore))
	and(f.Scheme != "", "(a.password_scheme = ? OR substr(a.password_scheme, 1, ?) = ?)", f.Scheme, utf8.RuneCountInString(f.Scheme)+1, f.Scheme+":")
	and(f.Domain != "", `a.email_key LIKE ? ESCAPE '\'`, "%@"+strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(f.Domain))
	and(f.Locale != "", "(lower(a.locale) = ? OR substr(lower(a.locale), 1, ?) = ?)", f.Locale, utf8.RuneCountInString(f.Locale)+1, f.Locale+"-")
	return "SELECT 0 AS line_no, a.id AS account_id, " + memberFlags + ` FROM accounts a
		LEFT JOIN suppressions s ON s.email_key = a.email_key
		WHERE ` + strings.Join(where, " AND "), vars
}

// countResolved makes the report but for the duplicates.
func countResolved(tx *gorm.DB, k campaign.Campaign) (campaign.Report, error) {
	r := campaign.Report{Listed: k.Report.Listed}
	err := tx.Raw(`SELECT count(account_id), count(*) - count(account_id), coalesce(sum(already_changed), 0), coalesce(sum(no_password), 0), coalesce(sum(no_address), 0)
		FROM `+scratchMembers+` WHERE nth = 1 OR account_id IS NULL`).Row().Scan(&r.Matched, &r.Unmatched, &r.AlreadyChanged, &r.NoPassword, &r.NoAddress)
	if k.ListColumn == "" {
		r.Listed = r.Matched
	}
	return r, err
}

// markLines writes the outcome of the lines that name no account of their own, and says how many are duplicates. Marks of an earlier prepare go.
func markLines(tx *gorm.DB, k campaign.Campaign) (duplicates int64, err error) {
	if k.ListColumn == "" {
		return 0, nil
	}
	if k.PreparedAt != nil {
		err := tx.Exec("UPDATE campaign_list_lines SET outcome = NULL WHERE campaign_id = ? AND outcome IN ('unmatched', 'duplicate')", k.ID).Error
		if err != nil {
			return 0, err
		}
	}
	const mark = "UPDATE campaign_list_lines SET outcome = ? WHERE campaign_id = ? AND outcome IS NULL AND line_no IN (SELECT line_no FROM " + scratchMembers + " WHERE "
	err = tx.Exec(mark+"account_id IS NULL)", campaign.Unmatched, k.ID).Error
	if err != nil {
		return 0, err
	}
	done := tx.Exec(mark+"account_id IS NOT NULL AND nth > 1)", campaign.Duplicate, k.ID)
	return done.RowsAffected, done.Error
}

// loadMembers fills a bare table. Who cannot be written to starts as skipped, with the reason.
func loadMembers(tx *gorm.DB, id int64, table string) error {
	return tx.Exec("INSERT INTO "+table+` (campaign_id, account_id, state, last_error)
		SELECT ?, account_id, CASE WHEN no_address + suppressed > 0 THEN 'skipped' ELSE 'pending' END,
		       CASE WHEN no_address > 0 THEN ? WHEN suppressed > 0 THEN 'address suppressed' END
		  FROM `+scratchMembers+" WHERE nth = 1 AND account_id IS NOT NULL", id, queue.NoAddress).Error
}

// prepared is the last step: a campaign that was activated or discarded meanwhile keeps the members it had.
func (s *Store) prepared(tx *gorm.DB, k campaign.Campaign, report campaign.Report, through int64, entry audit.Entry) error {
	text, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	now, err := s.now(tx)
	if err != nil {
		return err
	}
	done := tx.Exec(`UPDATE campaigns SET state = 'prepared', prepared_at = ?, report = ?, members_through = ? WHERE id = ? AND state IN ('draft', 'prepared')`,
		at(past(now, time.Microsecond, atPtr(k.PreparedAt))), string(text), through, k.ID)
	if done.Error != nil {
		return done.Error
	}
	if done.RowsAffected == 0 {
		return wrongState(tx, k.ID, "prepare")
	}
	return s.record(tx, now, entry.With("report", report))
}

// wrongState says why a statement that names the states it needs changed no row.
func wrongState(tx *gorm.DB, id int64, act string) error {
	k, err := readCampaign(tx, id)
	if err != nil {
		return err
	}
	return campaign.WrongState(k.State, act)
}
