package config

import (
	"fmt"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
)

// Audit is how the audit log is signed, and where its checkpoints are sent.
type Audit struct {
	AuditOrigin                      string        `placeholder:"NAME" range:"one word without +, at most 200 bytes" unset:"the host of the public URL, with /audit" help:"What the audit log is called in its checkpoints. It is fixed when the log's key is made; another one takes effect with rekey audit key --rotate."`
	AuditCheckpointEvery             time.Duration `placeholder:"DURATION" default:"1h" range:"1m to 24h" help:"How often a checkpoint of a grown log is signed. After activations, cancellations, lockdowns and changes of keys one follows within a minute."`
	AuditCheckpointFile              string        `placeholder:"FILE" range:"a file" help:"Append each checkpoint to this file. Put it where the database's administrators cannot write, and set it on one process."`
	AuditCheckpointMail              string        `placeholder:"ADDRESS" range:"an address" help:"Mail each checkpoint to this address."`
	AuditCheckpointWebhook           Secret        `placeholder:"URL" secret:"" range:"https://…" help:"Post each checkpoint to this address, signed with REKEY_AUDIT_CHECKPOINT_WEBHOOK_SECRET in the form of Standard Webhooks."`
	AuditCheckpointWebhookFile       string        `placeholder:"FILE" range:"a file" help:"A file that holds the webhook's address, where its path is a secret."`
	AuditCheckpointWebhookSecret     Secret        `placeholder:"TEXT" secret:"" range:"24 bytes or more; needed with the webhook" help:"The key of the webhook's HMAC-SHA-256 signature. Make one: openssl rand -base64 32"`
	AuditCheckpointWebhookSecretFile string        `placeholder:"FILE" range:"a file" help:"A file that holds the webhook's key."`
	AuditCheckpointWebhookPrivate    bool          `range:"true or false" help:"Let the webhook be at a private address. Otherwise every address that is not on the public internet is refused when it is dialled."`
}

// minWebhookSecret is the least that Standard Webhooks asks of a key, in bytes.
const minWebhookSecret = 24

func (s *Settings) auditRules() []rule {
	webhook := s.AuditCheckpointWebhook.Reveal()
	hook := webURL(webhook)
	secret := len(s.AuditCheckpointWebhookSecret.Reveal())
	return []rule{
		{"REKEY_AUDIT_ORIGIN", s.auditOrigin()},
		{"REKEY_AUDIT_CHECKPOINT_EVERY", unless(s.AuditCheckpointEvery >= time.Minute && s.AuditCheckpointEvery <= 24*time.Hour, "must be 1m to 24h")},
		{"REKEY_AUDIT_CHECKPOINT_MAIL", nameAddr(s.AuditCheckpointMail)},
		{"REKEY_AUDIT_CHECKPOINT_WEBHOOK", unless(webhook == "" || hook != nil && hook.Scheme == "https" && hook.Fragment == "", "must be an https URL without user and fragment")},
		{"REKEY_AUDIT_CHECKPOINT_WEBHOOK_SECRET", unless(webhook == "" || secret >= minWebhookSecret, fmt.Sprintf("must be %d bytes or more where REKEY_AUDIT_CHECKPOINT_WEBHOOK is set", minWebhookSecret))},
	}
}

// auditOrigin is right as long as it follows from a public URL that is not; the URL's own rule says that.
func (s *Settings) auditOrigin() string {
	if s.AuditOrigin == "" {
		return ""
	}
	return message(audit.CheckOrigin(s.AuditOrigin))
}
