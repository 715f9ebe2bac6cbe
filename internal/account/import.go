package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
)

// ImportStore is what an import needs of the database.
type ImportStore interface {
	// Now is the database's clock: a date later than it lies in the future.
	Now(ctx context.Context) (time.Time, error)
	// ImportAccounts takes in the rows that job.Next gives, by the rules that compare with what is stored. An error leaves whole
	// chunks of the file taken in and the others not; the same file can be imported again.
	ImportAccounts(ctx context.Context, job ImportJob) (Merged, error)
}

// ImportJob is one import as the store sees it. Its functions are called one at a time.
type ImportJob struct {
	AllowRevive bool
	Chunk       int                                     // rows a transaction; 0: 50,000
	Next        func(*Row) (more bool, err error)       // fills in the next row
	Found       func(Finding) error                     // a row that only the store could judge
	Progress    func(merged int64)                      // rows taken in so far
	Started     audit.Entry                             // recorded before the first row
	Finished    func(counts Merged) (entry audit.Entry) // recorded after the last
}

// Merged counts the rows the store judged; with the rejected ones among its findings they are all it was given.
type Merged struct{ Inserted, Updated, Unchanged, Kept, Revived int64 }

// Finding is what the store alone can find about a row.
type Finding struct {
	Line    int64
	Subject string
	Warned  bool // the row had a warning already
	What    FindingKind
}

// FindingKind says what was found.
type FindingKind int

// The kinds; the first two reject the row.
const (
	FoundRepeated FindingKind = iota // an earlier row of the file has the subject
	FoundRevival                     // it would make a dead password live
	FoundShared                      // an earlier account has the address
)

var findingReasons = map[FindingKind]reason{FoundRepeated: repeatedSubject, FoundRevival: wouldRevive, FoundShared: sharedEmail}

// ImportOptions say how to read a file and who does it.
type ImportOptions struct {
	Format      string // FormatAuto, FormatCSV or FormatNDJSON
	Source      string // the file's name, for the audit log
	Actor       audit.Actor
	AllowRevive bool
	// RejectsPath is where rejected and warned rows go, 0600. If something stands there already a number is added to the name;
	// without such rows no file is made.
	RejectsPath string
	Progress    func(Progress) // called now and then; may be nil
}

// Progress is how far an import is.
type Progress struct{ Read, Merged int64 }

// Report is how an import ended. Rows = Inserted + Updated + Unchanged + Rejected; the other counts are parts of these.
type Report struct {
	Rows      int64 `json:"rows"`
	Inserted  int64 `json:"inserted"`
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`
	Rejected  int64 `json:"rejected"`
	// Kept counts rows whose password differs from the stored one and was not taken: it was set in Rekey, or the row's date is
	// not later, or the account is deleted.
	Kept        int64            `json:"kept"`
	Warned      int64            `json:"warned"`  // loaded with a warning
	Revived     int64            `json:"revived"` // dead passwords made live, by --allow-revive
	RejectsFile string           `json:"rejects_file"`
	Schemes     map[string]int64 `json:"schemes"` // rows read by password scheme, those never verified too
	Reasons     map[string]int64 `json:"reasons"` // rejections and warnings by reason
}

// Import reads a file of accounts as a stream and takes it in by the rules of the design: an import never moves a credential
// backwards, and a record is rejected only if it cannot be read, its subject is missing or repeated, or it would revive a dead
// password. Every rejected or warned record is in the rejects file. Memory does not grow with the file.
func Import(ctx context.Context, store ImportStore, file io.Reader, o ImportOptions) (Report, error) {
	now, err := store.Now(ctx)
	if err != nil {
		return Report{}, err
	}
	records, err := openRecords(file, o.Format)
	if err != nil {
		return Report{}, err
	}
	i := &importing{records: records, rules: newRules(now), rejects: &rejectsFile{path: o.RejectsPath}, progress: o.Progress}
	i.report.Schemes, i.report.Reasons = i.rules.labels, map[string]int64{}
	if i.progress == nil {
		i.progress = func(Progress) {}
	}
	entry := func(detail audit.Detail) audit.Entry {
		detail["file"] = o.Source
		return audit.New(o.Actor, audit.AccountImport, "accounts", detail)
	}
	counts, err := store.ImportAccounts(ctx, ImportJob{
		AllowRevive: o.AllowRevive,
		Next:        i.next,
		Found:       i.found,
		Progress:    i.merged,
		Started:     entry(audit.Detail{"state": "started", "allow_revive": o.AllowRevive}),
		Finished: func(counts Merged) audit.Entry {
			return entry(i.count(counts).detail())
		},
	})
	return i.end(counts, err)
}

// importing is an import under way.
type importing struct {
	records  recordReader
	rules    *rules
	rejects  *rejectsFile
	report   Report
	progress func(Progress)
}

// progressEvery is how many rows pass between two calls of Progress.
const progressEvery = 10_000

// next is the next row that can be read; those that cannot are reported on the way.
func (i *importing) next(row *Row) (bool, error) {
	for {
		rec, err := i.records.next()
		var bad *refusal
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case errors.As(err, &bad):
			i.report.Rows++
			if err := i.reject(bad.line, bad.subject, bad.reason); err != nil {
				return false, err
			}
			continue
		case err != nil:
			return false, err
		}
		if i.report.Rows++; i.report.Rows%progressEvery == 0 {
			i.progress(Progress{Read: i.report.Rows})
		}
		if bad := i.rules.row(rec, row); bad != fine {
			if err := i.reject(rec.line, rec.fields[colSubject], bad); err != nil {
				return false, err
			}
			continue
		}
		return true, i.warn(row)
	}
}

func (i *importing) reject(line int64, subject string, why reason) error {
	i.report.Rejected++
	i.report.Reasons[why.code()]++
	return i.rejects.add(line, subject, why)
}

// warn reports the warnings of a row. Should the store reject it later, its line in the file says so too.
func (i *importing) warn(row *Row) error {
	if !row.Warned {
		return nil
	}
	i.report.Warned++
	for _, why := range i.rules.found {
		i.report.Reasons[why.code()]++
		if err := i.rejects.add(row.Line, row.Subject, why); err != nil {
			return err
		}
	}
	return nil
}

func (i *importing) found(f Finding) error {
	why := findingReasons[f.What]
	if why.rejected() {
		if f.Warned {
			i.report.Warned--
		}
		return i.reject(f.Line, f.Subject, why)
	}
	if !f.Warned {
		i.report.Warned++
	}
	i.report.Reasons[why.code()]++
	return i.rejects.add(f.Line, f.Subject, why)
}

func (i *importing) merged(rows int64) { i.progress(Progress{Read: i.report.Rows, Merged: rows}) }

func (i *importing) count(c Merged) Report {
	r := i.report
	r.Inserted, r.Updated, r.Unchanged, r.Kept, r.Revived = c.Inserted, c.Updated, c.Unchanged, c.Kept, c.Revived
	return r
}

func (i *importing) end(counts Merged, err error) (Report, error) {
	i.report = i.count(counts)
	i.report.RejectsFile = i.rejects.name
	if closed := i.rejects.close(); closed != nil {
		err = errors.Join(err, closed)
	}
	r := i.report
	if sum := r.Inserted + r.Updated + r.Unchanged + r.Rejected; err == nil && sum != r.Rows {
		err = fmt.Errorf("importing accounts: %d rows read and %d accounted for", r.Rows, sum)
	}
	return r, err
}

func (r Report) detail() audit.Detail {
	return audit.Detail{"state": "finished", "rows": r.Rows, "inserted": r.Inserted, "updated": r.Updated, "unchanged": r.Unchanged,
		"rejected": r.Rejected, "kept": r.Kept, "warned": r.Warned, "revived": r.Revived}
}
