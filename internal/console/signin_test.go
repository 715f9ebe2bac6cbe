package console

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

const passphrase = "orchid tractor lemon violin"

var typedSecret = regexp.MustCompile(`<code class="secret">([A-Z2-7]+)</code>`)

// enrol follows an invitation and sets up a password and an authenticator app. It gives the app's secret.
func (w *world) enrol(v *visitorClient, name string) string {
	w.t.Helper()
	if got := v.post("/enrol", "token", w.invites[name]); got.to != "/enrol/ways" {
		w.t.Fatalf("the invitation: %d to %q: %s", got.status, got.to, got.body)
	}
	page := v.get("/enrol/ways")
	found := typedSecret.FindStringSubmatch(page.body)
	if found == nil {
		w.t.Fatalf("no secret on the page: %s", page.body)
	}
	if png := v.get("/enrol/code.png"); png.status != 200 || !strings.HasPrefix(png.body, "\x89PNG") {
		w.t.Errorf("the QR code: %d", png.status)
	}
	got := v.post("/enrol/password", "password", passphrase, "confirm", passphrase, "code", code(w.t, found[1], 0))
	if got.to != "/me" {
		w.t.Fatalf("enrolling: %d to %q: %s", got.status, got.to, got.body)
	}
	return found[1]
}

// code is what the app shows, so many steps from now: each works once.
func code(t testing.TB, secret string, step int) string {
	t.Helper()
	text, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(step)*30*time.Second))
	must(t, err)
	return text
}

// From the invitation to the overview, on each database: the invitation works once, the sign-in takes both steps, and the token changes with each right gained.
func TestFromInvitationToOverview(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := worldOn(t, s)
		v := w.nobody()
		secret := w.enrol(v, "responder")
		if got := v.get("/"); got.status != 200 || !strings.Contains(got.body, "Overview") {
			t.Errorf("the overview after enrolling: %d", got.status)
		}
		if got := w.nobody().post("/enrol", "token", w.invites["responder"]); got.status != http.StatusGone {
			t.Errorf("the invitation again: %d", got.status)
		}
		if got := v.post("/sign-out"); got.to != "/sign-in" || v.token() != "" {
			t.Errorf("signing out: %d to %q", got.status, got.to)
		}

		if got := v.post("/sign-in", "name", "Responder ", "password", passphrase, "next", "/campaigns"); got.to != "/sign-in/second" {
			t.Fatalf("the password: %d %s", got.status, got.body)
		}
		half := v.token()
		if got := v.get("/"); got.to != "/sign-in?next=%2F" {
			t.Errorf("a password alone leads in: %d to %q", got.status, got.to)
		}
		if got := v.post("/sign-in/totp", "code", code(t, secret, 1)); got.to != "/campaigns" {
			t.Fatalf("the code: %d to %q %s", got.status, got.to, got.body)
		}
		if v.token() == half {
			t.Error("the session keeps the token it had before the sign-in")
		}
		w.dead(half)
		if got := v.get("/campaigns"); got.status != 200 {
			t.Errorf("signed in: %d", got.status)
		}
		last := w.entries(audit.OperatorSignIn)[0]
		if last.Outcome != audit.Done || last.Actor.Name != "responder" || last.Detail["by"] != string(operator.ByTOTP) {
			t.Errorf("the sign-in on record: %+v", last)
		}
	})
}

// dead wants a token to be nobody's.
func (w *world) dead(token string) {
	w.t.Helper()
	v := w.nobody()
	v.cookie(token)
	if got := v.get("/me"); got.to != "/sign-in?next=%2Fme" {
		w.t.Errorf("an ended session answers %d to %q", got.status, got.to)
	}
}

// Unknown, wrong, shut out, without a password: status and page are the same but for the name typed. There is no account that nobody made.
func TestWrongTriesLookAlike(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enrol(w.nobody(), "approver")
	w.enrol(w.nobody(), "auditor")
	must(t, w.people.Disable(t.Context(), w.staff["auditor"].ID, tester))
	tries := []struct{ name, password string }{
		{"approver", "orchid tractor lemon viola"}, {"auditor", passphrase}, {"nobody-at-all", passphrase}, {"responder", passphrase}, {"admin", "admin"}, {"root", ""}, {"approver", ""},
	}
	id := regexp.MustCompile(`Request <code>[^<]*</code>`)
	var first string
	for _, try := range tries {
		got := w.nobody().post("/sign-in", "name", try.name, "password", try.password)
		body := strings.ReplaceAll(id.ReplaceAllString(got.body, ""), `value="`+try.name+`"`, `value=""`)
		if first == "" {
			first = body
		}
		if got.status != http.StatusUnauthorized || body != first || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%v: %d, cookie %q:\n%s", try, got.status, got.header.Get("Set-Cookie"), got.body)
		}
	}
	if refused := w.entries(audit.OperatorSignIn); len(refused) != len(tries) || refused[0].Outcome != audit.Refused {
		t.Errorf("%d entries for %d tries", len(refused), len(tries))
	}
}

// Ten mistakes, then the limit holds for this name from here, with when to come back; the code of the second step counts to it too.
func TestSignInIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.nobody()
	for range 10 {
		v.post("/sign-in", "name", "approver", "password", "wrong wrong wrong")
	}
	got := v.post("/sign-in", "name", "approver", "password", "wrong wrong wrong")
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" || !strings.Contains(got.body, `name="password"`) {
		t.Errorf("the eleventh: %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
	}
	if got := v.post("/sign-in", "name", "admin", "password", "wrong wrong wrong"); got.status != http.StatusUnauthorized {
		t.Errorf("somebody else from here: %d", got.status)
	}
}

// A second factor that is a wrong code, a code used before, or of a half that was never begun, opens nothing.
func TestSecondStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.nobody()
	secret := w.enrol(v, "approver")
	v.post("/sign-out")
	if got := v.post("/sign-in/totp", "code", code(t, secret, 1)); got.to != "/sign-in" {
		t.Errorf("a code without a password: %d to %q", got.status, got.to)
	}
	v.post("/sign-in", "name", "approver", "password", passphrase)
	for _, wrong := range []string{"", "000000", code(t, secret, 0)} { // the last enrolled
		if got := v.post("/sign-in/totp", "code", wrong); got.status != http.StatusUnauthorized {
			t.Errorf("code %q: %d to %q", wrong, got.status, got.to)
		}
	}
	if got := v.post("/sign-in/totp", "code", code(t, secret, 1)); got.to != "/" {
		t.Errorf("the right code: %d", got.status)
	}
}
