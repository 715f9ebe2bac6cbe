package api

import "encoding/json"

// The answers of the admin API. Each has the fields of the noun that it shows, by the same names, with times in whole seconds since 1970;
// what is not known is left out. A test holds the two together.

// Incident is a breach, see incident.Incident.
type Incident struct {
	ID          int64            `json:"id"`
	Slug        string           `json:"slug" doc:"Its name in commands and URLs."`
	Title       string           `json:"title"`
	OccurredAt  *int64           `json:"occurred_at,omitempty" doc:"Seconds since 1970, as all times here."`
	FoundAt     *int64           `json:"found_at,omitempty" doc:"Legal clocks start here."`
	ContainedAt *int64           `json:"contained_at,omitempty" doc:"When the way in was closed."`
	Classes     []string         `json:"classes" nullable:"false" doc:"Classes of data exposed."`
	Unexposed   []string         `json:"unexposed" nullable:"false" doc:"Classes of data that were not."`
	Notice      string           `json:"notice" doc:"Plain text, blank lines between paragraphs."`
	Advice      string           `json:"advice" doc:"What members should do beyond a new password."`
	Updates     []IncidentUpdate `json:"updates" nullable:"false" doc:"Retracted ones too."`
	CreatedAt   int64            `json:"created_at"`
	UpdatedAt   int64            `json:"updated_at" doc:"Of the incident itself."`
	ChangedAt   int64            `json:"changed_at" doc:"Of it or any of its updates, the later."`
	PublishedAt *int64           `json:"published_at,omitempty" doc:"Left out: nobody but operators sees any of it."`
}

// IncidentUpdate is what became known after the notice.
type IncidentUpdate struct {
	ID          int64  `json:"id" doc:"Its number."`
	At          int64  `json:"at" doc:"The date it carries."`
	Text        string `json:"text"`
	CreatedAt   int64  `json:"created_at"`
	UpdatedAt   int64  `json:"updated_at"`
	RetractedAt *int64 `json:"retracted_at,omitempty" doc:"Left out: it stands."`
}

// Campaign is one forced reset, see campaign.Campaign.
type Campaign struct {
	ID             int64          `json:"id"`
	Incident       string         `json:"incident" doc:"The incident's slug."`
	Scope          string         `json:"scope" enum:"everyone,list"`
	Filter         CampaignFilter `json:"filter" doc:"What it was asked to find, instead of a list."`
	ListColumn     string         `json:"list_column,omitempty" enum:"email,subject"`
	ListSHA256     string         `json:"list_sha256,omitempty" doc:"Hex, of the bytes uploaded."`
	Cutoff         *int64         `json:"cutoff,omitempty" doc:"Passwords set before it die. Left out: the moment of activation."`
	RevokeSessions bool           `json:"revoke_sessions"`
	State          string         `json:"state" enum:"draft,prepared,active,closed,cancelled,discarded"`
	Mailing        string         `json:"mailing" enum:"running,paused,done"`
	Epoch          int64          `json:"epoch" doc:"Rises by one with each activation; 0 before."`
	Report         CampaignReport `json:"report" doc:"What the last prepare found."`
	Preparation    string         `json:"preparation,omitempty" doc:"Names the last prepare exactly. Give it to activate, so that nobody prepares other members in between."`
	Died           *int64         `json:"died,omitempty" doc:"Live passwords that the activation killed."`
	CreatedAt      int64          `json:"created_at"`
	PreparedAt     *int64         `json:"prepared_at,omitempty"`
	ActivatedAt    *int64         `json:"activated_at,omitempty"`
	ClosedAt       *int64         `json:"closed_at,omitempty"`
	CancelledAt    *int64         `json:"cancelled_at,omitempty"`
	CancelReason   string         `json:"cancel_reason,omitempty"`
	Reminders      int64          `json:"reminders" doc:"How many were ordered."`
	RemindedAt     *int64         `json:"reminded_at,omitempty"`
}

// CampaignFilter picks accounts by what is known of them.
type CampaignFilter struct {
	CreatedBefore     *int64 `json:"created_before,omitempty" minimum:"0" maximum:"253402300799"`
	PasswordSetBefore *int64 `json:"password_set_before,omitempty" minimum:"0" maximum:"253402300799" doc:"Passwords of unknown date too; accounts without one never."`
	Scheme            string `json:"scheme,omitempty" maxLength:"255" doc:"Of the password hash, as bcrypt or bcrypt:10."`
	Domain            string `json:"domain,omitempty" maxLength:"255" doc:"Of the mail address, exactly."`
	Locale            string `json:"locale,omitempty" maxLength:"255" doc:"BCP 47; pt takes pt-BR too."`
}

// CampaignReport is what prepare found.
type CampaignReport struct {
	Listed         int64 `json:"listed" doc:"Lines after the header; without a list, accounts."`
	Matched        int64 `json:"matched" doc:"Accounts; the last three are parts of it."`
	Unmatched      int64 `json:"unmatched" doc:"Lines that name no account, broken ones too."`
	Duplicate      int64 `json:"duplicate"`
	AlreadyChanged int64 `json:"already_changed" doc:"Have a password that the named cutoff leaves alone."`
	NoPassword     int64 `json:"no_password"`
	NoAddress      int64 `json:"no_address"`
}

// CampaignPreview says what an activation now would do, in accounts.
type CampaignPreview struct {
	WouldDie    int64            `json:"would_die" doc:"Live now, dead after."`
	Covered     int64            `json:"covered"`
	AlreadyDead int64            `json:"already_dead" doc:"Covered, and dead by something else."`
	Sample      []CampaignSample `json:"sample,omitempty" nullable:"false" doc:"A few that would die, to recognise."`
	Warnings    []string         `json:"warnings,omitempty" nullable:"false"`
}

// CampaignSample is one account that would die.
type CampaignSample struct {
	Subject       string `json:"subject"`
	Email         string `json:"email,omitempty" doc:"Masked."`
	PasswordSetAt *int64 `json:"password_set_at,omitempty"`
}

// CampaignActivated is an activation that was committed.
type CampaignActivated struct {
	ID          int64  `json:"id"`
	State       string `json:"state" enum:"active"`
	ActivatedAt int64  `json:"activated_at"`
	Cutoff      int64  `json:"cutoff"`
	Epoch       int64  `json:"epoch"`
	Died        *int64 `json:"died,omitempty" doc:"Left out: could not be counted yet."`
}

// CampaignStatus is a campaign in numbers.
type CampaignStatus struct {
	ID             int64             `json:"id"`
	State          string            `json:"state"`
	Mailing        string            `json:"mailing"`
	Incident       string            `json:"incident"`
	Scope          string            `json:"scope"`
	ActivatedAt    *int64            `json:"activated_at,omitempty"`
	Died           *int64            `json:"died,omitempty"`
	Members        int64             `json:"members"`
	Delivery       CampaignDelivery  `json:"delivery" doc:"Members by the state of their mail."`
	Reminders      CampaignReminders `json:"reminders"`
	Reset          int64             `json:"reset" doc:"Members who set a new password since."`
	SentLastMinute int64             `json:"sent_last_minute"`
	SentSince      *int64            `json:"sent_since,omitempty" doc:"When the first of those went out. Left out: none did."`
	SentLastHour   int64             `json:"sent_last_hour"`
	ResetLastHour  int64             `json:"reset_last_hour"`
	CountedAt      int64             `json:"counted_at" doc:"When the numbers were counted: every 2 seconds while somebody asks, on large campaigns seldomer. State, mailing, activated_at and died are of now."`
}

// CampaignDelivery counts members by the state of their mail.
type CampaignDelivery struct {
	Pending int64 `json:"pending"`
	Sent    int64 `json:"sent"`
	Skipped int64 `json:"skipped" doc:"No address, suppressed, or the campaign ended first."`
	Failed  int64 `json:"failed"`
	Bounced int64 `json:"bounced"`
}

// CampaignReminders counts the mails after the first.
type CampaignReminders struct {
	Ordered int64  `json:"ordered"`
	LastAt  *int64 `json:"last_at,omitempty"`
	Waiting int64  `json:"waiting" doc:"Members whom the last one is still to reach."`
	Sent    int64  `json:"sent" doc:"Members reminded at least once."`
}

// CampaignReminded is a reminder that was ordered.
type CampaignReminded struct {
	ID         int64  `json:"id"`
	State      string `json:"state"`
	Mailing    string `json:"mailing"`
	Reminders  int64  `json:"reminders"`
	RemindedAt *int64 `json:"reminded_at,omitempty"`
	Members    int64  `json:"members" doc:"How many it was for when counted, just before."`
}

// CampaignPlan is what an act on a campaign would do.
type CampaignPlan struct {
	ID       int64  `json:"id"`
	State    string `json:"state" doc:"Now."`
	Act      string `json:"act"`
	Accounts int64  `json:"accounts" doc:"How many it would touch."`
	Effect   string `json:"effect"`
}

// Lockdown says whether all logins and resets are refused.
type Lockdown struct {
	On     bool   `json:"on"`
	Since  *int64 `json:"since,omitempty"`
	By     string `json:"by,omitempty" doc:"kind:name of the actor."`
	Reason string `json:"reason,omitempty"`
}

// Approval is an act that waits, or waited, for a second person, see approval.Request.
type Approval struct {
	ID          int64           `json:"id"`
	Act         string          `json:"act"`
	Object      string          `json:"object" doc:"On what, as in the audit log."`
	Params      json.RawMessage `json:"params" doc:"What will be carried out."`
	Effect      json.RawMessage `json:"effect" doc:"Exactly what both people are shown."`
	Basis       string          `json:"basis" doc:"Digest of what the effect rests on; if that changes, the request is void."`
	Accounts    int64           `json:"accounts" doc:"-1 where a number says nothing."`
	Reason      string          `json:"reason"`
	State       string          `json:"state" enum:"pending,approved,rejected,withdrawn,expired,void"`
	RequestedBy int64           `json:"requested_by"`
	Requester   string          `json:"requester"`
	RequestedAt int64           `json:"requested_at"`
	ExpiresAt   int64           `json:"expires_at"`
	DecidedBy   int64           `json:"decided_by,omitempty"`
	Decider     string          `json:"decider,omitempty"`
	DecidedAt   *int64          `json:"decided_at,omitempty"`
	Note        string          `json:"note" doc:"What the second person said, or why it is void."`
	TakenAt     *int64          `json:"taken_at,omitempty" doc:"When the code that it allows was shown."`
}

// Operator is one person, see operator.Operator.
type Operator struct {
	ID          int64    `json:"id"`
	Name        string   `json:"name"`
	Email       string   `json:"email"`
	Roles       []string `json:"roles" nullable:"false"`
	CreatedAt   int64    `json:"created_at"`
	DisabledAt  *int64   `json:"disabled_at,omitempty"`
	HasPassword bool     `json:"has_password"`
	HasTOTP     bool     `json:"has_totp"`
	OIDC        bool     `json:"oidc"`
	Passkeys    int      `json:"passkeys"`
	LastSeenAt  *int64   `json:"last_seen_at,omitempty"`
}

// Client is a program with a key, see client.Client. The key itself is given by its making alone.
type Client struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Scope      string `json:"scope" enum:"login,import,admin"`
	CreatedAt  int64  `json:"created_at"`
	ExpiresAt  *int64 `json:"expires_at,omitempty"`
	RevokedAt  *int64 `json:"revoked_at,omitempty"`
	LastUsedAt *int64 `json:"last_used_at,omitempty" doc:"To the minute."`
}

// SigningKey is a key that signs links; never its private half.
type SigningKey struct {
	ID        string `json:"kid"`
	State     string `json:"state" doc:"What it is still good for."`
	CreatedAt int64  `json:"created_at"`
	RetiredAt *int64 `json:"retired_at,omitempty"`
	RevokedAt *int64 `json:"revoked_at,omitempty"`
}

// AuditEntry is one line of the audit log.
type AuditEntry struct {
	Index     *int64          `json:"index,omitempty" doc:"Position in the sealed log. Left out: it waits to be sealed, a second or so."`
	At        int64           `json:"at"`
	Actor     string          `json:"actor" doc:"kind:name."`
	Action    string          `json:"action"`
	Object    string          `json:"object"`
	Outcome   string          `json:"outcome" enum:"done,refused"`
	Detail    json.RawMessage `json:"detail"`
	RequestID string          `json:"request_id,omitempty"`
}

// Account is one member's account with the state of its password, see account.Profile.
type Account struct {
	Subject        string `json:"subject"`
	State          string `json:"state" enum:"live,dead,none,unknown,deleted"`
	ID             int64  `json:"id,omitempty"`
	Email          string `json:"email,omitempty"`
	Locale         string `json:"locale,omitempty"`
	CreatedAt      *int64 `json:"created_at,omitempty"`
	DeletedAt      *int64 `json:"deleted_at,omitempty"`
	PasswordScheme string `json:"password_scheme,omitempty" doc:"Scheme and cost. The hash itself is never shown."`
	PasswordSetAt  *int64 `json:"password_set_at,omitempty"`
	PasswordSource string `json:"password_source,omitempty"`
	Version        int64  `json:"credential_version,omitempty"`
	DisabledAt     *int64 `json:"disabled_at,omitempty" doc:"After too many wrong passwords."`
	NotBefore      *int64 `json:"not_before,omitempty" doc:"Sessions issued at or before it are dead."`
	Epoch          int64  `json:"epoch,omitempty"`
	KilledBy       int64  `json:"killed_by,omitempty" doc:"The newest campaign that kills the password."`
	Incident       string `json:"incident,omitempty"`
	CoveredBy      int64  `json:"covered_by,omitempty"`
}

// Plan is exactly what both people are shown before an act that may need two, see desk.Plan.
type Plan struct {
	Text         string           `json:"text"`
	Accounts     int64            `json:"accounts" doc:"How many it touches; -1 where a number says nothing."`
	Facts        []PlanFact       `json:"facts,omitempty" nullable:"false"`
	Warnings     []string         `json:"warnings,omitempty" nullable:"false"`
	Sample       []CampaignSample `json:"sample,omitempty" nullable:"false"`
	SecondPerson bool             `json:"second_person" doc:"The act would wait for a second person."`
}

// PlanFact is one line of a plan.
type PlanFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
