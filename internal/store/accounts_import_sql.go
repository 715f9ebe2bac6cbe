package store

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// stagedColumns are the columns of import_rows in the order they are loaded, with their types. "text C" compares bytes, as the
// columns of accounts that are looked up do.
const stagedColumns = `line_no bigint, subject text C, email text C, email_key text C, locale text C, keep_email boolean, keep_locale boolean,
	keep_password boolean, created_at timestamptz, password_hash text C, password_scheme text C, password_set_at timestamptz, warned boolean`

// createStaging makes the tables of one import, on its connection alone:
// import_rows is the file; import_refused its lines that are out; import_matched what is to happen to the known accounts of the
// chunk at hand; import_shared addresses that more than one account has.
func createStaging(d dialect, conn *gorm.DB) error {
	for _, table := range []string{
		`import_rows (` + stagedColumns + `)`,
		`import_refused (line_no bigint PRIMARY KEY)`,
		`import_matched (line_no bigint PRIMARY KEY, account_id bigint, version bigint, takes boolean, new_set_at timestamptz,
			changes_email boolean, changes_locale boolean, returns boolean, kept boolean, was_dead boolean, refused boolean)`,
		`import_shared (email_key text C)`,
	} {
		if err := conn.Exec(`CREATE TEMP TABLE ` + strings.ReplaceAll(table, "text C", d.byteText())).Error; err != nil {
			return fmt.Errorf("making the import's tables: %w", err)
		}
	}
	return nil
}

// dropStaging clears the connection for whoever gets it next. It fails only with the connection, whose end does the same.
func dropStaging(conn *gorm.DB) {
	for _, table := range []string{"import_rows", "import_refused", "import_matched", "import_shared"} {
		_ = conn.Exec(`DROP TABLE IF EXISTS ` + table).Error
	}
}

const indexStaging = `CREATE UNIQUE INDEX import_rows_line ON import_rows (line_no)`

// refuseRepeated: the first line of a subject is taken, the others are not.
const refuseRepeated = `
INSERT INTO import_refused (line_no)
SELECT s.line_no
  FROM (SELECT subject, min(line_no) AS first FROM import_rows GROUP BY subject HAVING count(*) > 1) d
  JOIN import_rows s ON s.subject = d.subject AND s.line_no > d.first`

const repeatedRows = `
SELECT s.line_no, s.subject, s.warned FROM import_refused r JOIN import_rows s ON s.line_no = r.line_no ORDER BY s.line_no`

const knowsAny = `SELECT EXISTS (SELECT 1 FROM import_rows s JOIN accounts a ON a.subject = s.subject)`

const keepSchemes = `
INSERT INTO password_schemes (label)
SELECT DISTINCT password_scheme FROM import_rows WHERE password_scheme IS NOT NULL ON CONFLICT DO NOTHING`

// insertRows adds the accounts of a chunk that are not there. The conditions are left out where no row can fail them, and there
// is no ON CONFLICT, which would cost a third more: an account that somebody else added meanwhile fails the statement.
func insertRows(known, refused bool) string {
	conditions := ""
	if known {
		conditions += ` AND NOT EXISTS (SELECT 1 FROM import_matched m WHERE m.line_no = s.line_no)`
	}
	if refused {
		conditions += ` AND NOT EXISTS (SELECT 1 FROM import_refused r WHERE r.line_no = s.line_no)`
	}
	return `
INSERT INTO accounts (subject, email, email_key, locale, created_at, password_hash, password_scheme, password_set_at)
SELECT s.subject, s.email, s.email_key, s.locale, coalesce(s.created_at, ?), s.password_hash, s.password_scheme, s.password_set_at
  FROM import_rows s
 WHERE s.line_no BETWEEN ? AND ?` + conditions + `
 ORDER BY s.line_no`
}

// judge is the one statement of what a row does to the account of its subject, for a file and for a single account alike.
// source gives rows as s, in the form of import_rows; open says when a password set in Rekey may be replaced.
//
//   - live:     the account is not deleted
//   - returns:  it is deleted, and the row is newer than the deletion: somebody has it again
//   - offers:   the row has a password that is not the stored one
//   - differs:  the same, or the row says there is none
//   - later:    the row's date is known and strictly later than the stored one; an unknown stored one is earlier than all
//   - takes:    the password changes. To an account that returns it comes with an unknown date unless the date is later:
//     unknown dies in every campaign
//   - was_dead: it would change while dead, so what it becomes must be asked for
func judge(source, open string) string {
	return `
SELECT c.line_no, c.account_id, c.version, c.takes,
       CASE WHEN c.later THEN c.row_set_at END AS new_set_at,
       c.here AND c.other_email AS changes_email, c.here AND c.other_locale AS changes_locale, c.returns,
       NOT c.here OR (c.differs AND NOT c.takes) AS kept,
       CASE WHEN c.takes THEN (SELECT d.dead FROM credential_status d WHERE d.account_id = c.account_id) ELSE false END AS was_dead,
       false AS refused
  FROM (SELECT b.*, b.live OR b.returns AS here, b.offers AND (b.returns OR (b.live AND b.later AND b.open)) AS takes
          FROM (SELECT s.line_no, a.id AS account_id, a.credential_version AS version, s.password_set_at AS row_set_at,
                       a.deleted_at IS NULL AS live,
                       coalesce(s.created_at > a.deleted_at OR s.password_set_at > a.deleted_at, false) AS returns,
                       s.password_hash IS NOT NULL AND s.password_hash IS DISTINCT FROM a.password_hash AS offers,
                       NOT s.keep_password AND s.password_hash IS DISTINCT FROM a.password_hash AS differs,
                       s.password_set_at IS NOT NULL AND (a.password_set_at IS NULL OR s.password_set_at > a.password_set_at) AS later,
                       ` + open + ` AS open,
                       NOT s.keep_email AND s.email IS DISTINCT FROM a.email AS other_email,
                       NOT s.keep_locale AND s.locale IS DISTINCT FROM a.locale AS other_locale
                  FROM ` + source + ` JOIN accounts a ON a.subject = s.subject) b) c`
}

// openToFiles: what a member set here is never replaced by a file.
const openToFiles = `a.password_source <> 'rekey'`

var judgeRows = `INSERT INTO import_matched (line_no, account_id, version, takes, new_set_at, changes_email, changes_locale, returns, kept, was_dead, refused)` +
	judge(`(SELECT * FROM import_rows i WHERE i.line_no BETWEEN ? AND ? AND NOT EXISTS (SELECT 1 FROM import_refused r WHERE r.line_no = i.line_no)) s`, openToFiles)

const changes = `(m.takes OR m.changes_email OR m.changes_locale OR m.returns)`

const countMatched = `
SELECT count(*),
       coalesce(sum(CASE WHEN m.refused THEN 1 ELSE 0 END), 0),
       coalesce(sum(CASE WHEN NOT m.refused AND ` + changes + ` THEN 1 ELSE 0 END), 0),
       coalesce(sum(CASE WHEN NOT m.refused AND m.kept THEN 1 ELSE 0 END), 0)
  FROM import_matched m`

// applyMatched changes the accounts as judged, if they still are what was judged.
const applyMatched = `
UPDATE accounts AS a
   SET email = CASE WHEN m.changes_email THEN s.email ELSE a.email END,
       email_key = CASE WHEN m.changes_email THEN s.email_key ELSE a.email_key END,
       locale = CASE WHEN m.changes_locale THEN s.locale ELSE a.locale END,
       created_at = CASE WHEN s.created_at > a.deleted_at THEN s.created_at ELSE a.created_at END,
       deleted_at = NULL,
       password_hash = CASE WHEN m.takes THEN s.password_hash ELSE a.password_hash END,
       password_scheme = CASE WHEN m.takes THEN s.password_scheme ELSE a.password_scheme END,
       password_set_at = CASE WHEN m.takes THEN m.new_set_at ELSE a.password_set_at END,
       password_source = CASE WHEN m.takes THEN 'import' ELSE a.password_source END,
       credential_version = a.credential_version + CASE WHEN m.takes OR m.changes_email THEN 1 ELSE 0 END
  FROM import_matched m JOIN import_rows s ON s.line_no = m.line_no
 WHERE a.id = m.account_id AND a.credential_version = m.version AND NOT m.refused AND ` + changes

// tryDead gives the dead accounts of a chunk the passwords of their rows; it is always rolled back.
const tryDead = `
UPDATE accounts AS a
   SET deleted_at = NULL, password_hash = s.password_hash, password_scheme = s.password_scheme, password_set_at = m.new_set_at
  FROM import_matched m JOIN import_rows s ON s.line_no = m.line_no
 WHERE a.id = m.account_id AND m.was_dead`

const revivedRows = `
SELECT s.line_no AS line, s.subject AS subject, s.warned AS warned
  FROM import_matched m
  JOIN import_rows s ON s.line_no = m.line_no
  JOIN credential_status c ON c.account_id = m.account_id
 WHERE m.was_dead AND NOT c.dead
 ORDER BY s.line_no`

const findShared = `
INSERT INTO import_shared (email_key)
SELECT email_key FROM accounts WHERE email_key IS NOT NULL GROUP BY email_key HAVING count(*) > 1`

// sharedRows are the rows of the file whose address an earlier account has: earlier by id, so that importing again says the same.
const sharedRows = `
SELECT s.line_no, s.subject, s.warned
  FROM import_shared d
  JOIN accounts a ON a.email_key = d.email_key
  JOIN import_rows s ON s.subject = a.subject AND s.email_key = a.email_key
 WHERE NOT EXISTS (SELECT 1 FROM import_refused r WHERE r.line_no = s.line_no)
   AND EXISTS (SELECT 1 FROM accounts b WHERE b.email_key = a.email_key AND b.id < a.id)
 ORDER BY s.line_no`
