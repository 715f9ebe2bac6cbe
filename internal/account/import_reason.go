package account

// Verdicts of the report's file.
const (
	Rejected = "rejected" // the record changed nothing
	Warned   = "warned"   // it was loaded, with something left out
)

// reason is why a record was rejected or warned about. Its text never holds a value: a report is read by more people than a user base.
type reason int

// Reasons, in the order of the table below. fine is none.
const (
	fine reason = iota
	brokenQuotes
	openQuote
	buriedRecord
	recordTooLong
	fieldsMissing
	fieldsTooMany
	notAnObject
	unknownField
	fieldTwice
	wrongType
	noSubject
	badSubject
	repeatedSubject
	wouldRevive
	formulaSubject
	badEmail
	sharedEmail
	badLocale
	badSetAt
	futureSetAt
	badCreatedAt
	neverVerified
	numReasons
)

var reasons = [numReasons]struct{ verdict, code, field, text string }{
	fine:            {"", "", "", ""},
	brokenQuotes:    {Rejected, "broken_quotes", "", "the quoting is broken: a quote stands inside a field, or something between a closing quote and the comma"},
	openQuote:       {Rejected, "open_quote", "", "a quote is opened and never closed"},
	buriedRecord:    {Rejected, "buried_record", "", "stands inside the broken quotes of an earlier line; put it in a file of its own if it is genuine"},
	recordTooLong:   {Rejected, "too_long", "", "longer than 64 KiB"},
	fieldsMissing:   {Rejected, "fields_missing", "", "fewer fields than the first line names"},
	fieldsTooMany:   {Rejected, "fields_too_many", "", "more fields than the first line names"},
	notAnObject:     {Rejected, "not_json", "", "not one JSON object"},
	unknownField:    {Rejected, "unknown_field", "", "a field that an import does not know"},
	fieldTwice:      {Rejected, "field_twice", "", "a field that stands there twice"},
	wrongType:       {Rejected, "wrong_type", "", "a value that is neither text nor null"},
	noSubject:       {Rejected, "no_subject", "subject", "no subject"},
	badSubject:      {Rejected, "bad_subject", "subject", "not a subject: more than 255 characters, control characters, or not UTF-8"},
	repeatedSubject: {Rejected, "repeated_subject", "subject", "the subject stands on an earlier line too, which was taken"},
	wouldRevive:     {Rejected, "would_revive", "password_set_at", "would make a dead password live again; --allow-revive lets it"},
	formulaSubject:  {Warned, "formula_subject", "subject", "a spreadsheet may take the subject for a formula; kept, and made harmless in what is written for people"},
	badEmail:        {Warned, "bad_email", "email", "not an e-mail address; none is stored for a new account, a known one keeps its own"},
	sharedEmail:     {Warned, "shared_email", "email", "an earlier account has the same address; signing in by address works for neither"},
	badLocale:       {Warned, "bad_locale", "locale", "not a BCP 47 language tag; none is stored for a new account, a known one keeps its own"},
	badSetAt:        {Warned, "bad_set_at", "password_set_at", "not a date; taken as unknown, so the password dies in every campaign"},
	futureSetAt:     {Warned, "future_set_at", "password_set_at", "lies in the future; taken as unknown, so the password dies in every campaign"},
	badCreatedAt:    {Warned, "bad_created_at", "created_at", "not a date in the past; the time of import is stored for a new account"},
	neverVerified:   {Warned, "never_verified", "password_hash", "a hash of an unknown, malformed or over-dear scheme; kept and never verified, so the member needs a reset"},
}

func (r reason) verdict() string { return reasons[r].verdict }
func (r reason) code() string    { return reasons[r].code }
func (r reason) field() string   { return reasons[r].field }
func (r reason) text() string    { return reasons[r].text }

// rejected tells whether the record is out.
func (r reason) rejected() bool { return reasons[r].verdict == Rejected }
