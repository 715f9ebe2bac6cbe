package signin_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/operator/signin"
	"github.com/seed-1c168855/rekey/internal/store"
)

// told gives what the operator is told by the one mail that is due now, a minute after the last.
func (w *world) told(name string) string {
	w.Helper()
	w.looks.Add(int64(2 * operator.NoticePause / time.Microsecond))
	var text string
	ctx, stop := context.WithCancel(w.Context())
	quiet := &untilQuiet{Store: w.store, stop: stop}
	(&operator.Herald{Store: quiet, URL: "https://console.example.com", Logger: slog.New(slog.DiscardHandler),
		Send: func(_ context.Context, who, address, body string) error {
			if who == name && address == name+"@example.com" {
				text += body
			}
			return nil
		}}).Run(ctx)
	w.must(quiet.err)
	return text
}

// shown is what the authenticator app shows on the world's clock.
func (w *world) shown(secret string) string {
	w.Helper()
	code, err := totp.GenerateCode(secret, start.Add(time.Duration(w.looks.Load())*time.Microsecond))
	w.must(err)
	return code
}

// untilQuiet ends a herald when nothing is due.
type untilQuiet struct {
	*store.Store
	stop func()
	err  error
}

func (q *untilQuiet) ClaimNotices(ctx context.Context, lease time.Duration) ([]operator.Notice, error) {
	all, err := q.Store.ClaimNotices(ctx, lease)
	if err != nil || len(all) == 0 {
		q.err = err
		q.stop()
	}
	return all, err
}

// change is something that an operator is told of.
type change struct {
	what string // in the mail
	do   func() error
}

// changes are all that there are to somebody's sign-in once it is set up. What hide is given must not be mailed.
func (w *world) changes(ctx context.Context, o operator.Operator, hide func(secret string)) []change {
	me, device := o.Person(start.Add(time.Hour)), newAuthenticator(w.T)
	return []change{
		{"Your password was changed.", func() error { return w.SetPassword(ctx, me, right+" again") }},
		{"An authenticator app was set up", func() error {
			s, err := w.NewTOTP(me)
			w.must(err)
			hide(s.Secret)
			return w.SetTOTP(ctx, me, s.State, w.shown(s.Secret))
		}},
		{`A passkey was added to your sign-in: "blue key".`, func() error {
			c, err := w.BeginAddPasskey(ctx, me)
			w.must(err)
			return w.AddPasskey(ctx, me, "blue key", c.State, device.create(c.Options))
		}},
		{"bound to an identity at " + issuer, func() error { return w.BindOIDC(ctx, me, signin.Claims{Issuer: issuer, Subject: "subject-1"}) }},
		{"freed from the company's", func() error { return w.Remove(ctx, me, operator.ByOIDC, 0) }},
		{"Your authenticator app was removed.", func() error { return w.Remove(ctx, me, operator.ByTOTP, 0) }},
		{"Your password was removed.", func() error { return w.Remove(ctx, me, operator.ByPassword, 0) }},
		{`A token that acts in your name was made: "script".`, func() error {
			_, token, err := operator.CreateToken(ctx, w.store, me, "script", time.Hour)
			hide(token)
			return err
		}},
		{"A passkey was removed", func() error {
			c, err := w.BeginAddPasskey(ctx, me)
			w.must(err)
			w.must(w.AddPasskey(ctx, me, "spare", c.State, newAuthenticator(w.T).create(c.Options)))
			keys, err := w.Passkeys(ctx, me)
			w.must(err)
			return w.Remove(ctx, me, operator.ByPasskey, keys[0].ID)
		}},
		{"A new invitation was made for you.", func() error {
			token, err := w.people.Invite(ctx, o.ID, admin)
			hide(token)
			return err
		}},
		{"from auditor, admin to responder.", func() error { return w.people.SetRoles(ctx, o.ID, nil, operator.Roles{operator.Responder}, admin) }},
		{"Too many sign-ins with your password failed", func() error {
			w.failed(o, signin.MaxFailures-1)
			_, err := w.Password(ctx, "ada", "wrong", w.here)
			if err == nil {
				w.Error("let in")
			}
			return nil
		}},
		{"You were shut out", func() error { return w.people.Disable(ctx, o.ID, admin) }},
	}
}

// Every change of how an operator signs in is mailed to them: what, by whom, from where; and no secret is in it (ASVS 6.3.7).
func TestOperatorsAreTold(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := operator.WithOrigin(w.Context(), operator.Origin{Address: "192.0.2.7", Agent: "Firefox on Linux"})
		o, key := w.hire("ada", operator.Admin)
		w.hire("eve", operator.Admin)
		if text := w.told("ada"); !strings.Contains(text, "added as an operator (auditor, admin)") || !strings.Contains(text, "admin, at the command line") || !strings.Contains(text, "From: not known") {
			t.Errorf("a newcomer is told %q", text)
		}
		setup, err := w.EnrolTOTP(ctx, key)
		w.must(err)
		_, err = w.EnrolPassword(ctx, key, right, setup.State, w.shown(setup.Secret))
		w.must(err)
		if text := w.told("ada"); !strings.Contains(text, "Your invitation was used (password)") {
			t.Errorf("enrolled, told %q", text)
		}
		hidden := []string{right, "subject-1", "enrol#"}
		for _, step := range w.changes(ctx, o, func(secret string) { hidden = append(hidden, secret) }) {
			w.must(step.do())
			text := w.told("ada")
			if !strings.Contains(text, step.what) || !strings.Contains(text, "From: 192.0.2.7, Firefox on Linux") || !strings.Contains(text, "UTC") {
				t.Errorf("want %q, told %q", step.what, text)
			}
			if slices.ContainsFunc(hidden, func(secret string) bool { return strings.Contains(text, secret) }) {
				t.Errorf("a secret was mailed: %q", text)
			}
		}
		if text := w.told("ada"); text != "" {
			t.Errorf("told twice: %q", text)
		}
	})
}

// A change that is refused tells nobody.
func TestNothingChangedNothingTold(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		o, _ := w.settled("ada")
		w.told("ada")
		me := o.Person(start.Add(time.Hour))
		if err := w.Remove(w.Context(), me, operator.ByTOTP, 0); err == nil {
			t.Fatal("the last way in went")
		}
		if text := w.told("ada"); text != "" {
			t.Errorf("told %q", text)
		}
	})
}

// A mail server that does not answer has the mail wait with growing pauses; what happens meanwhile is told in the same mail.
func TestNoticesWait(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		o, _ := w.settled("ada")
		first, err := w.store.ClaimNotices(w.Context(), time.Minute)
		w.must(err)
		if again, err := w.store.ClaimNotices(w.Context(), time.Minute); err != nil || len(again) != 0 {
			t.Errorf("claimed twice: %v %v", again, err)
		}
		ids := []int64{first[0].ID, first[1].ID}
		w.must(w.store.NoticesFailed(w.Context(), ids, time.Hour, "no route to host"))
		w.must(w.SetPassword(w.Context(), o.Person(start.Add(time.Hour)), right+" again"))
		w.looks.Add(int64(time.Hour / time.Microsecond))
		all, err := w.store.ClaimNotices(w.Context(), time.Minute)
		w.must(err)
		if len(first) != 2 || len(all) != 3 || all[0].Attempts != 2 || all[2].Attempts != 1 {
			t.Errorf("first %+v, then %+v", first, all)
		}
		w.must(w.store.NoticesSent(w.Context(), []int64{all[0].ID, all[1].ID, all[2].ID}))
		w.must(w.SetPassword(w.Context(), o.Person(start.Add(time.Hour)), right+" thrice"))
		if soon, err := w.store.ClaimNotices(w.Context(), time.Minute); err != nil || len(soon) != 0 {
			t.Errorf("two mails within the pause: %v %v", soon, err)
		}
		w.must(w.store.NoticesFailed(w.Context(), []int64{all[2].ID + 1}, 0, "given up"))
		w.looks.Add(int64(100 * 24 * time.Hour / time.Microsecond))
		if n, err := w.store.ForgetNotices(w.Context()); err != nil || n != 3 {
			t.Errorf("forgot %d: %v", n, err)
		}
		w.looks.Add(int64(400 * 24 * time.Hour / time.Microsecond))
		if n, err := w.store.ForgetNotices(w.Context()); err != nil || n != 1 {
			t.Errorf("forgot %d of what was given up: %v", n, err)
		}
	})
}
