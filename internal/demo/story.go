package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Story plays a whole incident on a running Rekey, the way people would: operators by the command line, the login service by the
// API, members by mail and pages. Every step checks what it says.
type Story struct {
	Population Population
	Dir        string   // where base and list are written
	URL        string   // Rekey's public URL
	Mailbox    *Mailbox // where Rekey's mail server delivers; pinned for Cast
	Transport  http.RoundTripper

	// Command runs a rekey command with --json and gives what it prints; an exit status other than 0 is an error.
	Command func(ctx context.Context, args ...string) ([]byte, error)
	// Tell hears of every step when it is over; may be nil.
	Tell func(Step)

	service  Service
	campaign int64
	wouldDie int64
	reader   *member // follows the link
	typer    *member // types the code
}

// Step is what came of one.
type Step struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	TookMS int64  `json:"took_ms"`
	Detail string `json:"detail"` // what was seen, or what is not as it must be
}

// Result is what came of a story. It ends at the first step that fails.
type Result struct {
	OK       bool   `json:"ok"`
	Accounts int    `json:"accounts"`
	TookMS   int64  `json:"took_ms"`
	Steps    []Step `json:"steps"`
}

// step is one before it is played. do says what it saw, or what is wrong.
type step struct {
	name string
	do   func(context.Context) (string, error)
}

// Least is the smallest base that has everybody the story needs.
const Least = 20

// Cast gives the two members the story follows.
func (p Population) Cast() (reader, typer Account) {
	reader = p.plain(0)
	return reader, p.plain(reader.Number + 1)
}

// plain is the first account from number i on whose member types a password of its own and reads English, as the demo does.
func (p Population) plain(i int) Account {
	for a := p.Account(i); ; a = p.Account(a.Number + 1) {
		if a.Scheme != Bcrypt && a.Scheme != None && strings.HasPrefix(a.Locale, "en") {
			return a
		}
	}
}

// SetUp plays until the campaign is ready to be activated.
func (s *Story) SetUp(ctx context.Context) (Result, error) { return s.play(ctx, s.beginning()) }

// Play plays all of it.
func (s *Story) Play(ctx context.Context) (Result, error) {
	return s.play(ctx, append(s.beginning(), s.incident()...))
}

// Prepared is what SetUp left: the campaign, and how many passwords it would kill.
func (s *Story) Prepared() (campaign, wouldDie int64) { return s.campaign, s.wouldDie }

// Service is the login service, with the key that SetUp had made for it.
func (s *Story) Service() Service { return s.service }

func (s *Story) beginning() []step {
	return []step{
		{"the breached base is imported", s.importBase},
		{"the login service gets a key", s.makeKey},
		{"incident and campaign are drafted from the leaked list", s.draft},
		{"the list is matched with the base", s.prepare},
		{"the preview counts who would die", s.preview},
	}
}

func (s *Story) incident() []step {
	return []step{
		{"an old password works", s.oldWorks},
		{"a session is live", s.sessionLives},
		{"the campaign is activated", s.activate},
		{"the old password is dead", s.oldIsDead},
		{"the session is dead", s.sessionIsDead},
		{"a mail with link and code arrives", s.mailArrives},
		{"opening the link does nothing", s.openingIsInert},
		{"the old password is refused as the new one", s.oldIsRefused},
		{"the link sets a new password", s.linkRedeems},
		{"the new password works, the old one does not", s.newWorks},
		{"the link is dead", s.linkIsDead},
		{"another member types the code", s.codeRedeems},
		{"the code is dead", s.codeIsDead},
		{"a mail says that the password was changed", s.changeIsTold},
		{"everybody on the list is written to, once", s.allAreWritten},
		{"the audit log is whole", s.auditHolds},
	}
}

// play ends with the first step that fails. The result is told in any case.
func (s *Story) play(ctx context.Context, steps []step) (Result, error) {
	s.open()
	result := Result{OK: true, Accounts: s.Population.N}
	begun := time.Now()
	var failed error
	for _, st := range steps {
		told := s.playStep(ctx, st)
		result.Steps = append(result.Steps, told)
		if s.Tell != nil {
			s.Tell(told)
		}
		if !told.OK {
			result.OK = false
			failed = fmt.Errorf("%s: %s", told.Name, told.Detail)
			break
		}
	}
	result.TookMS = time.Since(begun).Milliseconds()
	return result, failed
}

func (s *Story) playStep(ctx context.Context, st step) Step {
	ctx, cancel := context.WithTimeout(ctx, s.stepTime())
	defer cancel()
	begun := time.Now()
	detail, err := st.do(ctx)
	if err != nil {
		detail = err.Error()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			detail = fmt.Sprintf("nothing for %s: %s", s.stepTime(), detail)
		}
	}
	return Step{Name: st.name, OK: err == nil, TookMS: time.Since(begun).Milliseconds(), Detail: detail}
}

// stepTime is what the slowest step may take: every member is written to, at least 500 a second.
func (s *Story) stepTime() time.Duration {
	return time.Minute + time.Duration(s.Population.N)*2*time.Millisecond
}

func (s *Story) open() {
	if s.reader != nil {
		return
	}
	reader, typer := s.Population.Cast()
	s.reader, s.typer = s.newMember(reader), s.newMember(typer)
	s.service = Service{URL: s.URL, HTTP: s.client()}
}

// client follows no redirect: where an answer leads to is part of it.
func (s *Story) client() *http.Client {
	return &http.Client{Transport: s.Transport, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// must is an error unless it holds.
func must(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}
