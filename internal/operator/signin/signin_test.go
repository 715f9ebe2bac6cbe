package signin_test

import (
	"context"
	"encoding/base32"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/operator/signin"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const (
	right  = "seven tired owls at noon"
	issuer = "https://id.example.com"
)

var admin = audit.Actor{Kind: audit.KindCLI, Name: "admin"}

// world is a door on a fresh database with a clock that moves a microsecond a look, ten seconds into a TOTP step.
type world struct {
	*testing.T
	*signin.Door
	store  *store.Store
	people *operator.People
	hasher *password.Hasher
	master secret.Master
	here   signin.Visitor
	looks  atomic.Int64
}

var start = time.Unix(1_800_000_000+10, 0)

func (w *world) now(time.Time) time.Time {
	return start.Add(time.Duration(w.looks.Add(1)) * time.Microsecond)
}

func each(t *testing.T, f func(w *world)) {
	t.Helper()
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{T: t, master: secret.NewMaster(), here: signin.Visitor{Address: netip.MustParseAddr("192.0.2.7")}}
			if name == "sqlite" {
				w.store = storetest.SQLite(t, store.Options{Clock: w.now})
			} else {
				w.store = storetest.Postgres(t, store.Options{Clock: w.now})
			}
			w.open()
			f(w)
		})
	}
}

func (w *world) open() { w.openWith(password.DefaultParams()) }

// openWith is open with other parameters of hashing.
func (w *world) openWith(p password.Params) {
	var err error
	if w.hasher, err = password.NewHasher(p); err != nil {
		w.Fatal(err)
	}
	admission, err := password.NewAdmission(256<<20, w.hasher.Memory(), 1000, time.Minute)
	if err != nil {
		w.Fatal(err)
	}
	w.people = operator.NewPeople(w.store)
	w.Door, err = signin.New(signin.Options{
		Store: w.store, Hasher: w.hasher, Admission: admission, Policy: password.DefaultPolicy(), Limits: ratelimit.NewMemory(1000, func() time.Time { return start }),
		LimitKeys: ratelimit.NewKeyer(func(parts ...string) []byte { return w.master.MAC(secret.LimitKey, parts...) }), Master: w.master,
		AdminURL: "https://console.example.com", Service: "Rekey", Issuer: issuer,
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// hire adds somebody and gives the key of their invitation.
func (w *world) hire(name string, roles ...operator.Role) (operator.Operator, []byte) {
	w.Helper()
	o, token, err := w.people.Create(w.Context(), operator.CreateRequest{Name: name, Email: name + "@example.com", Roles: append(roles, operator.Auditor)}, admin)
	w.must(err)
	i, err := w.Invited(w.Context(), token, w.here)
	w.must(err)
	return o, i.Key
}

// code is what the authenticator app shows, steps from now.
func (w *world) code(text string, steps int) string {
	w.Helper()
	code, err := totp.GenerateCode(text, start.Add(time.Duration(steps)*30*time.Second))
	w.must(err)
	return code
}

// settled is somebody with a password and an authenticator app, whose step before this one is used.
func (w *world) settled(name string) (operator.Operator, string) {
	w.Helper()
	_, key := w.hire(name)
	setup, err := w.EnrolTOTP(w.Context(), key)
	w.must(err)
	o, err := w.EnrolPassword(w.Context(), key, right, setup.State, w.code(setup.Secret, -1))
	w.must(err)
	return o, setup.Secret
}

// failed counts failures that were made before.
func (w *world) failed(o operator.Operator, n int) {
	w.Helper()
	for range n {
		w.must(w.store.CountSignInFailure(w.Context(), o.ID, audit.New(admin, audit.OperatorSignIn, operator.Object(o.Name), nil).Refuse("earlier")))
	}
}

// entries are the audit log's "action outcome reason" from the nth on.
func (w *world) entries(n int) []string {
	w.Helper()
	var all []string
	page, _, err := w.store.AuditSearch(context.Background(), audit.Query{Limit: audit.MaxPage})
	w.must(err)
	for _, e := range slices.Backward(page) { // newest first
		line := string(e.Action) + " " + e.Object + " " + e.Outcome
		if why, ok := e.Detail["refused"].(string); ok {
			line += " " + why
		}
		all = append(all, line)
	}
	return all[min(n, len(all)):]
}

func TestPasswordAndTOTP(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.Context()
		_, key := w.hire("ada")
		setup, err := w.EnrolTOTP(ctx, key)
		w.must(err)
		if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(setup.Secret); err != nil || len(raw) != 20 || !strings.HasPrefix(setup.URL, "otpauth://totp/Rekey:ada?") {
			t.Errorf("secret of %d bytes, URL %s, %v", len(raw), setup.URL, err)
		}
		other, _ := w.hire("eve")
		foreign, err := w.NewTOTP(other.Person(time.Time{}))
		w.must(err)
		for name, c := range map[string]struct {
			pw, code, reason string
			state            []byte
			kind             problem.Kind
		}{
			"short":         {"fourteen chars", w.code(setup.Secret, 0), "too_short", setup.State, problem.Unprocessable},
			"own name":      {"ada@example.com!!", w.code(setup.Secret, 0), "context", setup.State, problem.Unprocessable},
			"wrong code":    {right, w.code(setup.Secret, 3), "code", setup.State, problem.Unprocessable},
			"foreign setup": {right, w.code(foreign.Secret, 0), "", foreign.State, problem.Invalid},
		} {
			if _, err := w.EnrolPassword(ctx, key, c.pw, c.state, c.code); !problem.Is(err, c.kind) || problem.DetailsOf(err, "").Code != c.reason {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = w.EnrolPassword(ctx, key, right, setup.State, w.code(setup.Secret, -1))
		w.must(err)
		if _, err := w.EnrolPassword(ctx, key, right, setup.State, w.code(setup.Secret, 0)); !problem.Is(err, problem.Gone) {
			t.Errorf("enrolled twice: %v", err)
		}
		half, err := w.Password(ctx, " ADA ", right, w.here)
		w.must(err)
		if !half.TOTP || half.Passkey {
			t.Errorf("half %+v", half)
		}
		if _, err := w.TOTP(ctx, half.Operator, w.code(setup.Secret, -1), w.here); !problem.Is(err, problem.Unauthorized) {
			t.Errorf("the enrolment's code again: %v", err)
		}
		in, err := w.TOTP(ctx, half.Operator, w.code(setup.Secret, 0), w.here)
		w.must(err)
		p, err := w.Current(ctx, in.Operator.ID, in.FreshUntil)
		w.must(err)
		if now, _ := w.store.Now(ctx); !p.Fresh(now) || p.Fresh(now.Add(operator.FreshFor)) || p.Name != "ada" {
			t.Errorf("principal %+v", p)
		}
		if _, err := w.ConfirmTOTP(ctx, p, w.code(setup.Secret, 0), w.here); !problem.Is(err, problem.Unauthorized) {
			t.Errorf("a used code confirmed: %v", err)
		}
		_, err = w.ConfirmTOTP(ctx, p, w.code(setup.Secret, 1), w.here)
		w.must(err)
		w.must(w.people.Disable(ctx, p.ID, admin))
		if _, err := w.Current(ctx, p.ID, in.FreshUntil); err != operator.ErrEnded {
			t.Errorf("a disabled operator goes on: %v", err)
		}
		want := []string{
			"operator.create operator:ada done", "operator.create operator:eve done", "operator.enrol operator:ada done",
			"operator.signin operator:ada refused code", "operator.signin operator:ada done", "operator.confirm operator:ada refused code",
			"operator.confirm operator:ada done", "operator.disable operator:ada done",
		}
		if d := cmp.Diff(want, w.entries(0)); d != "" {
			t.Error(d)
		}
	})
}

// One code used by many at once lets one in.
func TestCodeWorksOnce(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		o, text := w.settled("ada")
		var won atomic.Int64
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if _, err := w.TOTP(context.Background(), o.ID, w.code(text, 0), w.here); err == nil {
					won.Add(1)
				}
			})
		}
		wait.Wait()
		if won.Load() != 1 {
			t.Errorf("%d were let in", won.Load())
		}
	})
}

// Whoever is named and whatever is wrong: the same answer, the same work, an entry each, and none of it says more than it should.
func TestWrongTriesAreAlike(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.Context()
		w.settled("ada")
		gone, _ := w.settled("gone")
		closed, _ := w.settled("closed")
		w.hire("invited")
		w.must(w.people.Disable(ctx, gone.ID, admin))
		w.failed(closed, signin.MaxFailures)
		before := len(w.entries(0))
		type outcome struct {
			Text string
			Full int64
		}
		var want outcome
		for i, c := range []struct{ name, pw, logged string }{
			{"nobody", right, "unknown unknown"},
			{"ada", "wrong", "ada password"},
			{"gone", right, "gone disabled"},
			{"closed", right, "closed closed"},
			{"invited", right, "invited password"},
			{strings.Repeat("x", 1000), right, "unknown unknown"},
		} {
			full, compared := w.hasher.Count()
			_, err := w.Password(ctx, c.name, c.pw, w.here)
			f, n := w.hasher.Count()
			got := outcome{fmt.Sprint(problem.DetailsOf(err, "")), f + n - full - compared}
			if i == 0 {
				want = got
			}
			if d := cmp.Diff(want, got); d != "" || !problem.Is(err, problem.Unauthorized) {
				t.Errorf("%s: %v %s", c.name, err, d)
			}
			who, why, _ := strings.Cut(c.logged, " ")
			if d := cmp.Diff([]string{"operator.signin operator:" + who + " refused " + why}, w.entries(before+i)); d != "" {
				t.Errorf("%s: %s", c.name, d)
			}
		}
		if want.Full != 1 {
			t.Errorf("%d hashes a try", want.Full)
		}
	})
}

func TestGuessesAreSlowed(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.Context()
		o, text := w.settled("ada")
		for range ratelimit.OperatorPair.Burst + 1 { // right ones cost nothing
			_, err := w.Password(ctx, "ada", right, w.here)
			w.must(err)
		}
		for i := range ratelimit.OperatorPair.Burst {
			var err error
			if i%2 == 0 {
				_, err = w.Password(ctx, "ada", "wrong", w.here)
			} else {
				_, err = w.TOTP(ctx, o.ID, "000000", w.here)
			}
			if !problem.Is(err, problem.Unauthorized) {
				t.Fatalf("try %d: %v", i, err)
			}
		}
		_, first := w.Password(ctx, "ada", right, w.here)
		_, second := w.TOTP(ctx, o.ID, w.code(text, 0), w.here)
		if !problem.Is(first, problem.Limited) || !problem.Is(second, problem.Limited) {
			t.Errorf("over the limit: %v, %v", first, second)
		}
		elsewhere := signin.Visitor{Address: netip.MustParseAddr("198.51.100.1")}
		half, err := w.Password(ctx, "ada", right, elsewhere)
		w.must(err)
		_, err = w.TOTP(ctx, half.Operator, w.code(text, 0), elsewhere)
		w.must(err)
		if v, _, _ := w.store.SecretsOf(ctx, "ada"); v.Failures != 0 {
			t.Errorf("%d failures after a sign-in", v.Failures)
		}
	})
}

// A hundred failures in a row close the password and the code; an invitation opens them again.
func TestFailuresClose(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.Context()
		o, text := w.settled("ada")
		w.failed(o, signin.MaxFailures-1)
		if _, err := w.Password(ctx, "ada", "wrong", w.here); !problem.Is(err, problem.Unauthorized) {
			t.Fatal(err)
		}
		if _, err := w.Password(ctx, "ada", right, w.here); !problem.Is(err, problem.Unauthorized) {
			t.Errorf("a closed password opens: %v", err)
		}
		if _, err := w.TOTP(ctx, o.ID, w.code(text, 0), w.here); !problem.Is(err, problem.Unauthorized) {
			t.Errorf("a closed code opens: %v", err)
		}
		token, err := w.people.Invite(ctx, o.ID, admin)
		w.must(err)
		key := operator.HashToken(token)
		setup, err := w.EnrolTOTP(ctx, key)
		w.must(err)
		_, err = w.EnrolPassword(ctx, key, right, setup.State, w.code(setup.Secret, 0))
		w.must(err)
		_, err = w.Password(ctx, "ada", right, w.here)
		w.must(err)
	})
}

// keyed is somebody with one passkey.
func (w *world) keyed(name string) (operator.Operator, *authenticator) {
	w.Helper()
	_, key := w.hire(name)
	c, err := w.BeginEnrolPasskey(w.Context(), key)
	w.must(err)
	a := newAuthenticator(w)
	if o := a.read(c.Options).PublicKey.AuthenticatorSelection; o.ResidentKey != "required" || o.UserVerification != "required" {
		w.Errorf("the options ask for %+v", o)
	}
	o, err := w.EnrolPasskey(w.Context(), key, "laptop", c.State, a.create(c.Options))
	w.must(err)
	return o, a
}

func TestPasskeys(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.Context()
		o, a := w.keyed("ada")
		other, b := w.keyed("bob")
		begin := func() signin.Ceremony {
			c, err := w.BeginPasskey(ctx)
			w.must(err)
			return c
		}
		in := func(id int64, a *authenticator) error {
			c := begin()
			_, err := w.FinishPasskey(ctx, id, c.State, a.get(c.Options), w.here)
			return err
		}
		w.must(in(0, a))
		c := begin()
		answer := a.get(c.Options)
		_, err := w.FinishPasskey(ctx, o.ID, c.State, answer, w.here) // after a password
		w.must(err)
		from := len(w.entries(0))
		_, err = w.FinishPasskey(ctx, 0, c.State, answer, w.here)
		if !problem.Is(err, problem.Unauthorized) {
			t.Errorf("an answer again, of an authenticator that does not count: %v", err)
		}
		a.count = 5
		c = begin()
		answer = a.get(c.Options)
		_, err = w.ConfirmPasskey(ctx, o.Person(time.Time{}), c.State, answer, w.here)
		w.must(err)
		refuse := func(name string, err error) {
			t.Helper()
			if !problem.Is(err, problem.Unauthorized) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = w.FinishPasskey(ctx, 0, c.State, answer, w.here)
		refuse("an answer again", err)
		_, err = w.FinishPasskey(ctx, 0, begin().State, answer, w.here)
		refuse("an answer to another challenge", err)
		a.count -= 2
		refuse("a count that went back", in(0, a))
		a.count += 10
		refuse("another's passkey after a password", in(other.ID, a))
		a.flags = 1
		refuse("no user verification", in(0, a))
		a.flags, a.origin = 5, "https://evil.example.com"
		refuse("another origin", in(0, a))
		a.origin, a.rp = b.origin, "example.com"
		refuse("another relying party", in(0, a))
		a.rp, a.handle = b.rp, b.handle
		refuse("another's handle", in(0, a))
		refuse("an unknown passkey", in(0, newAuthenticator(t)))
		_, err = w.FinishPasskey(ctx, 0, begin().State, []byte("{"), w.here)
		refuse("no answer", err)
		a.handle = []byte(fmt.Sprintf("operator/%d", o.ID))
		w.must(in(0, a))
		w.must(w.people.Disable(ctx, o.ID, admin))
		refuse("somebody disabled", in(0, a))
		want := []string{
			"ada refused passkey used", "ada confirmed", "ada refused sign count went back", "ada refused passkey", "ada refused sign count went back", "ada refused passkey of somebody else", "ada refused passkey", "ada refused passkey",
			"ada refused passkey", "ada refused passkey", "unknown refused passkey unknown", "unknown refused passkey malformed", "ada done",
		}
		for i := range want {
			want[i] = strings.Replace("operator.signin operator:"+want[i], "signin operator:ada confirmed", "confirm operator:ada done", 1)
		}
		if d := cmp.Diff(want, w.entries(from)[:len(want)]); d != "" {
			t.Error(d)
		}
	})
}

// With one's own passkeys: the one there is cannot be added again nor removed; another can, under a name of one line.
func TestOwnPasskeys(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.Context()
		o, a := w.keyed("ada")
		p := o.Person(start.Add(time.Hour))
		c, err := w.BeginAddPasskey(ctx, p)
		w.must(err)
		if x := a.read(c.Options).PublicKey.ExcludeCredentials; len(x) != 1 || x[0].ID != b64(a.id) {
			t.Errorf("excluded %+v", x)
		}
		if err := w.AddPasskey(ctx, p, "again", c.State, a.create(c.Options)); !problem.Is(err, problem.Conflict) {
			t.Errorf("one passkey twice: %v", err)
		}
		first, err := w.Passkeys(ctx, p)
		w.must(err)
		if err := w.Remove(ctx, p, operator.ByPasskey, first[0].ID); !problem.Is(err, problem.Conflict) {
			t.Errorf("the last way in was removed: %v", err)
		}
		c, err = w.BeginAddPasskey(ctx, p)
		w.must(err)
		second := newAuthenticator(t)
		answer := second.create(c.Options)
		stranger, _ := w.hire("eve")
		if err := w.AddPasskey(ctx, stranger.Person(start.Add(time.Hour)), "x", c.State, answer); !problem.Is(err, problem.Unprocessable) {
			t.Errorf("somebody else's ceremony: %v", err)
		}
		w.must(w.AddPasskey(ctx, p, "\tphone\n", c.State, answer))
		w.must(w.Remove(ctx, p, operator.ByPasskey, first[0].ID))
		left, err := w.Passkeys(ctx, p)
		w.must(err)
		if len(left) != 1 || left[0].Name != "phone" {
			t.Errorf("left %+v", left)
		}
		w.must(w.RenamePasskey(ctx, p, left[0].ID, "work phone"))
		if err := w.RenamePasskey(ctx, stranger.Person(start), left[0].ID, "mine"); !problem.Is(err, problem.NotFound) {
			t.Errorf("somebody else's passkey renamed: %v", err)
		}
		w.must(w.SetPassword(ctx, p, right))
		half, err := w.Password(ctx, "ada", right, w.here)
		w.must(err)
		if half.TOTP || !half.Passkey {
			t.Errorf("half %+v", half)
		}
		setup, err := w.NewTOTP(p)
		w.must(err)
		if err := w.SetTOTP(ctx, p, setup.State, w.code(setup.Secret, 5)); !problem.Is(err, problem.Unprocessable) {
			t.Errorf("an app whose code does not fit: %v", err)
		}
		w.must(w.SetTOTP(ctx, p, setup.State, w.code(setup.Secret, 0)))
		w.must(w.Remove(ctx, p, operator.ByPasskey, left[0].ID))
	})
}

// Bound at the first sign-in by a verified address to somebody who was created beforehand, then by issuer and subject alone.
func TestOIDC(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.Context()
		ada, invited := w.hire("ada")
		for _, name := range []string{"twin1", "twin2"} {
			_, _, err := w.people.Create(ctx, operator.CreateRequest{Name: name, Email: "twin@example.com", Roles: operator.Roles{operator.Auditor}}, admin)
			w.must(err)
		}
		gone, _ := w.hire("gone")
		w.must(w.people.Disable(ctx, gone.ID, admin))
		base := signin.Claims{Issuer: issuer, Subject: "s-ada", Email: "ada@EXAMPLE.com", EmailVerified: true, AuthTime: start}
		in := func(change func(*signin.Claims)) (signin.Entered, error) {
			c := base
			if change != nil {
				change(&c)
			}
			return w.OIDC(ctx, c, w.here)
		}
		deny := func(name string, change func(*signin.Claims)) {
			t.Helper()
			if _, err := in(change); !problem.Is(err, problem.Forbidden) {
				t.Errorf("%s: %v", name, err)
			}
		}
		deny("not verified", func(c *signin.Claims) { c.EmailVerified = false })
		deny("no address", func(c *signin.Claims) { c.Email = "" })
		deny("stranger", func(c *signin.Claims) { c.Email = "eve@example.com" })
		deny("two of one address", func(c *signin.Claims) { c.Email = "twin@example.com" })
		deny("disabled", func(c *signin.Claims) { c.Email = "gone@example.com" })
		deny("another issuer", func(c *signin.Claims) { c.Issuer = "https://evil.example.com" })
		deny("no subject", func(c *signin.Claims) { c.Subject = "" })
		e, err := in(nil)
		w.must(err)
		if e.Operator.ID != ada.ID || !e.FreshUntil.Equal(start.Add(operator.FreshFor)) {
			t.Errorf("entered %+v", e)
		}
		if _, err := w.Again(ctx, invited); !problem.Is(err, problem.Gone) {
			t.Errorf("the invitation of somebody who is in: %v", err)
		}
		deny("the address again, another subject", func(c *signin.Claims) { c.Subject = "s-thief" })
		e, err = in(func(c *signin.Claims) {
			c.Email, c.EmailVerified, c.AuthTime = "new-name@example.org", false, start.Add(-operator.FreshFor)
		})
		w.must(err)
		if e.Operator.ID != ada.ID || !e.FreshUntil.IsZero() {
			t.Errorf("by subject alone, signed in long ago: %+v", e)
		}
		p := e.Operator.Person(e.FreshUntil)
		confirm := func(at time.Time, subject string) error {
			_, err := w.ConfirmOIDC(ctx, p, signin.Claims{Issuer: issuer, Subject: subject, AuthTime: at}, start, w.here)
			return err
		}
		w.must(confirm(start, "s-ada"))
		for name, err := range map[string]error{
			"an old sign-in": confirm(start.Add(-2*time.Minute), "s-ada"), "none told": confirm(time.Time{}, "s-ada"), "somebody else": confirm(start, "s-bob"),
		} {
			if !problem.Is(err, problem.Forbidden) {
				t.Errorf("confirmed by %s: %v", name, err)
			}
		}
		if err := w.Remove(ctx, p, operator.ByOIDC, 0); !problem.Is(err, problem.Conflict) {
			t.Errorf("the last way in was removed: %v", err)
		}
		w.must(w.people.Disable(ctx, ada.ID, admin))
		deny("bound and disabled", nil)
	})
}

// Invitations: looking changes nothing, guessing is slowed, and one can be used for an identity of any address.
func TestInvited(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.Context()
		ada, token, err := w.people.Create(ctx, operator.CreateRequest{Name: "ada", Email: "ada@example.com", Roles: operator.Roles{operator.Admin}}, admin)
		w.must(err)
		var i signin.Invitation
		for range ratelimit.OperatorAddress.Burst + 1 {
			i, err = w.Invited(ctx, token, w.here)
			w.must(err)
		}
		if i.Operator.ID != ada.ID || operator.EnrolURL("https://console.example.com/", token) != "https://console.example.com/enrol#t="+token {
			t.Errorf("invitation %+v", i)
		}
		o, err := w.EnrolOIDC(ctx, i.Key, signin.Claims{Issuer: issuer, Subject: "s", Email: "other@example.org"})
		w.must(err)
		if !o.OIDC || !o.Enrolled() {
			t.Errorf("enrolled %+v", o)
		}
		for n := range ratelimit.OperatorAddress.Burst {
			if _, err = w.Invited(ctx, fmt.Sprint(token, n), w.here); !problem.Is(err, problem.Gone) {
				t.Fatalf("guess %d: %v", n, err)
			}
		}
		if _, err = w.Invited(ctx, token, w.here); !problem.Is(err, problem.Limited) {
			t.Errorf("after %d guesses: %v", ratelimit.OperatorAddress.Burst, err)
		}
		if _, err = w.Password(ctx, "whoever", right, w.here); !problem.Is(err, problem.Limited) {
			t.Errorf("a name after %d guesses: %v", ratelimit.OperatorAddress.Burst, err)
		}
	})
}

func TestRewrap(t *testing.T) {
	t.Parallel()
	each(t, func(w *world) {
		ctx := w.Context()
		o, text := w.settled("ada")
		w.hire("bob")
		next := secret.NewMaster()
		for range 2 { // a second time finds them done
			n, err := operator.Rewrap(ctx, w.store, w.master, next, admin)
			w.must(err)
			if n != 1 {
				t.Errorf("%d sealed anew", n)
			}
		}
		if _, err := w.TOTP(ctx, o.ID, w.code(text, 0), w.here); !problem.Is(err, problem.Internal) {
			t.Errorf("under the old master key: %v", err)
		}
		w.master = next
		w.open()
		_, err := w.TOTP(ctx, o.ID, w.code(text, 0), w.here)
		w.must(err)
	})
}

func TestPasskeysNeedAName(t *testing.T) {
	t.Parallel()
	hasher, err := password.NewHasher(password.DefaultParams())
	if err != nil {
		t.Fatal(err)
	}
	o := signin.Options{Store: &store.Store{}, Hasher: hasher, Admission: &password.Admission{}, Policy: password.DefaultPolicy(), Limits: ratelimit.NewMemory(1, nil),
		Master: secret.NewMaster(), Service: "Rekey", AdminURL: "http://127.0.0.1:8081"}
	d, err := signin.New(o)
	if err != nil || d.HasPasskeys() {
		t.Errorf("at an address: %v", err)
	}
	if _, err := d.BeginPasskey(t.Context()); !problem.Is(err, problem.Conflict) {
		t.Errorf("a passkey at an address: %v", err)
	}
	if o.AdminURL = "http://localhost:8081"; true {
		if d, err = signin.New(o); err != nil || !d.HasPasskeys() {
			t.Errorf("at localhost: %v", err)
		}
	}
	for _, bad := range []string{"", "/console", ":"} {
		if o.AdminURL = bad; true {
			if _, err := signin.New(o); err == nil {
				t.Errorf("the URL %q was taken", bad)
			}
		}
	}
}
