package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/sync/errgroup"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/audit/outside"
	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/delivery"
)

// keepCheckpoints makes checkpoints of the audit log and sends them to the places, until the context ends. None of
// it holds anything else up.
func (a *app) keepCheckpoints(ctx context.Context, group *errgroup.Group, places map[string]outside.Place) {
	keeper := audit.NewKeeper(a.store, a.auditKeys)
	group.Go(func() error {
		keeper.Run(ctx, a.settings.AuditCheckpointEvery, a.logger, func(outcome string) { a.metrics.checkpoints.WithLabelValues(outcome).Inc() })
		return nil
	})
	for name, place := range places {
		courier := &outside.Courier{Name: name, Place: place, Queue: a.store, Logger: a.logger,
			Observe: func(place, outcome string) { a.metrics.outside.WithLabelValues(place, outcome).Inc() }}
		group.Go(func() error { courier.Run(ctx); return nil })
	}
}

// ensureAuditKey makes the first key that signs checkpoints.
func (a *app) ensureAuditKey(ctx context.Context) error {
	vkey, err := a.auditKeys.Ensure(ctx, a.settings.AuditOrigin, a.actor)
	if err != nil {
		return fmt.Errorf("making the audit log's key: %w", err)
	}
	if origin, _, _ := strings.Cut(vkey, "+"); origin != a.settings.AuditOrigin {
		a.logger.WarnContext(ctx, "the audit log keeps the name its key was made with; rekey audit key --rotate changes it", "name", origin, "setting", a.settings.AuditOrigin)
	}
	return nil
}

// outsidePlaces are those of the settings, by name.
func outsidePlaces(s *config.Settings) (map[string]outside.Place, error) {
	places := map[string]outside.Place{}
	if s.AuditCheckpointFile != "" {
		places["file"] = outside.File{Path: s.AuditCheckpointFile}
	}
	if !s.AuditCheckpointWebhook.IsZero() {
		places["webhook"] = outside.NewWebhook(s.AuditCheckpointWebhook.Reveal(), []byte(s.AuditCheckpointWebhookSecret.Reveal()), s.AuditCheckpointWebhookPrivate)
	}
	if s.AuditCheckpointMail != "" {
		place, err := newCheckpointMail(s)
		if err != nil {
			return nil, err
		}
		places["mail"] = place
	}
	return places, nil
}

// checkpointMail mails checkpoints by the mail server of the settings, past the queue of members' mails: they go out during a
// lockdown too, and the database's word is not needed.
type checkpointMail struct {
	dialer   delivery.Dialer
	from, to *mail.Address
	now      func() time.Time
}

func newCheckpointMail(s *config.Settings) (*checkpointMail, error) {
	dialer, err := mailServer(s)
	if err != nil {
		return nil, err
	}
	from, err := parseMailbox(s.MailFrom)
	if err != nil {
		return nil, usagef("REKEY_MAIL_FROM: %w", err)
	}
	to, err := parseMailbox(s.AuditCheckpointMail)
	if err != nil {
		return nil, usagef("REKEY_AUDIT_CHECKPOINT_MAIL: %w", err)
	}
	return &checkpointMail{dialer: dialer, from: from, to: to, now: time.Now}, nil
}

// parseMailbox reads an address whose domain may be written in any script.
func parseMailbox(text string) (*mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil {
		return nil, errors.New("must be an address, or Name <address>")
	}
	at := strings.LastIndexByte(a.Address, '@')
	domain, err := idna.Lookup.ToASCII(a.Address[at+1:])
	if err != nil || strings.ContainsFunc(a.Address[:at], func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"<>\`, r) }) {
		return nil, errors.New("must be an address that every mail server takes")
	}
	a.Address = a.Address[:at+1] + domain
	return a, nil
}

// Send hands the mail to the server. A checkpoint sent again has the same Message-ID.
func (m *checkpointMail) Send(ctx context.Context, c audit.Checkpoint) error {
	digest := sha256.Sum256([]byte(c.Note))
	id := messageID("checkpoint."+hex.EncodeToString(digest[:12]), m.from)
	conn, err := m.dialer.Dial(ctx)
	if err != nil {
		return fmt.Errorf("reaching the mail server: %w", err)
	}
	defer conn.Close()
	message := &delivery.Message{ID: id, From: m.from.Address, To: m.to.Address, Data: m.compose(c, id)}
	if err := conn.Deliver(message, ctx.Err); err != nil {
		return fmt.Errorf("mailing the checkpoint: %w", err)
	}
	return nil
}

func (m *checkpointMail) compose(c audit.Checkpoint, id string) []byte {
	letter := plainMail{From: m.from, To: m.to, ID: id, Subject: fmt.Sprintf("Audit log checkpoint: %s, %d entries", c.Origin, c.Head.Size), At: m.now()}
	letter.Body = fmt.Sprintf(`%s
Keep this mail. With an export of the audit log, and the log's verifier key, which you have from elsewhere, it proves at any
later time that none of the first %d entries was changed or removed. Save this text as a file:

rekey audit verify --export audit.ndjson --allow-newer --checkpoint this.txt --key VKEY
`, c.Note, c.Head.Size)
	return letter.compose()
}
