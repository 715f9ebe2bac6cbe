package campaign

import "time"

// MailProof is what can be shown of a campaign's mail without naming anybody.
type MailProof struct {
	Counts     []MailCount
	First      *time.Time // the first hand-off to the mail server; nil: none yet
	Last       *time.Time // the last, reminders too
	MessageIDs int64      // members whose mail has a Message-ID, by which the mail server's log can be searched
	Sample     []string   // SHA-256 of some of the Message-IDs, hex: whoever has the mail server's log can find them there
}

// MailCount counts members by what was to be sent and what came of it.
type MailCount struct {
	Kind  string // reset, notice, or "" where no mail was written
	State string // pending, leased, sent, skipped, failed, bounced
	N     int64
}
