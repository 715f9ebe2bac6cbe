package console

import (
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// The pages of the sign-in, of one's own, of the people and of the keys: readable for everybody, in light and dark, on a phone and a desk.
func TestLooks(t *testing.T) {
	t.Parallel()
	p := newOpenProvider(t)
	w := newWorld(t, atProvider(p))
	ctx, who := t.Context(), w.staff["admin"].Person(time.Now().Add(time.Minute))
	for _, c := range []struct{ name, scope string }{{"website", client.ScopeLogin}, {"nightly-import", client.ScopeImport}} {
		_, _, err := w.desk.CreateClient(ctx, who, c.name, c.scope, nil)
		must(t, err)
	}
	_, _, err := operator.CreateToken(ctx, w.store, who, "laptop", 0)
	must(t, err)
	w.session(w.staff["responder"], true)
	key, err := w.desk.SigningKeys(ctx, who)
	must(t, err)

	b := browse(t, w)
	b.Authenticator()
	b.look("sign-in", "/sign-in?next=/keys")
	b.look("enrol", "/enrol")
	b.open("/enrol#t=" + w.invites["approver"])
	b.Click("#invitation button")
	b.Says(place, "/enrol/ways")
	b.look("enrol-ways", "/enrol/ways")

	b.open("/enrol#t=" + w.invites["admin"])
	b.Click("#invitation button")
	b.Says(place, "/enrol/ways")
	b.Click("form[data-passkey] button")
	b.Says(place, "/me")
	for name, path := range map[string]string{
		"me": "/me", "confirm": "/confirm?next=/keys", "operators": "/operators", "operator": "/operators/" + id(w.staff["responder"]), "operator-new": "/new-operator",
		"operator-disable": "/operators/" + id(w.staff["responder"]) + "/disable", "operator-invite": "/operators/" + id(w.staff["responder"]) + "/invite",
		"keys": "/keys", "key-revoke": "/keys/" + key[0].ID + "/revoke", "client-new": "/new-client", "client-revoke": "/clients/website/revoke",
	} {
		b.look(name, path)
	}
	b.open("/new-client")
	b.Type("name", "monitoring")
	b.Click("main form button")
	b.Says("!!document.getElementById('secret')", "true")
	b.seen("made")
	b.open("/me")
	b.Click("form[action='/me/totp/begin'] button")
	b.Says(place, "/me/totp")
	b.look("me-totp", "/me/totp")
	b.open("/new-operator")
	b.Type("name", "grace")
	b.Type("email", "grace@example.org")
	b.Click("main form button")
	b.Says("document.querySelector('.notice.bad h2').textContent", "Nothing was done")
	b.seen("refused")
}
