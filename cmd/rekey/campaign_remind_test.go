package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/storetest"
)

// One member resets, the other is reminded, through the real program on each database: said first, done with --yes, refused so soon again, and
// noticed by a process that had ended the mailing. The link in the reminder works.
func TestRemind(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); remindOne(t, atTerminal(t)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		r := atTerminal(t)
		r.env["REKEY_DATABASE_URL"], r.env["REKEY_MASTER_KEY"] = storetest.PostgresURL(t), testKey
		remindOne(t, r)
	})
}

func remindOne(t *testing.T, r *terminal) {
	const fresh = "orchid tractor lemon violin"
	box := newMailbox(t)
	r.env["REKEY_SMTP_URL"], r.env["REKEY_PUBLIC_URL"] = box.url, "https://reset.example.org"
	r.member("one", "correct horse battery staple")
	r.member("two", "correct horse battery staple")
	s := r.serve()
	r.ok("campaign", "create", "--incident", "breach", "--scope", "everyone")
	r.ok("campaign", "prepare", "1")
	r.fails(exitFailed, "campaign", "remind", "1", "--yes")
	r.ok("campaign", "activate", "1", "--expect", "2", "--yes")
	same(t, "reset", http.StatusSeeOther, s.reset(linkForm.FindStringSubmatch(<-box.texts)[1], fresh))
	for range 2 { // the other's mail, and that the password was changed
		<-box.texts
	}
	r.untilDone()

	same(t, "three days on, as yet", numbers{"accounts": 0.0, "act": "remind", "dry_run": true}, pick(r.object("campaign", "remind", "1"), "accounts", "act", "dry_run"))
	if why := r.fails(exitFailed, "campaign", "remind", "1", "--yes"); !strings.Contains(why, "nobody is to be reminded") {
		t.Error(why)
	}
	same(t, "plan", numbers{"accounts": 1.0, "dry_run": true, "mailed_to": "me@example.org"},
		pick(r.object("campaign", "remind", "1", "--again-after", "0s", "--mail-to", "me@example.org"), "accounts", "dry_run", "mailed_to"))
	if text := <-box.texts; !strings.Contains(text, "[Test]") || !strings.Contains(text, "We wrote to you before") {
		t.Errorf("the sample: %s", text)
	}
	same(t, "nothing was ordered", 0.0, r.object("campaign", "show", "1")["reminders"])
	r.fails(exitUsage, "campaign", "remind", "1", "--mail-to", "me@example.org", "--yes")
	same(t, "order", numbers{"id": 1.0, "state": "active", "mailing": "running", "reminders": 1.0, "members": 1.0},
		pick(r.object("campaign", "remind", "1", "--again-after", "0s", "--yes"), "id", "state", "mailing", "reminders", "members"))
	text := <-box.texts
	if !strings.Contains(text, "We wrote to you before") {
		t.Errorf("the reminder: %s", text)
	}
	r.untilDone()
	status := r.object("campaign", "status", "1")
	same(t, "mails", numbers{"pending": 0.0, "sent": 2.0, "skipped": 0.0, "failed": 0.0, "bounced": 0.0}, status["delivery"])
	same(t, "reminders", numbers{"ordered": 1.0, "waiting": 0.0, "sent": 1.0}, pick(status["reminders"].(numbers), "ordered", "waiting", "sent"))
	if why := r.fails(exitFailed, "campaign", "remind", "1", "--yes"); !strings.Contains(why, "there must be 72h between two") {
		t.Error(why)
	}
	same(t, "the link in the reminder", http.StatusSeeOther, s.reset(linkForm.FindStringSubmatch(text)[1], fresh))
	same(t, "exit", exitOK, s.stop())
	if n := strings.Count(r.ok("audit", "export"), `"campaign.remind"`); n != 4 {
		t.Errorf("%d entries in the log, want the order and three refusals", n)
	}
}

// untilDone waits for the end of the mailing of campaign 1.
func (r *terminal) untilDone() {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); r.object("campaign", "show", "1")["mailing"] != "done"; {
		if time.Now().After(deadline) {
			r.t.Fatal("the mailing does not end")
		}
	}
}

// A stranger who reads the mailbox has changed the password. The mail about it tells the owner where to say no, without a token; from there a
// fresh link comes to the address on file, and with it the stranger's password and session are dead.
func TestItWasNotMe(t *testing.T) {
	t.Parallel()
	const theirs, mine = "a stranger's own choice", "orchid tractor lemon violin"
	r := atTerminal(t)
	box := newMailbox(t)
	r.env["REKEY_SMTP_URL"], r.env["REKEY_PUBLIC_URL"] = box.url, "https://reset.example.org"
	r.member("one", "correct horse battery staple")
	key := r.object("client", "create", "web", "--scope", "login")["key"].(string)
	s := r.serve()
	forgot := func() string {
		form := url.Values{"email": {"one@example.org"}}
		if status, page := s.ask(http.MethodPost, s.public+"/forgot", "", "application/x-www-form-urlencoded", form.Encode()); status != http.StatusOK {
			t.Fatalf("asking for a link: %d %s", status, page)
		}
		return linkForm.FindStringSubmatch(<-box.texts)[1]
	}
	same(t, "the stranger's reset", http.StatusSeeOther, s.reset(forgot(), theirs))
	stranger := s.verify(key, "one", theirs)
	same(t, "the stranger's password", "ok", stranger["result"])
	told := <-box.texts
	where := regexp.MustCompile(`https://\S+/forgot\b`).FindString(told)
	if where != "https://reset.example.org/forgot" || strings.Contains(told, "#t=") {
		t.Fatalf("the mail does not say where to say no: %s", told)
	}
	if status, page := s.get(s.public + strings.TrimPrefix(where, "https://reset.example.org")); status != http.StatusOK || !strings.Contains(page, `name="email"`) {
		t.Errorf("there: %d %s", status, page)
	}
	same(t, "the owner's reset", http.StatusSeeOther, s.reset(forgot(), mine))
	same(t, "the stranger's password after it", "invalid", s.verify(key, "one", theirs)["result"])
	same(t, "the owner's password", "ok", s.verify(key, "one", mine)["result"])
	issued := strconv.FormatFloat(stranger["authenticated_at"].(float64), 'f', 0, 64)
	if _, answer := s.ask(http.MethodPost, s.public+"/v1/gate", key, "application/json", `{"subject":"one","session_issued_at":`+issued+`}`); !strings.Contains(answer, `"session":"dead"`) {
		t.Errorf("the stranger's session: %s", answer)
	}
}
