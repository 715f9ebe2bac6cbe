// Package support is how an operator helps one member: finds them, sees what happened to them, and gets them a link or a spoken code.
// It promises that each look and each act leaves an audit entry, and that nobody here sees or sets a password; desk calls it.
package support

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/token"
)

// Store is what support needs of the database. Entries are recorded in the transaction of what they are about.
type Store interface {
	// FindMembers gives the accounts that have the subject or the folded address, by id, at most limit; each look is recorded as entry makes it.
	FindMembers(ctx context.Context, subject, emailKey string, limit int, entry func([]Found) []audit.Entry) ([]Found, error)
	// Member reads all there is about one account, and records the look. NotFound.
	Member(ctx context.Context, id int64, entry func(subject string) audit.Entry) (Member, error)
	// SendLink asks for a mail with a fresh link, after delay; check sees the account first.
	SendLink(ctx context.Context, id int64, delay time.Duration, check func(Member) error, entry func(subject string) audit.Entry) error
	// MarkAddress keeps mail from the account's address, with the reason, or with "" lets it go there again; check sees the account first.
	MarkAddress(ctx context.Context, id int64, reason string, check func(Member) error, entry func(subject string) audit.Entry) error
	// SpeakCode records that a code is given out, and uses up the grant, if any. Conflict: the grant was used or is too old.
	SpeakCode(ctx context.Context, id int64, grant *Grant, check func(Member) error, entry func(subject string) audit.Entry) (account.Profile, error)
}

// Service is the use cases. All fields are set by whoever makes it.
type Service struct {
	Store     Store
	Coder     *token.Coder
	Limits    ratelimit.Source
	LimitKeys ratelimit.Keyer
	Fold      func(address string) (string, error) // account.EmailKey
	Lives     []time.Duration                      // the lives of codes that a reset takes, CodeLives among them
	Locked    func(ctx context.Context) (bool, error)
}

// sharing is how many accounts of one address are found.
const sharing = 20

// Found is one account that a search gave.
type Found struct {
	ID      int64
	Subject string
	Email   string // "": none
	Deleted bool
}

// Object names an account in the audit log.
func Object(subject string) string { return "account:" + subject }

// Find looks for members by subject or by mail address. Who looked is recorded with the subjects that were found, never with the address.
func (s *Service) Find(ctx context.Context, text string, actor audit.Actor) ([]Found, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > 320 {
		return nil, &problem.Error{Kind: problem.Unprocessable, Code: "find", Text: "Type a member's subject or mail address."}
	}
	key, by := "", "subject"
	if folded, err := s.Fold(text); err == nil {
		key, by = folded, "address"
	}
	return s.Store.FindMembers(ctx, text, key, sharing, func(found []Found) []audit.Entry {
		if len(found) == 0 {
			return []audit.Entry{audit.New(actor, audit.SupportFind, "members", audit.Detail{"by": by, "found": 0})}
		}
		entries := make([]audit.Entry, len(found))
		for i, f := range found {
			entries[i] = audit.New(actor, audit.SupportFind, Object(f.Subject), audit.Detail{"by": by, "found": len(found)})
		}
		return entries
	})
}

// Show gives everything about one member. Errors: NotFound.
func (s *Service) Show(ctx context.Context, id int64, actor audit.Actor) (Member, error) {
	return s.Store.Member(ctx, id, entry(actor, audit.SupportFind, audit.Detail{"by": "number"}))
}

func entry(actor audit.Actor, action audit.Action, detail audit.Detail) func(string) audit.Entry {
	return func(subject string) audit.Entry { return audit.New(actor, action, Object(subject), detail) }
}

// SendLink sends the member a fresh link, under the same caps as if they had asked for it, and says how long it waits for them.
// Errors: NotFound, Conflict with the reason why no mail would reach the member.
func (s *Service) SendLink(ctx context.Context, id int64, actor audit.Actor) (time.Duration, error) {
	m, err := s.Peek(ctx, id)
	if err != nil {
		return 0, err
	}
	if err := m.canGetLink(); err != nil {
		return 0, err
	}
	key, err := s.Fold(m.Email)
	if err != nil {
		return 0, fmt.Errorf("folding the address of account %d: %w", id, err)
	}
	own, err := s.Limits.Reserve(ctx, ratelimit.ForgotMail, s.LimitKeys.Key("mail", key))
	if err != nil {
		return 0, err
	}
	all, err := s.Limits.Reserve(ctx, ratelimit.ForgotGlobal, s.LimitKeys.Key("forgot"))
	if err != nil {
		return 0, err
	}
	delay := max(own, all)
	wait := audit.Detail{"waits_seconds": int64(delay / time.Second)}
	return delay, s.Store.SendLink(ctx, id, delay, Member.canGetLink, entry(actor, audit.SupportLink, wait))
}

// Peek reads a member for an act that leaves its own entry.
func (s *Service) Peek(ctx context.Context, id int64) (Member, error) {
	return s.Store.Member(ctx, id, nil)
}

// MarkAddress marks the member's address as dead, so that no mail goes there, or takes that back. Errors: NotFound, Conflict.
func (s *Service) MarkAddress(ctx context.Context, id int64, dead bool, actor audit.Actor) error {
	reason := ""
	if dead {
		reason = "marked dead by " + actor.String()
	}
	check := func(m Member) error {
		switch {
		case m.Email == "":
			return refuse("address", "The account has no mail address.")
		case dead && m.Suppressed != nil:
			return refuse("address", "The address is marked as dead already.")
		case !dead && m.Suppressed == nil:
			return refuse("address", "The address is not marked as dead.")
		}
		return nil
	}
	return s.Store.MarkAddress(ctx, id, reason, check, entry(actor, audit.SupportDeadAddress, audit.Detail{"dead": dead}))
}

// Charge pays for one spoken code, by the operator and by the account. Errors: Limited.
func (s *Service) Charge(ctx context.Context, operator string, id int64) error {
	if err := ratelimit.Charge(ctx, s.Limits, ratelimit.SupportCodeOperator, s.LimitKeys.Key("support", operator), 1); err != nil {
		return err
	}
	return ratelimit.Charge(ctx, s.Limits, ratelimit.SupportCodeAccount, s.LimitKeys.Key("support", "account", strconv.FormatInt(id, 10)), 1)
}

func refuse(code, text string) error {
	return &problem.Error{Kind: problem.Conflict, Code: code, Text: text}
}
