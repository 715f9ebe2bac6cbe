package console

import (
	"testing"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// In a real browser with an authenticator: the invitation's link, a passkey made, the sign-in with it alone, a grave act that asks for it again, a second passkey, the sign-out.
func TestPasskeyJourney(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := browse(t, w)
	b.Authenticator()

	b.open("/enrol#t=" + w.invites["admin"])
	b.Says("location.pathname + location.hash", "/enrol")
	b.Says("document.getElementById('token').closest('.field').hidden", "true")
	b.Click("#invitation button")
	b.Says(place, "/enrol/ways")
	b.Click("form[data-passkey] button")
	b.Says(place, "/me")
	b.Says("document.querySelector('tbody th').textContent", "Passkey")

	b.Click(".me summary")
	b.Click(".me button")
	b.Says(place, "/sign-in")
	b.open("/operators")
	b.Says("location.pathname + location.search", "/sign-in?next=%2Foperators")
	b.Click("form[data-passkey] button")
	b.Says(place, "/operators")

	stale := w.session(w.staff["admin"], false)
	b.setCookie(stale)
	b.open("/new-operator")
	b.Type("name", "eve")
	b.Type("email", "eve@example.org")
	b.Click("input[value=auditor]")
	b.Click("main form button")
	b.Says("location.pathname + location.search", "/confirm?next=%2Fnew-operator")
	b.Click("form[data-passkey] button")
	b.Says(place, "/new-operator")
	if all, err := w.people.List(t.Context()); err != nil || len(all) != 5 {
		t.Errorf("an operator was added although nobody confirmed: %v %v", all, err)
	}
	b.Type("name", "eve")
	b.Type("email", "eve@example.org")
	b.Click("input[value=auditor]")
	b.Click("main form button")
	b.Says(heading, "Invitation for eve")

	if got := w.entries(audit.OperatorConfirm); len(got) != 1 || got[0].Detail["by"] != string(operator.ByPasskey) {
		t.Errorf("confirmations on record: %v", got)
	}
	v := w.nobody()
	v.cookie(stale)
	if got := v.get("/me"); got.to != "/sign-in?next=%2Fme" {
		t.Errorf("the token from before the confirmation still works: %d %s", got.status, got.to)
	}
}
