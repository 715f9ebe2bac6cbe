package account

import (
	"context"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// DirectoryStore is what the directory needs of the database.
type DirectoryStore interface {
	Now(ctx context.Context) (time.Time, error)
	// PutAccount takes in one row by the rules of an import, and records what came of it.
	PutAccount(ctx context.Context, put Put, entry audit.Entry) (Change, error)
	// DeleteAccount clears the account of personal data and password. Entry is recorded if it was there.
	DeleteAccount(ctx context.Context, subject string, entry audit.Entry) (Change, error)
	// Profile reads an account with the status of its credential. Entries are recorded in the same transaction.
	Profile(ctx context.Context, subject string, entries ...audit.Entry) (Profile, error)
	// ExportPasswords gives the passwords set in Rekey at or after since, oldest first, and the time to ask from next.
	ExportPasswords(ctx context.Context, since time.Time, entry audit.Entry, each func(Exported) error) (until time.Time, err error)
}

// Directory is how a login service keeps Rekey current, and how an operator looks at one account. It writes by the rules of an import.
type Directory struct{ store DirectoryStore }

// NewDirectory makes a directory on a store.
func NewDirectory(store DirectoryStore) *Directory { return &Directory{store: store} }

// PutRequest is an account as the login service has it. What is nil leaves a known account's value as it is, an empty text clears
// it, but no password is ever cleared: a dead one would come back by being cleared and set.
type PutRequest struct {
	Subject                     string
	Email, Locale, PasswordHash *string
	PasswordSetAt, CreatedAt    *time.Time
	AllowRevive                 bool // see Change.Outcome
}

// PasswordRequest says that a member changed the password at the login service.
type PasswordRequest struct {
	Subject string
	Hash    string
	SetAt   time.Time // zero: now, by the database's clock
	// AllowRevive lets a dead password be replaced. Only a login service that proved the member's identity by something else
	// than the dead password or a session made with it may say so.
	AllowRevive bool
}

// Put is one row to take in, with how.
type Put struct {
	Row         Row
	Source      string // SourceImport or SourceAPI, as it is stored with the password
	Direct      bool   // the member set it: it replaces one set in Rekey too, if strictly later; a zero date is now
	AllowRevive bool
}

// Outcomes of a change.
const (
	Inserted  = "inserted"
	Updated   = "updated"
	Unchanged = "unchanged"
	Refused   = "refused" // it would have made a dead password live; nothing was changed
	Deleted   = "deleted"
	Unknown   = "unknown" // there is no such account, so there is nothing to delete
)

// Change is what came of a write.
type Change struct {
	Outcome  string    `json:"outcome"`
	Kept     bool      `json:"kept"`     // the password given differs from the stored one, which stays
	Revived  bool      `json:"revived"`  // a dead password was replaced by a live one
	Version  int64     `json:"version"`  // credential_version after it; 0 for an unknown account
	Warnings []Warning `json:"warnings"` // what was left out
}

// Warning is a value that was not taken as given. It never holds the value.
type Warning struct {
	Field  string `json:"field"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// Put takes in one account. A value that is no address, tag or date is left out with a warning, so that the account exists and
// can die; only a subject that is none is refused with an error.
func (d *Directory) Put(ctx context.Context, r PutRequest, actor audit.Actor) (Change, error) {
	rec := record{has: [numColumns]bool{colSubject: true}}
	rec.fields[colSubject] = r.Subject
	rec.set(colEmail, r.Email)
	rec.set(colLocale, r.Locale)
	rec.set(colPasswordHash, r.PasswordHash)
	rec.setTime(colPasswordSetAt, r.PasswordSetAt)
	rec.setTime(colCreatedAt, r.CreatedAt)
	return d.put(ctx, &rec, Put{Source: SourceAPI, AllowRevive: r.AllowRevive}, audit.AccountPut, actor)
}

// clockSkew is how far ahead of the database the login service's clock may be.
const clockSkew = 5 * time.Minute

// SetPasswordHash takes in a password that the member set at the login service. A subject that is not known yet becomes an
// account without an address.
func (d *Directory) SetPasswordHash(ctx context.Context, r PasswordRequest, actor audit.Actor) (Change, error) {
	if r.Hash == "" {
		return Change{}, problem.New(problem.Invalid, "The password hash is missing.")
	}
	now, err := d.store.Now(ctx)
	if err != nil {
		return Change{}, err
	}
	if r.SetAt.After(now.Add(clockSkew)) {
		return Change{}, problem.New(problem.Invalid, "The time the password was set lies in the future.")
	}
	rec := record{has: [numColumns]bool{colSubject: true, colPasswordHash: true}}
	rec.fields[colSubject], rec.fields[colPasswordHash] = r.Subject, r.Hash
	if !r.SetAt.IsZero() && !r.SetAt.After(now) {
		rec.setTime(colPasswordSetAt, &r.SetAt)
	}
	return d.put(ctx, &rec, Put{Source: SourceAPI, Direct: true, AllowRevive: r.AllowRevive}, audit.AccountPasswordSet, actor)
}

func (d *Directory) put(ctx context.Context, rec *record, put Put, action audit.Action, actor audit.Actor) (Change, error) {
	now, err := d.store.Now(ctx)
	if err != nil {
		return Change{}, err
	}
	rules := newRules(now)
	if bad := rules.row(rec, &put.Row); bad != fine {
		return Change{}, problem.New(problem.Invalid, "The subject is refused: "+bad.text()+".")
	}
	change, err := d.store.PutAccount(ctx, put, audit.New(actor, action, object(put.Row.Subject), nil))
	for _, w := range rules.found {
		change.Warnings = append(change.Warnings, Warning{Field: w.field(), Code: w.code(), Reason: w.text()})
	}
	return change, err
}

// Delete forgets a member: address, locale and password go, sessions end, the row stays so that an old file brings nothing back.
// Deleting twice, or what never was, changes nothing and is no error.
func (d *Directory) Delete(ctx context.Context, subject string, actor audit.Actor) (Change, error) {
	if checkSubject(subject) != fine {
		return Change{Outcome: Unknown}, nil
	}
	return d.store.DeleteAccount(ctx, subject, audit.New(actor, audit.AccountDelete, object(subject), nil))
}

// Get is the account as the login service may see it. An unknown subject is an answer, not an error.
func (d *Directory) Get(ctx context.Context, subject string) (Profile, error) {
	if checkSubject(subject) != fine {
		return Profile{Subject: subject, State: StateUnknown}, nil
	}
	return d.store.Profile(ctx, subject)
}

// Show is Get for an operator, whose look is recorded.
func (d *Directory) Show(ctx context.Context, subject string, actor audit.Actor) (Profile, error) {
	if checkSubject(subject) != fine {
		return Profile{Subject: subject, State: StateUnknown}, nil
	}
	return d.store.Profile(ctx, subject, audit.New(actor, audit.AccountShow, object(subject), nil))
}

func object(subject string) string { return "account:" + subject }

// States of a credential, as the gate says them.
const (
	StateLive    = "live"
	StateDead    = "dead"
	StateNone    = "none"    // no password, such as single sign-on
	StateUnknown = "unknown" // no such account
	StateDeleted = "deleted"
)

// Profile is an account with the status of its credential. Of the password it holds the scheme alone.
type Profile struct {
	Subject        string     `json:"subject"`
	State          string     `json:"state"` // one of the State constants
	ID             int64      `json:"id,omitempty"`
	Email          string     `json:"email,omitempty"`
	Locale         string     `json:"locale,omitempty"`
	CreatedAt      *time.Time `json:"created_at,omitempty"`
	DeletedAt      *time.Time `json:"deleted_at,omitempty"`
	PasswordScheme string     `json:"password_scheme,omitempty"`
	PasswordSetAt  *time.Time `json:"password_set_at,omitempty"`
	PasswordSource string     `json:"password_source,omitempty"`
	Version        int64      `json:"credential_version,omitempty"`
	DisabledAt     *time.Time `json:"disabled_at,omitempty"` // after too many wrong passwords
	NotBefore      *time.Time `json:"not_before,omitempty"`  // sessions issued at or before it are dead
	Epoch          int64      `json:"epoch,omitempty"`
	KilledBy       int64      `json:"killed_by,omitempty"` // the newest campaign that kills the password
	Incident       string     `json:"incident,omitempty"`  // its incident
	CoveredBy      int64      `json:"covered_by,omitempty"`
}

// Explain says in one line for people what the state means.
func (p Profile) Explain() string {
	switch p.State {
	case StateUnknown:
		return "no account has this subject"
	case StateDeleted:
		return "deleted: no address, no password, and no old file brings it back"
	case StateNone:
		return "no password, so nothing to kill or reset"
	case StateDead:
		return p.explainDead()
	}
	return "the password works"
}

func (p Profile) explainDead() string {
	switch {
	case p.KilledBy == 0:
		return "disabled after too many wrong passwords; a reset makes it work again"
	case p.DisabledAt != nil:
		return "killed by a campaign, and disabled after too many wrong passwords; a reset makes it work again"
	}
	return "killed by a campaign; a reset makes it work again"
}

func (rec *record) set(column int, value *string) {
	if value != nil {
		rec.has[column], rec.fields[column] = true, *value
	}
}

func (rec *record) setTime(column int, t *time.Time) {
	if t != nil && !t.IsZero() {
		rec.has[column], rec.fields[column] = true, t.UTC().Format(time.RFC3339Nano)
	}
}
