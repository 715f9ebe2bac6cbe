package demo

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

// LoginSite is a sample login service: what a game's or a shop's own sign-in has to do to work with Rekey, and nothing else.
// It asks verify when somebody signs in and gate at every page after that; an answer it does not get is no.
type LoginSite struct {
	rekey    Service
	pages    *pages
	sessions sessions
}

// NewLoginSite is a login site on a Rekey.
func NewLoginSite(rekey Service, guide Guide, logger *slog.Logger) (http.Handler, error) {
	p, err := newPages("site", guide, "signin", "member", "reset")
	if err != nil {
		return nil, err
	}
	e, err := p.engine(logger)
	if err != nil {
		return nil, err
	}
	s := &LoginSite{rekey: rekey, pages: p, sessions: sessions{byID: map[string]session{}}}
	e.Use(refuseCrossOrigin)
	server.Get(e, "/", s.home)
	e.POST("/sign-in", s.signIn)
	e.POST("/sign-out", s.signOut)
	return e, nil
}

// refuseCrossOrigin keeps other sites from signing somebody in or out here.
func refuseCrossOrigin(c *gin.Context) {
	if err := http.NewCrossOriginProtection().Check(c.Request); err != nil {
		server.Fail(c, problem.New(problem.Forbidden, "This form was sent from another site."))
	}
}

// askTime bounds a call of Rekey; members wait for it.
const askTime = 15 * time.Second

// signInPage is what the form shows.
type signInPage struct {
	Login   string
	Notice  string // why the member is here
	Bad     string // why signing in did not work
	Spoken  []Exchange
	Example bool // fill in the account to try
}

func (s *LoginSite) home(c *gin.Context) {
	id, in := s.session(c)
	if !in.valid() {
		s.pages.show(c, http.StatusOK, "signin", signInPage{Example: true})
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), askTime)
	defer cancel()
	gate, x, err := s.rekey.Gate(ctx, in.Subject, in.IssuedAt)
	switch {
	case err != nil:
		s.pages.show(c, http.StatusServiceUnavailable, "signin", signInPage{Notice: "We can’t check your session just now. Please come back in a minute; you stay signed in.", Spoken: spoken(x)})
	case gate.Locked:
		s.pages.show(c, http.StatusServiceUnavailable, "signin", signInPage{Notice: "We are closed for now. Nobody can sign in until we open again.", Spoken: spoken(x)})
	case gate.Session == "live":
		s.pages.show(c, http.StatusOK, "member", memberPage{session: in, Gate: gate, Spoken: spoken(x, in.Signing)})
	default:
		s.sessions.end(id)
		setCookie(c, "", -1)
		s.pages.show(c, http.StatusOK, "signin", signInPage{Login: in.Login, Notice: reason(gate), Spoken: spoken(x)})
	}
}

// reason says why a session died.
func reason(g Gate) string {
	if g.Reason == "breach" {
		return "You were signed out. After a breach we switched off every password that may have been exposed, yours too, and ended all sessions."
	}
	return "You were signed out. Your password was changed, or all sessions were ended, since you signed in here."
}

// memberPage is what a member sees who is signed in.
type memberPage struct {
	session
	Gate   Gate
	Spoken []Exchange
}

// resetPage is for a password that is right and dead.
type resetPage struct {
	Verdict
	Spoken []Exchange
}

func (s *LoginSite) signIn(c *gin.Context) {
	login := c.PostForm("login")
	ctx, cancel := context.WithTimeout(c.Request.Context(), askTime)
	defer cancel()
	v, x, err := s.rekey.Verify(ctx, login, c.PostForm("password"), server.ClientAddr(c).String())
	again := func(status int, bad string) {
		s.pages.show(c, status, "signin", signInPage{Login: login, Bad: bad, Spoken: spoken(x)})
	}
	switch {
	case x.Status == http.StatusTooManyRequests:
		again(http.StatusTooManyRequests, "That were too many tries in a short time. Please wait a moment.")
	case err != nil:
		again(http.StatusServiceUnavailable, "We can’t check passwords just now. Please try again in a minute.")
	case v.Result == "ok":
		setCookie(c, s.sessions.begin(session{Login: login, Subject: v.Subject, IssuedAt: v.AuthenticatedAt, Signing: x}), int(sessionLife.Seconds()))
		c.Redirect(http.StatusSeeOther, "/")
	case v.Result == "reset_required":
		s.pages.show(c, http.StatusForbidden, "reset", resetPage{Verdict: v, Spoken: spoken(x)})
	case v.Result == "locked":
		again(http.StatusServiceUnavailable, "We are closed for now. Nobody can sign in until we open again.")
	default:
		again(http.StatusForbidden, "Address and password don’t fit together.")
	}
}

// spoken are the exchanges a page shows, the newest first.
func spoken(x ...Exchange) []Exchange { return x }

func (s *LoginSite) signOut(c *gin.Context) {
	id, _ := s.session(c)
	s.sessions.end(id)
	setCookie(c, "", -1)
	c.Redirect(http.StatusSeeOther, "/")
}

const (
	cookieName  = "demo_session"
	sessionLife = 12 * time.Hour
	maxSessions = 10_000
)

// setCookie is not Secure: the demo speaks plain HTTP on this machine.
func setCookie(c *gin.Context, id string, seconds int) {
	http.SetCookie(c.Writer, &http.Cookie{Name: cookieName, Value: id, Path: "/", MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// session is somebody signed in. IssuedAt is Rekey's authenticated_at: with it this site's own clock never matters.
type session struct {
	Login, Subject string
	IssuedAt       int64
	Signing        Exchange // the answer that began it, to be shown
}

func (s session) valid() bool { return s.Subject != "" }

// Since is IssuedAt for people.
func (s session) Since() time.Time { return time.Unix(s.IssuedAt, 0) }

func (s *LoginSite) session(c *gin.Context) (string, session) {
	id, err := c.Cookie(cookieName)
	if err != nil {
		return "", session{}
	}
	return id, s.sessions.get(id)
}

// sessions are in memory: the site is a sample.
type sessions struct {
	mu   sync.Mutex
	byID map[string]session
}

func (s *sessions) begin(new session) string {
	id := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	for old := range s.byID {
		if len(s.byID) < maxSessions {
			break
		}
		delete(s.byID, old)
	}
	s.byID[id] = new
	return id
}

func (s *sessions) get(id string) session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id]
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
}
