package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/operator/signin"
	"github.com/seed-1c168855/rekey/internal/server"
)

// The lives of sessions unless the options say otherwise.
const (
	DefaultIdle = 30 * time.Minute
	DefaultLife = 12 * time.Hour
)

// hallTime is how long a sign-in may take from its first step.
const hallTime = 15 * time.Minute

// seenEvery bounds how often a session that is used is written.
const seenEvery = time.Minute

// guard knows who is signed in. It is the one place that reads and writes sessions.
type guard struct {
	sessions *scs.SessionManager
	door     *signin.Door
	store    operator.SessionStore
	every    time.Duration // how exactly the last use is kept
}

// newGuard keeps sessions in the store; https says how the console is reached.
func newGuard(o Options, https bool) *guard {
	// Not by scs.New, which begins with a store in memory and a goroutine that sweeps it for good.
	m := &scs.SessionManager{Store: &shelf{o.Operators}, Codec: codec{}, IdleTimeout: o.Idle, Lifetime: o.Life}
	// On plain http, which the settings allow on this machine alone, browsers would refuse the prefix.
	m.Cookie = scs.SessionCookie{Name: "rekey", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if https {
		m.Cookie.Name, m.Cookie.Secure = "__Host-rekey", true
	}
	return &guard{sessions: m, door: o.Door, store: o.Operators, every: min(seenEvery, o.Idle/10)}
}

// memory is all that a session remembers.
type memory struct {
	Operator   int64         `json:"operator,omitempty"` // 0: not signed in
	FreshUntil time.Time     `json:"fresh_until,omitzero"`
	Said       string        `json:"said,omitempty"`     // for the next page
	Next       string        `json:"next,omitempty"`     // where the sign-in leads
	Half       *signin.Half  `json:"half,omitempty"`     // a right password
	Ceremony   []byte        `json:"ceremony,omitempty"` // a passkey's, under way
	Invite     []byte        `json:"invite,omitempty"`   // key of an invitation that was followed
	Setup      []byte        `json:"setup,omitempty"`    // sealed secret of an authenticator app under way
	Abroad     *errandAbroad `json:"abroad,omitempty"`   // a visit to the provider
}

type visitKey struct{}

// visit is one request's dealings with its session.
type visit struct {
	client, agent string
	found         operator.Session // zero: none
	was           []byte           // hash of the token that the next save replaces
	told          string           // the token that the browser knows
	changed       bool
	passive       bool // the request is no use of the session
}

func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// load finds the session of a request, and saves what its handler changes before the answer's first byte.
func (g *guard) load(c *gin.Context) {
	base := c.Request.Context()
	v := &visit{client: server.ClientAddr(c).String(), agent: browserOf(c.Request.UserAgent())}
	v.passive = passive[c.FullPath()]
	if cookie, err := c.Request.Cookie(g.sessions.Cookie.Name); err == nil {
		v.told = cookie.Value
	}
	base = operator.WithOrigin(base, operator.Origin{Address: v.client, Agent: v.agent})
	ctx, err := g.find(context.WithValue(base, visitKey{}, v), v)
	if err != nil {
		server.Fail(c, err)
		return
	}
	c.Request = c.Request.WithContext(ctx)
	w := &savingWriter{ResponseWriter: c.Writer, save: func() { g.leave(c) }}
	c.Writer = w
	c.Next()
	w.once()
}

// find loads the session, and notes its use at most once a minute. One that ended while it was loaded is none.
func (g *guard) find(base context.Context, v *visit) (context.Context, error) {
	ctx, err := g.sessions.Load(base, v.told)
	if err != nil || v.found.ID == "" {
		return ctx, err
	}
	if v.passive || time.Since(v.found.LastSeenAt) < g.every {
		return ctx, nil
	}
	_, _, err = g.sessions.Commit(ctx)
	if errors.Is(err, operator.ErrEnded) {
		v.found = operator.Session{}
		return g.sessions.Load(base, "")
	}
	return ctx, err
}

// leave saves what changed. A failure loses a sentence or the step of a sign-in, which is then begun again; the answer itself stands.
func (g *guard) leave(c *gin.Context) {
	v := visitOf(c.Request.Context())
	if !v.changed {
		return
	}
	if err := g.save(c); err != nil && !errors.Is(err, operator.ErrEnded) {
		server.Logger(c).ErrorContext(c.Request.Context(), "a session could not be saved", "error", err)
	}
}

func (g *guard) save(c *gin.Context) error {
	ctx := c.Request.Context()
	token, expiry, err := g.sessions.Commit(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	v := visitOf(ctx)
	v.changed = false
	if v.told != token {
		v.told = token
		g.sessions.WriteSessionCookie(ctx, c.Writer, token, expiry)
		c.Header("Cache-Control", "no-store")
	}
	return nil
}

// memory is what the session remembers, to read.
func (g *guard) memory(ctx context.Context) memory {
	if visitOf(ctx) == nil {
		return memory{}
	}
	m, _ := g.sessions.Get(ctx, memoryKey).(memory)
	return m
}

// keep changes what the session remembers.
func (g *guard) keep(ctx context.Context, change func(*memory)) {
	v := visitOf(ctx)
	if v == nil {
		return
	}
	m := g.memory(ctx)
	if !v.changed && v.found.ID == "" && m.Operator == 0 {
		g.sessions.SetDeadline(ctx, time.Now().Add(hallTime))
	}
	change(&m)
	g.sessions.Put(ctx, memoryKey, m)
	v.changed = true
}

// who is the signed-in operator with the roles they have now; false for nobody.
func (g *guard) who(ctx context.Context) (operator.Principal, bool, error) {
	m := g.memory(ctx)
	if m.Operator == 0 {
		return operator.Principal{}, false, nil
	}
	p, err := g.door.Current(ctx, m.Operator, m.FreshUntil)
	if errors.Is(err, operator.ErrEnded) {
		return operator.Principal{}, false, nil
	}
	return p, err == nil, err
}

// enter makes the session an operator's, under a token that nobody could have known before. Nothing of the way in is remembered.
func (g *guard) enter(c *gin.Context, e signin.Entered) error {
	return g.renew(c, time.Time{}, memory{Operator: e.Operator.ID, FreshUntil: e.FreshUntil})
}

// freshen notes that the second factor was just shown, under another token; the absolute limit stays where it is.
func (g *guard) freshen(c *gin.Context, until time.Time) error {
	ctx := c.Request.Context()
	m := g.memory(ctx)
	return g.renew(c, g.sessions.Deadline(ctx), memory{Operator: m.Operator, FreshUntil: until})
}

func (g *guard) renew(c *gin.Context, deadline time.Time, m memory) error {
	ctx := c.Request.Context()
	v := visitOf(ctx)
	v.was = []byte{}
	if v.found.ID != "" {
		v.was = operator.HashToken(g.sessions.Token(ctx))
	}
	if err := g.sessions.RenewToken(ctx); err != nil {
		return err
	}
	if !deadline.IsZero() {
		g.sessions.SetDeadline(ctx, deadline)
	}
	g.sessions.Put(ctx, memoryKey, m)
	return g.save(c)
}

// end ends the session for good.
func (g *guard) end(c *gin.Context) error {
	ctx := c.Request.Context()
	if err := g.sessions.Destroy(ctx); err != nil {
		return err
	}
	visitOf(ctx).changed = false
	g.sessions.WriteSessionCookie(ctx, c.Writer, "", time.Time{})
	c.Header("Cache-Control", "no-store")
	return nil
}

// current is the public name of the request's session.
func (g *guard) current(ctx context.Context) string {
	if token := g.sessions.Token(ctx); token != "" {
		return operator.SessionID(operator.HashToken(token))
	}
	return ""
}

// live looks whether the session still is one: for answers that go on for long. It does not keep the session alive.
func (g *guard) live(ctx context.Context) (bool, error) {
	_, found, err := g.store.FindSession(ctx, operator.HashToken(g.sessions.Token(ctx)))
	return found, err
}

// say keeps a sentence for the next page, and said takes it out.
func (g *guard) say(ctx context.Context, text string) { g.keep(ctx, func(m *memory) { m.Said = text }) }

func (g *guard) said(ctx context.Context) string {
	text := g.memory(ctx).Said
	if text != "" {
		g.keep(ctx, func(m *memory) { m.Said = "" })
	}
	return text
}
