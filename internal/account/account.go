// Package account is the noun account: its folded address, the rules by which files and the login service bring accounts in, and
// the judging of its credential. It promises that nothing it takes in moves a credential backwards (design: import); cmd, api and reset call it.
package account

import "time"

// Sources of a password: who set it.
const (
	SourceImport = "import" // a file, or PUT of a whole account
	SourceAPI    = "api"    // the login service, saying that the member changed it there
	SourceRekey  = "rekey"  // a reset here
)

// MaxSubject is the longest subject in characters.
const MaxSubject = 255

// Account is one login of one member, as stored. Nothing in it says that the credential is dead: that follows from campaigns.
type Account struct {
	ID                      int64
	Subject                 string // the login service's own id
	Email, EmailKey, Locale string // "" = none; EmailKey is made by EmailKey alone
	CreatedAt               time.Time
	DeletedAt               *time.Time
	PasswordHash            string // PHC or modular-crypt string; "" = no password
	PasswordScheme          string // password.Info.Label of it
	PasswordSetAt           *time.Time
	PasswordSource          string // one of the Source constants
	Version                 int64  // credential_version
	SessionsValidFrom       *time.Time
	DisabledAt              *time.Time
}
