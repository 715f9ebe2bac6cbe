package ratelimit

import (
	"fmt"
	"strings"
	"time"
)

// Limit is a bucket of Burst tokens that gets one back each Every.
type Limit struct {
	Name     string        // stable: part of stored keys, metrics and docs
	Burst    int           // tokens of a full bucket
	Every    time.Duration // one token per; whole microseconds
	MaxDelay time.Duration // for Reserve: the longest wait it hands out
	Kept     Kept
	Once     bool   // a key is used once as a rule, so that memory in front of the shared source remembers those alone that were refused
	Keyed    string // what the key is made of
	Over     string // what happens to whoever is over it
	Why      string // the arithmetic behind the numbers
}

// Kept says where a limit is counted.
type Kept int

const (
	Durable  Kept = iota // in the shared source, with memory in front
	InMemory             // per process only: too hot for a database, or a guard of the process itself
)

// String is the word in the table.
func (k Kept) String() string {
	if k == InMemory {
		return "memory"
	}
	return "database"
}

// PerDay is how many tokens one key can use in 24 hours, starting full.
func (l Limit) PerDay() int { return l.Burst + int(24*time.Hour/l.Every) }

const (
	over429        = "429 with Retry-After"
	overWait       = "same answer, the mail waits"
	overUnrecorded = "refused all the same, without an entry in the audit log"
	overMailWaits  = "done, the mail about it waits"
	overCodes      = "429 for typed codes; links and /forgot go on"
	linkOfHour     = time.Hour // the life of a link somebody just asked for
)

// The limits. All of them stand here and in All, and nowhere else. "A visit" is what one member's browser sends from opening a link to /done:
// a page, a style sheet, two scripts, an icon, a check, two looks at /proof, the worker where that asks for work, the form and the last page, 11 requests.
var (
	// Flood stands in front of everything but /v1, before any other work.
	Flood = Limit{Name: "flood", Burst: 1000, Every: 20 * time.Millisecond, Kept: InMemory, Keyed: "client address", Over: over429,
		Why: "A visit is 11 requests, so 90 people behind one address can open their link in the same second and 16,000 an hour after that: 10,000 members behind one carrier's NAT get through in 40 minutes. 50 pages a second cost about 1 % of a core."}
	// KeyAddress is charged for wrong client keys only, before the look-up of the next.
	KeyAddress = Limit{Name: "key_address", Burst: 60, Every: time.Second, Kept: InMemory, Keyed: "client address, wrong client keys only", Over: over429,
		Why: "A key of 256 bits cannot be guessed; this keeps a caller without one from costing a database look-up per request. A login service deployed with the wrong key is told 401 sixty times before 429."}
	// VerifyKey guards the hashing queue against one runaway client.
	VerifyKey = Limit{Name: "verify_key", Burst: 1000, Every: time.Millisecond, Kept: InMemory, Keyed: "client key", Over: over429,
		Why: "At 38 ms a hash 1,000 a second would keep 38 cores busy, more than a replica has: an honest login service meets the admission queue's 503 first, a loop without end meets this."}
	// GateKey guards the database against one runaway client. A batch costs as many tokens as it has checks.
	GateKey = Limit{Name: "gate_key", Burst: 50000, Every: 20 * time.Microsecond, Kept: InMemory, Keyed: "client key", Over: over429,
		Why: "50,000 checks a second is several times what one replica answers, and the burst is fifty full batches of 1,000: it stops a runaway loop and nothing else."}
	// VerifyPair slows guesses from one place. A right and live password gives the token back.
	VerifyPair = Limit{Name: "verify_pair", Burst: 10, Every: 2 * time.Minute, Keyed: "login as typed + client address (only when the login service sends client_ip)", Over: over429,
		Why: "Ten mistakes at once are more than an honest person makes before asking for a link; the waits after that are in NIST SP 800-63B-4 §3.2.2's range of 30 s to 1 h. One address needs 10 + 90 × 2 min = 3 h to make the 100 failures that disable a password, and is seen doing it; other addresses are not slowed at all."}
	// VerifyLogin bounds guesses from everywhere. A right and live password gives the token back.
	VerifyLogin = Limit{Name: "verify_login", Burst: 200, Every: 30 * time.Second, Keyed: "login as typed", Over: over429,
		Why: "Twice NIST's 100 consecutive failures, so it never closes a login whose password could still be right: a stranger with 20 addresses or more disables the password first, which mails the member a link. 2,880 a day after that cost at most 4 minutes of hashing per login."}
	// ResetAddress is charged for each POST /reset and /reset/check, before the token is looked at.
	ResetAddress = Limit{Name: "reset_address", Burst: 1000, Every: 20 * time.Millisecond, Keyed: "client address", Over: over429,
		Why: "A member sends one check and one or two forms, so 330 people behind one address can finish in the same moment and 60,000 an hour after that. Tokens are signed and cannot be guessed, and hashing has its own queue; what is bounded is parsing and signature checks: 50 a second × 0.2 ms are 1 % of one core."}
	// ResetToken is charged 1 for a try, 0.1 in the end for a refused password, nothing for a 503.
	ResetToken = Limit{Name: "reset_token", Burst: 40, Every: time.Second, Keyed: "token id", Over: over429,
		Why: "A person may be refused 400 passwords in a row (a tenth each) or press the button 40 times during an overload; a script that replays a link gets one try a second."}
	// ResetGlobal bounds all of POST /reset in one process.
	ResetGlobal = Limit{Name: "reset_global", Burst: 2000, Every: time.Millisecond, Kept: InMemory, Keyed: "one key for all", Over: over429,
		Why: "Above what hashing can do (2 cores finish about 26 resets a second, so the admission queue is the real bound), below what parsing and signature checks can do: 1,000 × 0.1 ms are a tenth of a core. 10,000 members pressing in the same second have all been let in 8 s later."}
	// AccountReset is charged with ResetToken, after the token or code was found right and the password passed its policy.
	AccountReset = Limit{Name: "account_reset", Burst: 80, Every: time.Second, Keyed: "account id", Over: over429,
		Why: "Two live links at their full burst of 40, so no honest person meets it; who collects many live links of one account still gets one hash a second (8 % of a core), not one per link."}
	// CodePair is charged for each typed code; one that fits gives it back.
	CodePair = Limit{Name: "code_pair", Burst: 10, Every: 5 * time.Minute, Keyed: "e-mail address as typed + client address", Over: overCodes,
		Why: "Twelve characters can be mistyped ten times, then every five minutes. 298 guesses a day × 29 valid windows × 4 accounts sharing the address against 2^60 codes: 3.0e-14 a day."}
	// CodeAddress is charged with CodePair.
	CodeAddress = Limit{Name: "code_address", Burst: 200, Every: 30 * time.Second, Keyed: "e-mail address as typed", Over: overCodes,
		Why: "However many addresses guess together: 3,080 a day × 29 windows × 4 accounts against 2^60 codes are 3.1e-13 a day. Twenty strangers at full burst are needed to make one member's codes wait, and that member's links and /forgot go on."}
	// ForgotAddress is the one limit of /forgot that refuses; it says nothing about any account.
	ForgotAddress = Limit{Name: "forgot_address", Burst: 100, Every: 5 * time.Second, Keyed: "client address", Over: over429,
		Why: "100 people behind one address at once and 720 an hour after that. Whoever writes to 1,000 different members from one address needs 75 minutes, and each of them gets one mail."}
	// ForgotMail is reserved: its caps delay and never drop.
	ForgotMail = Limit{Name: "forgot_mail", Burst: 3, Every: linkOfHour, MaxDelay: 24 * time.Hour, Keyed: "e-mail address as typed (folded)", Over: overWait,
		Why: "Three at once for a person who does not find the first, then one an hour, which is how long such a link lives: under attack the mailbox gets at most 27 mails in a day and still always holds a link that works or gets one within the hour."}
	// ForgotGlobal is reserved: it spreads the mails of a storm.
	ForgotGlobal = Limit{Name: "forgot_global", Burst: 5000, Every: 100 * time.Millisecond, MaxDelay: time.Hour, Kept: InMemory, Keyed: "one key for all", Over: overWait,
		Why: "10,000 members asking in the same minute: 5,000 mails go at once, the rest within 500 s. 36,000 mails an hour keep an attack with many addresses from ruining the sender's name, and nobody waits more than an hour."}
	// ReissueToken is reserved, together with ForgotMail of the address on file.
	ReissueToken = Limit{Name: "reissue_token", Burst: 3, Every: linkOfHour, MaxDelay: 24 * time.Hour, Keyed: "token id", Over: overWait,
		Why: "An old link sends a fresh one to the address on file. Three presses at once, then one an hour, as for /forgot: an old link that leaked cannot be used to fill its owner's mailbox."}
	// ReissueAddress is the one limit of /reissue that refuses.
	ReissueAddress = Limit{Name: "reissue_address", Burst: 100, Every: 5 * time.Second, Keyed: "client address", Over: over429,
		Why: "As for /forgot: 100 people behind one address at once and 720 an hour after that; each press needs an old link with a good signature."}
	// NoticeAccount is reserved for the mail that says that a password was changed.
	NoticeAccount = Limit{Name: "notice_account", Burst: 5, Every: time.Hour, MaxDelay: 24 * time.Hour, Keyed: "account id", Over: overMailWaits,
		Why: "Each change needs a link or code of its own. The first five mails go at once, so the owner hears of a stranger's change whatever the stranger does after it; who goes on changing fills the mailbox with one an hour."}
	// NoticeGlobal is reserved with NoticeAccount.
	NoticeGlobal = Limit{Name: "notice_global", Burst: 10000, Every: 20 * time.Millisecond, MaxDelay: time.Hour, Kept: InMemory, Keyed: "one key for all", Over: overMailWaits,
		Why: "10,000 members who reset in one rush hear of it at once; after that 50 mails a second, above the 26 resets a second that 2 cores can hash."}
	// ProofSpent is how a proof of work is good for one form: a bucket of one that fills after the proof has died (pow.Life). A 503 gives it back.
	ProofSpent = Limit{Name: "proof_spent", Burst: 1, Every: 11 * time.Minute, Once: true, Keyed: "proof id, random", Over: "the form counts as unproven",
		Why: "A challenge lives 10 minutes; the eleventh is for clocks of processes that differ. Only who did the work gets here, and somebody who sends one proof again and again is answered from memory from the third time on."}
	// UnprovenAddress keeps one address from using up Unproven, which it is charged before; what Unproven refuses is given back.
	UnprovenAddress = Limit{Name: "unproven_address", Burst: 10, Every: 10 * time.Second, Kept: InMemory, Keyed: "client address, forms without proof while proofs are asked for", Over: over429,
		Why: "A person without JavaScript sends one or two forms. Ten people behind one address at once and 360 an hour after that; without this one loud address at the flood limit's 50 a second would take all of the bucket that they share."}
	// Unproven is the one bucket of all forms without a good proof of work, while proofs are asked for.
	Unproven = Limit{Name: "unproven", Burst: 100, Every: 500 * time.Millisecond, Kept: InMemory, Keyed: "one key for all, forms without proof while proofs are asked for", Over: over429,
		Why: "Two a second are 8 % of the 26 resets a second that 2 cores finish, so an attack without work leaves the rest to those who did it. The way without JavaScript stays open: 7,200 forms an hour. About 1 member in 100 has no JavaScript: of 10,000 in one rush 100 get in at once."}
	// OperatorPair slows guesses at an operator's password or authenticator code from one place. A sign-in that gets further gives the token back.
	OperatorPair = Limit{Name: "operator_pair", Burst: 10, Every: 5 * time.Minute, Keyed: "operator's name as typed + client address", Over: over429,
		Why: "Ten mistakes at once are more than an honest person makes; then one in five minutes, inside NIST SP 800-63B-4 §3.2.2's 30 s to 1 h. One address needs 90 × 5 min = 7.5 h for the 100 failures in a row that close the password, each in the audit log; passkeys and the company's sign-in go on."}
	// OperatorName bounds guesses at one operator from everywhere. A sign-in that gets further gives the token back.
	OperatorName = Limit{Name: "operator_name", Burst: 50, Every: time.Minute, Keyed: "operator's name as typed", Over: over429,
		Why: "Whoever has the password and guesses codes has 3 live ones in 1,000,000, so 100 tries until the password closes find one with a chance of 0.03 %. Five strangers at full burst are needed to make one operator's password wait; passkeys and the company's sign-in go on."}
	// OperatorAddress is charged for every try to sign in, use an invitation or use an operator token that failed.
	OperatorAddress = Limit{Name: "operator_address", Burst: 100, Every: 10 * time.Second, Keyed: "client address, failed operators' sign-ins", Over: over429,
		Why: "Twenty people behind one address may each fail five times at once. Each failure is 38 ms of hashing and an entry in the audit log: names tried one after another cost 0.4 % of a core and 8,740 entries a day."}
	// StrangerForm bounds what strangers write into the audit log by forms that the console refuses.
	StrangerForm = Limit{Name: "stranger_form", Burst: 1, Every: time.Minute, Kept: InMemory, Keyed: "route + client address, forms of the console from another site or signed out", Over: overUnrecorded,
		Why: "The first refusal says who tried what; the next of the same minute says nothing new. Every one is refused all the same, and counted in the access log."}
	// StrangerForms bounds it for all addresses together.
	StrangerForms = Limit{Name: "stranger_forms", Burst: 300, Every: 10 * time.Second, Kept: InMemory, Keyed: "one key for all, forms of the console from another site or signed out", Over: overUnrecorded,
		Why: "An attacker with many addresses writes 8,940 entries a day at most, as many as failed sign-ins of one address may be: some megabytes, which nobody has to search for long."}
	// AdminKey is charged for each call of /v1/admin with a good key, but for the lockdown, which is let in however loud a program was.
	AdminKey = Limit{Name: "admin_key", Burst: 120, Every: 100 * time.Millisecond, Kept: InMemory, Keyed: "operator or client of /v1/admin", Over: over429,
		Why: "A script that walks through everything makes some dozens of calls at once, and one that polls a campaign one a second; ten a second are 600 reads a minute, about 2 % of a core. It stops a loop without end, and bounds the refusals that one key writes into the audit log."}
	// AdminDear is charged besides for exports, reports, lists of lines, and whatever counts or touches a whole campaign.
	AdminDear = Limit{Name: "admin_dear", Burst: 30, Every: 5 * time.Second, Kept: InMemory, Keyed: "operator or client of /v1/admin", Over: over429,
		Why: "Each of these passes over up to all accounts, about a second of a database's time for 1.3 million: an incident's few campaigns are drafted, prepared, previewed and activated within the burst, and a loop takes a fifth of one connection after it."}
	// SupportCodeOperator bounds how many spoken codes one operator gives out or asks a second person for.
	SupportCodeOperator = Limit{Name: "support_code_operator", Burst: 10, Every: 5 * time.Minute, Keyed: "operator", Over: over429,
		Why: "A call with a proof of identity takes five minutes and more, so one operator cannot honestly give out more than 12 an hour; ten at once are a backlog written up after an outage. Whoever takes over a console session gets at most 298 members a day, each named in the audit log."}
	// SupportCodeAccount bounds how many spoken codes are given out for one member.
	SupportCodeAccount = Limit{Name: "support_code_account", Burst: 3, Every: time.Hour, Keyed: "account id", Over: over429,
		Why: "A code lives for up to an hour and the same one is given out again within that, so one is enough; three at once forgive a code misheard or a call cut off. Several operators who are talked into it one after another give out 27 a day at most."}
)

// All lists every limit, in the order of the table.
func All() []Limit {
	return []Limit{Flood, KeyAddress, VerifyKey, GateKey, VerifyPair, VerifyLogin, ResetAddress, ResetToken, ResetGlobal, AccountReset,
		CodePair, CodeAddress, ForgotAddress, ForgotMail, ForgotGlobal, ReissueToken, ReissueAddress, NoticeAccount, NoticeGlobal, ProofSpent, UnprovenAddress, Unproven,
		OperatorPair, OperatorName, OperatorAddress, StrangerForm, StrangerForms, AdminKey, AdminDear, SupportCodeOperator, SupportCodeAccount}
}

// Markdown renders All for the documentation.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| limit | keyed on | at once | then one per | in 24 h at most | kept in | over it | why |\n")
	b.WriteString("| --- | --- | ---: | ---: | ---: | --- | --- | --- |\n")
	for _, l := range All() {
		fmt.Fprintf(&b, "| `%s` | %s | %d | %s | %d | %s | %s | %s |\n", l.Name, l.Keyed, l.Burst, short(l.Every), l.PerDay(), l.Kept, l.Over, l.Why)
	}
	return b.String()
}

// short drops the zero units that Duration.String prints: 1h0m0s is 1h.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
