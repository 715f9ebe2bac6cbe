package support

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/token"
)

// Whenever a code is spoken it lives for at least half an hour and at most an hour, and until says exactly how long the coder takes it.
func TestSpokenCodeLivesForHalfAnHourToAnHour(t *testing.T) {
	t.Parallel()
	coder := token.NewCoder(secret.NewMaster())
	for _, lives := range [][]time.Duration{append([]time.Duration{24 * time.Hour}, CodeLives...), append(slices.Clone(CodeLives), 90*time.Minute), CodeLives} {
		for minute := range 120 {
			now := time.Date(2026, 3, 1, 12, minute, 7, 0, time.UTC)
			life, minted, until := spoken(lives, now)
			if left := until.Sub(now); left < 29*time.Minute || left > time.Hour {
				t.Errorf("at %v a code lives for %v", now, left)
			}
			code := coder.Code(7, 3, 2, life, minted)
			takes := func(at time.Time) bool { return coder.Matches(code, 7, 3, 2, lives, at) }
			if !takes(now) || !takes(until.Add(-time.Second)) || takes(until.Add(time.Second)) {
				t.Errorf("at %v a code of %v minted %v: taken now %v, to its end %v, after it %v", now, life, minted, takes(now), takes(until.Add(-time.Second)), takes(until.Add(time.Second)))
			}
		}
	}
}

func TestIdentityRules(t *testing.T) {
	t.Parallel()
	rule := func(proof, note string, allowed bool) {
		t.Helper()
		err := Identity{Proof: proof, Note: note}.Check()
		if (err == nil) != allowed || !allowed && !problem.Is(err, problem.Unprocessable) {
			t.Errorf("%q %q: %v", proof, note, err)
		}
	}
	for _, p := range Proofs() {
		rule(p.Kind, "", true)
	}
	rule("callback", "ticket 4711-2026", true)
	rule("", "", false)
	rule("secret_question", "", false)
	rule("callback", "bob@example.com", false)
	rule("callback", "called +49 171 2345678", false)
	rule("callback", strings.Repeat("x", maxNote+1), false)
}

func TestTimelineInPlainWords(t *testing.T) {
	t.Parallel()
	at := func(day int) *time.Time {
		when := time.Date(2011, 6, day, 12, 0, 0, 0, time.UTC)
		return &when
	}
	m := Member{
		Profile: account.Profile{Subject: "u", CreatedAt: at(1), PasswordScheme: "bcrypt", PasswordSetAt: at(2), PasswordSource: account.SourceImport, DisabledAt: at(20), KilledBy: 3},
		Covered: []Covered{
			{Campaign: 2, Incident: "early", State: campaign.Cancelled, ActivatedAt: *at(3), CancelledAt: at(4), Kills: true},
			{Campaign: 3, Incident: "june", State: campaign.Active, ActivatedAt: *at(10), Kills: true, Revokes: true},
			{Campaign: 4, Incident: "july", State: campaign.Active, ActivatedAt: *at(11)},
		},
		Mails: []Mail{
			{Campaign: 3, Kind: "reset", State: "sent", AskedAt: at(10), SentAt: at(12), RemindedAt: at(14), OpenedAt: at(15)},
			{Kind: "reissue", State: "failed", AskedAt: at(16), Why: "550 no such user"},
		},
		Acts: []audit.Entry{
			{At: *at(20), Action: audit.AccountDisable, Actor: audit.Actor{Kind: audit.KindSystem, Name: "verify"}},
			{At: *at(17), Action: audit.SupportCode, Actor: audit.Actor{Kind: audit.KindOperator, Name: "ann"}, Detail: audit.Detail{"proof": "callback"}},
			{At: *at(18), Action: audit.SupportLink, Actor: audit.Actor{Kind: audit.KindOperator, Name: "bob"}, Outcome: audit.Refused},
		},
	}
	var got []string
	for _, e := range m.Timeline() {
		got = append(got, e.At.Format("02 ")+strings.TrimSpace(e.Who+" "+e.Text))
	}
	want := []string{
		"20 The password was switched off after too many wrong tries in a row. Sessions went on.",
		"18 operator:bob Refused: A fresh link was sent by hand.",
		"17 operator:ann A spoken code was given out. Proof: Called back on the telephone number on file.",
		"16 Mail asked for (Fresh link): given up.",
		"15 The link of campaign 3 was opened. A mail scanner may have been it.",
		"14 Reminder of campaign 3 handed to the mail server.",
		"12 Mail handed to the mail server: Link to a new password, campaign 3.",
		"11 Campaign 4 of incident july came into force. The password in place now is newer than its cutoff.",
		"10 Campaign 3 of incident june came into force and killed the password. Sessions from before it ended.",
		"04 Campaign 2 was cancelled: what it killed works again. Sessions that it ended stay ended.",
		"03 Campaign 2 of incident early came into force and killed the password.",
		"02 The password in place now was set, by what the imported file says.",
		"01 The account came into being.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if k := m.Killer(); k == nil || k.Incident != "june" {
		t.Errorf("killed by %+v", k)
	}
}

// Every act that an account's timeline can show has words of its own.
func TestActsHaveWords(t *testing.T) {
	t.Parallel()
	for _, a := range audit.Actions() {
		if !strings.HasPrefix(string(a), "account.") && !strings.HasPrefix(string(a), "support.") {
			continue
		}
		if a == audit.SupportFind || a == audit.AccountShow || a == audit.AccountImport || a == audit.AccountExport { // looks, and acts on all
			continue
		}
		if text := actText(audit.Entry{Action: a}); strings.HasPrefix(text, string(a)) {
			t.Errorf("%s has no words", a)
		}
	}
}
