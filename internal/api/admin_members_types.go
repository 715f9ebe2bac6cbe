package api

// MemberSearch is the body of POST /v1/admin/members/find.
type MemberSearch struct {
	Member string `json:"member" minLength:"1" maxLength:"320" doc:"A subject or a mail address."`
}

// MemberFound is one account that a search gave, see support.Found.
type MemberFound struct {
	ID      int64  `json:"id" doc:"What the other calls take."`
	Subject string `json:"subject"`
	Email   string `json:"email,omitempty"`
	Deleted bool   `json:"deleted"`
}

// MembersFound is a list: accounts may share an address.
type MembersFound struct {
	Members []MemberFound `json:"members" nullable:"false"`
}

// Member is all that there is about one account, see support.Member.
type Member struct {
	Account    Account          `json:"account"`
	Explained  string           `json:"explained" doc:"The state of the password in plain words."`
	Suppressed *MemberSuppress  `json:"suppressed,omitempty" doc:"Left out: mail goes to the address."`
	Covered    []MemberCampaign `json:"covered" nullable:"false" doc:"Campaigns that came into force and cover the account, oldest first."`
	Mails      []MemberMail     `json:"mails" nullable:"false" doc:"The newest first, as far as they are kept."`
	Timeline   []MemberEvent    `json:"timeline" nullable:"false" doc:"In plain words, the newest first."`
	Looks      int64            `json:"looks" doc:"How often operators looked at the account, this time included."`
}

// MemberSuppress says why no mail goes to an address.
type MemberSuppress struct {
	Reason string `json:"reason"`
	At     int64  `json:"at"`
}

// MemberCampaign is what one campaign does to an account as it is now.
type MemberCampaign struct {
	Campaign    int64  `json:"campaign"`
	Incident    string `json:"incident"`
	State       string `json:"state"`
	ActivatedAt int64  `json:"activated_at"`
	CancelledAt *int64 `json:"cancelled_at,omitempty"`
	Cutoff      int64  `json:"cutoff"`
	Kills       bool   `json:"kills" doc:"The password in place now, unless the campaign was cancelled."`
	Revokes     bool   `json:"revokes" doc:"Sessions from before it."`
	Listed      bool   `json:"listed" doc:"Has a line of its own among the campaign's members."`
	OpenedAt    *int64 `json:"opened_at,omitempty"`
	ResetAt     *int64 `json:"reset_at,omitempty"`
}

// MemberMail is one mail to a member, sent or not.
type MemberMail struct {
	Campaign   int64  `json:"campaign,omitempty" doc:"Left out: not one of a campaign."`
	Kind       string `json:"kind,omitempty" doc:"Left out: not written yet."`
	State      string `json:"state" doc:"pending, leased, sent, skipped, failed or bounced."`
	AskedAt    *int64 `json:"asked_at,omitempty"`
	SentAt     *int64 `json:"sent_at,omitempty" doc:"Handed to the mail server."`
	RemindedAt *int64 `json:"reminded_at,omitempty"`
	OpenedAt   *int64 `json:"opened_at,omitempty"`
	Attempts   int    `json:"attempts"`
	Why        string `json:"why,omitempty" doc:"The last failure, or why none was sent."`
}

// MemberEvent is something that happened to a member.
type MemberEvent struct {
	At   int64  `json:"at"`
	Text string `json:"text"`
	Who  string `json:"who,omitempty" doc:"kind:name, where the audit log says."`
}

// LinkSent says when a fresh link goes out.
type LinkSent struct {
	WaitsSeconds int64 `json:"waits_seconds" doc:"How long it waits for the cap of mails to one address; 0: its mail goes out within seconds."`
}

// CodeRequest is the body of POST /v1/admin/members/{id}/code.
type CodeRequest struct {
	Proof  string `json:"proof" minLength:"1" maxLength:"40" enum:"callback,document_in_person,document_by_video,second_factor,letter,vouched" doc:"How the member proved who they are."`
	Note   string `json:"note,omitempty" maxLength:"200" doc:"As a ticket's number. It stays in the audit log: no personal data."`
	Reason string `json:"reason,omitempty" maxLength:"1000" doc:"Why, for the second person and the audit log."`
}

// SpokenCode is what is read to a member. It is shown here and never again.
type SpokenCode struct {
	Code  string `json:"code"`
	Email string `json:"email" doc:"The address to type with it."`
	Until int64  `json:"until" doc:"When it ends by itself; a use or another change of the password ends it before."`
}

// AddressMarked says whether mail goes to the member's address.
type AddressMarked struct {
	Dead bool `json:"dead"`
}
