package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Slug names the incident of the story.
const Slug = "pass-2011"

// notice is the incident's public text.
const notice = `On 14 June 2011 somebody copied the database of our sign-in service. We noticed on 16 June, and have switched off every password that was in it.

What was not in it: payment details, and anything you bought.

What to do: set a new password with the link or the code we sent you. If you used the old one elsewhere, change it there too.`

// rekey runs a command and reads the JSON it prints.
func (s *Story) rekey(ctx context.Context, result any, args ...string) error {
	out, err := s.Command(ctx, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, result); err != nil {
		return fmt.Errorf("reading what rekey %s %s printed: %w", args[0], args[1], err)
	}
	return nil
}

// write makes a file in the story's directory.
func (s *Story) write(name string, content func(io.Writer) error) (path string, err error) {
	path = filepath.Join(s.Dir, name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", name, err)
	}
	if err := content(file); err != nil {
		_ = file.Close() // the first error tells more
		return "", err
	}
	return path, file.Close()
}

func (s *Story) importBase(ctx context.Context) (string, error) {
	path, err := s.write("accounts.csv", s.Population.WriteCSV)
	if err != nil {
		return "", err
	}
	var r struct{ Rows, Inserted, Rejected, Warned int }
	if err := s.rekey(ctx, &r, "accounts", "import", path, "--rejects", path+".rejects"); err != nil {
		return "", err
	}
	n := s.Population.N
	err = must(r.Rows == n && r.Inserted == n && r.Rejected == 0 && r.Warned == 0, "%d rows, %d inserted, %d rejected, %d warned; the file has %d", r.Rows, r.Inserted, r.Rejected, r.Warned, n)
	return fmt.Sprintf("%d accounts", r.Inserted), err
}

func (s *Story) makeKey(ctx context.Context) (string, error) {
	var c struct{ Name, Key string }
	if err := s.rekey(ctx, &c, "client", "create", "login-site", "--scope", "login"); err != nil {
		return "", err
	}
	s.service.Key = c.Key
	return "client " + c.Name, must(c.Key != "", "no key was printed")
}

func (s *Story) draft(ctx context.Context) (string, error) {
	text, err := s.write("notice.txt", func(w io.Writer) error { _, err := io.WriteString(w, notice); return err })
	if err != nil {
		return "", err
	}
	list, err := s.write("leaked.csv", s.Population.WriteLeak)
	if err != nil {
		return "", err
	}
	var incident struct{ Slug string }
	err = s.rekey(ctx, &incident, "incident", "set", Slug, "--title", "Our sign-in database was copied", "--occurred", "2011-06-14", "--found", "2011-06-16",
		"--classes", "e-mail addresses,hashed passwords", "--unexposed", "payment data,purchases", "--notice", text, "--publish")
	if err != nil {
		return "", err
	}
	var k struct {
		ID    int64
		State string
	}
	if err := s.rekey(ctx, &k, "campaign", "create", "--incident", Slug, "--scope", "list", "--list", list); err != nil {
		return "", err
	}
	s.campaign = k.ID
	return fmt.Sprintf("incident %s, campaign %d", Slug, k.ID), must(k.ID > 0 && k.State == "draft", "campaign %d is %s, not a draft", k.ID, k.State)
}

func (s *Story) id() string { return strconv.FormatInt(s.campaign, 10) }

func (s *Story) prepare(ctx context.Context) (string, error) {
	type report struct {
		Listed, Matched, Unmatched, Duplicate int
		NoPassword                            int `json:"no_password"`
	}
	var got report
	if err := s.rekey(ctx, &got, "campaign", "prepare", s.id()); err != nil {
		return "", err
	}
	leak := s.Population.Leak()
	want := report{Listed: leak.Lines(), Matched: leak.Known, Unmatched: leak.Strangers + leak.Invalid, Duplicate: leak.Twice, NoPassword: s.Population.Count(None)}
	return fmt.Sprintf("%d lines: %d accounts, %d listed twice, %d of nobody here; %d have no password", got.Listed, got.Matched, got.Duplicate, got.Unmatched, got.NoPassword),
		must(got == want, "the report is %+v, the list is %+v", got, want)
}

func (s *Story) preview(ctx context.Context) (string, error) {
	var p struct {
		WouldDie    int64 `json:"would_die"`
		Covered     int64
		AlreadyDead int64 `json:"already_dead"`
	}
	if err := s.rekey(ctx, &p, "campaign", "preview", s.id()); err != nil {
		return "", err
	}
	s.wouldDie = p.WouldDie
	live := int64(s.Population.N - s.Population.Count(None))
	return fmt.Sprintf("%d passwords would die", p.WouldDie),
		must(p.WouldDie == live && p.Covered == int64(s.Population.N) && p.AlreadyDead == 0, "%d of %d would die, %d are dead; there are %d passwords", p.WouldDie, p.Covered, p.AlreadyDead, live)
}

func (s *Story) activate(ctx context.Context) (string, error) {
	var k struct {
		State       string
		ActivatedAt time.Time `json:"activated_at"`
	}
	if err := s.rekey(ctx, &k, "campaign", "activate", s.id(), "--expect", strconv.FormatInt(s.wouldDie, 10), "--yes"); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d passwords died at %s", s.wouldDie, k.ActivatedAt.UTC().Format(time.RFC3339)), must(k.State == "active" && !k.ActivatedAt.IsZero(), "the campaign is %s", k.State)
}

// progress is what the story reads of a campaign's status.
type progress struct {
	Delivery struct{ Pending, Sent, Skipped, Failed, Bounced int64 }
	Reset    int64
}

func (s *Story) allAreWritten(ctx context.Context) (string, error) {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		var st progress
		if err := s.rekey(ctx, &st, "campaign", "status", s.id()); err != nil {
			return "", err
		}
		if st.Delivery.Pending == 0 {
			return s.written(st)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return "", fmt.Errorf("%d of %d wait", st.Delivery.Pending, s.Population.N)
		}
	}
}

// written compares Rekey's numbers with the mailbox's: each member once, and one mail for each of the two changes.
func (s *Story) written(st progress) (string, error) {
	d, n, came := st.Delivery, int64(s.Population.N), s.Mailbox.Total()
	if err := must(d.Sent == n && d.Skipped == 0 && d.Failed == 0 && d.Bounced == 0, "of %d members, %d sent, %d skipped, %d failed, %d bounced", n, d.Sent, d.Skipped, d.Failed, d.Bounced); err != nil {
		return "", err
	}
	if err := must(st.Reset == 2, "%d passwords were set, the campaign counts %d", 2, st.Reset); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d mails", d.Sent), must(came == n+2, "%d mails came, %d were due", came, n+2)
}

func (s *Story) auditHolds(ctx context.Context) (string, error) {
	var v struct {
		OK      bool
		Entries int64
	}
	if err := s.rekey(ctx, &v, "audit", "verify"); err != nil {
		return "", err
	}
	out, err := s.Command(ctx, "audit", "list", "--action", "campaign.activate")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d entries", v.Entries), must(v.OK && v.Entries > 0 && bytes.Contains(out, []byte("campaign.activate")), "%d entries, whole: %t; or the activation is not among them", v.Entries, v.OK)
}
