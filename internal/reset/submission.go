package reset

import "net/netip"

// Submission is a new password and the authority to set it: a token, or else an address with the code that was sent to it.
type Submission struct {
	Token       string // where given, Email and Code are empty
	Email, Code string // as typed
	Password    string // as typed: not normalised, not checked
	Confirm     string // as typed
	Client      netip.Addr

	// Leave, where set, is called before the service waits for something slow, once or more often.
	Leave func()
}

// Codes of problem.Unprocessable beside those of the password policy.
const (
	CodeConfirm = "confirm"       // password and confirm are not the same
	CodeSame    = "same_password" // the account's own dead password, or a trivial variant of it
)
