package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// member is one of the story's, with what it holds.
type member struct {
	Account
	next    string // the password it will set
	session int64
	mail    Mail
	letter  Letter
}

func (s *Story) newMember(a Account) *member { return &member{Account: a, next: rand.Text()} }

// Secrets is every password, key, token and code the story used, for whoever looks whether one of them leaked.
func (s *Story) Secrets() map[string]string {
	secrets := map[string]string{"client key": s.service.Key}
	for name, m := range map[string]*member{"reader": s.reader, "typer": s.typer} {
		secrets[name+"'s old password"], secrets[name+"'s new password"] = m.Password, m.next
		secrets[name+"'s token"], secrets[name+"'s code"] = m.letter.Token(), m.letter.Code()
	}
	return secrets
}

func (s *Story) verify(ctx context.Context, m *member, password string) (Verdict, error) {
	v, _, err := s.service.Verify(ctx, m.Email, password, "127.0.0.1")
	return v, err
}

func (s *Story) oldWorks(ctx context.Context) (string, error) {
	v, err := s.verify(ctx, s.reader, s.reader.Password)
	if err != nil {
		return "", err
	}
	if err := must(v.Result == "ok" && v.Subject == s.reader.Subject && v.AuthenticatedAt > 0, "verify says %q of %q", v.Result, v.Subject); err != nil {
		return "", err
	}
	s.reader.session = v.AuthenticatedAt
	wrong, err := s.verify(ctx, s.reader, s.reader.Password+"!")
	if err != nil {
		return "", err
	}
	return s.reader.Email + " signs in", must(wrong.Result == "invalid", "a wrong password is %q", wrong.Result)
}

func (s *Story) sessionLives(ctx context.Context) (string, error) {
	g, _, err := s.service.Gate(ctx, s.reader.Subject, s.reader.session)
	if err != nil {
		return "", err
	}
	return "the gate lets it pass", must(g.Session == "live" && g.Credential == "live" && !g.Locked, "the gate says session %q, credential %q", g.Session, g.Credential)
}

func (s *Story) oldIsDead(ctx context.Context) (string, error) {
	for _, m := range []*member{s.reader, s.typer} {
		v, err := s.verify(ctx, m, m.Password)
		if err != nil {
			return "", err
		}
		if err := must(v.Result == "reset_required" && v.Incident == Slug && v.ResetURL == s.URL+"/forgot", "verify says %q of %s", v.Result, m.Subject); err != nil {
			return "", err
		}
	}
	return "verify says reset_required", nil
}

func (s *Story) sessionIsDead(ctx context.Context) (string, error) {
	g, _, err := s.service.Gate(ctx, s.reader.Subject, s.reader.session)
	if err != nil {
		return "", err
	}
	return "the gate ends it", must(g.Session == "dead" && g.Credential == "dead" && g.Reason == "breach" && g.Incident == Slug, "the gate says session %q, credential %q, reason %q", g.Session, g.Credential, g.Reason)
}

// receive waits for the member's next mail.
func (s *Story) receive(ctx context.Context, m *member) (Letter, error) {
	mail, err := s.Mailbox.Next(ctx, m.Email, m.mail.ID)
	if err != nil {
		return Letter{}, fmt.Errorf("waiting for a mail to %s: %w", m.Email, err)
	}
	m.mail = mail
	return mail.Read()
}

func (s *Story) mailArrives(ctx context.Context) (string, error) {
	for _, m := range []*member{s.reader, s.typer} {
		letter, err := s.receive(ctx, m)
		if err != nil {
			return "", err
		}
		m.letter = letter
		if err := must(letter.Token() != "" && letter.Code() != "" && strings.Contains(letter.HTML, letter.Token()), "the mail %q has no link, no code or no HTML", letter.Subject); err != nil {
			return "", err
		}
	}
	return s.reader.letter.Subject, nil
}

// page asks for one of the portal's and gives its status and where it leads.
func (s *Story) page(ctx context.Context, method, path string, form url.Values) (status int, location string, err error) {
	r, err := http.NewRequestWithContext(ctx, method, s.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := s.service.HTTP.Do(r)
	if err != nil {
		return 0, "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return 0, "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	return resp.StatusCode, resp.Header.Get("Location"), nil
}

// expect is page with the only right status.
func (s *Story) expect(ctx context.Context, want int, method, path string, form url.Values) error {
	got, location, err := s.page(ctx, method, path, form)
	if err != nil {
		return err
	}
	if err := must(got == want, "%s %s answered %d, not %d", method, path, got, want); err != nil {
		return err
	}
	return must(want != http.StatusSeeOther || location == "/done" || location == s.URL+"/done", "%s %s leads to %q", method, path, location)
}

// linkLives says whether a token is as live as it should be, by both ways of asking.
func (s *Story) linkLives(ctx context.Context, should bool) error {
	token := s.reader.letter.Token()
	active, err := s.service.Active(ctx, token)
	if err != nil {
		return err
	}
	if err := must(active == should, "introspection says active: %t", active); err != nil {
		return err
	}
	want := http.StatusGone
	if should {
		want = http.StatusNoContent
	}
	return s.expect(ctx, want, http.MethodPost, "/reset/check", url.Values{"token": {token}})
}

func (s *Story) openingIsInert(ctx context.Context) (string, error) {
	for _, method := range []string{http.MethodGet, http.MethodGet, http.MethodGet, http.MethodHead} {
		if err := s.expect(ctx, http.StatusOK, method, "/reset", nil); err != nil {
			return "", err
		}
	}
	return "opened three times and by HEAD, it still lives", s.linkLives(ctx, true)
}

func (m *member) byLink(password string) url.Values {
	return url.Values{"token": {m.letter.Token()}, "password": {password}, "confirm": {password}}
}

func (m *member) byCode(password string) url.Values {
	return url.Values{"email": {m.Email}, "code": {strings.ToLower(m.letter.Code())}, "password": {password}, "confirm": {password}}
}

func (s *Story) oldIsRefused(ctx context.Context) (string, error) {
	if err := s.expect(ctx, http.StatusUnprocessableEntity, http.MethodPost, "/reset", s.reader.byLink(s.reader.Password)); err != nil {
		return "", err
	}
	return "422, and the link still lives", s.linkLives(ctx, true)
}

func (s *Story) linkRedeems(ctx context.Context) (string, error) {
	return "303", s.expect(ctx, http.StatusSeeOther, http.MethodPost, "/reset", s.reader.byLink(s.reader.next))
}

func (s *Story) newWorks(ctx context.Context) (string, error) { return s.changed(ctx, s.reader) }

// changed says whether the new password took the old one's place.
func (s *Story) changed(ctx context.Context, m *member) (string, error) {
	v, err := s.verify(ctx, m, m.next)
	if err != nil {
		return "", err
	}
	if err := must(v.Result == "ok" && v.Subject == m.Subject, "verify says %q of the new password", v.Result); err != nil {
		return "", err
	}
	old, err := s.verify(ctx, m, m.Password)
	if err != nil {
		return "", err
	}
	if err := must(old.Result == "invalid", "verify says %q of the old password", old.Result); err != nil {
		return "", err
	}
	g, _, err := s.service.Gate(ctx, m.Subject, v.AuthenticatedAt)
	if err != nil {
		return "", err
	}
	return m.Email + " signs in again", must(g.Session == "live" && g.Credential == "live", "the gate says session %q, credential %q", g.Session, g.Credential)
}

func (s *Story) linkIsDead(ctx context.Context) (string, error) {
	if err := s.expect(ctx, http.StatusGone, http.MethodPost, "/reset", s.reader.byLink(rand.Text())); err != nil {
		return "", err
	}
	return "410", s.linkLives(ctx, false)
}

func (s *Story) codeRedeems(ctx context.Context) (string, error) {
	if err := s.expect(ctx, http.StatusSeeOther, http.MethodPost, "/reset", s.typer.byCode(s.typer.next)); err != nil {
		return "", err
	}
	return s.changed(ctx, s.typer)
}

func (s *Story) codeIsDead(ctx context.Context) (string, error) {
	return "410", s.expect(ctx, http.StatusGone, http.MethodPost, "/reset", s.typer.byCode(rand.Text()))
}

func (s *Story) changeIsTold(ctx context.Context) (string, error) {
	for _, m := range []*member{s.reader, s.typer} {
		letter, err := s.receive(ctx, m)
		if err != nil {
			return "", err
		}
		if err := must(strings.Contains(letter.Subject, "password was changed") && letter.Token() == "" && letter.Code() == "", "the mail is %q, or has a link", letter.Subject); err != nil {
			return "", err
		}
	}
	return "to both members", nil
}
