package api_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// A good key that calls without end is told to wait; other people's go on, another token of the same person does not help, and the lockdown is let in.
func TestGoodKeysAreLimited(t *testing.T) {
	t.Parallel()
	b := staffed(t, storetest.SQLite(t, store.Options{}), nil)
	ann, eve := b.person("ann", true, operator.Responder), b.person("eve", true, operator.Auditor)
	until := func(key, method, path, body string, most int) (n int, answer *httptest.ResponseRecorder) {
		t.Helper()
		for n = range most + 20 {
			if answer = b.call(method, path, key, body); answer.Code == http.StatusTooManyRequests {
				return n, answer
			}
		}
		t.Fatalf("%s %s: %d calls were let in", method, path, n)
		return n, answer
	}
	n, answer := until(ann, http.MethodGet, "/campaigns/1/preview", "", ratelimit.AdminDear.Burst)
	if wait, err := strconv.Atoi(answer.Header().Get("Retry-After")); err != nil || wait < 1 || n < ratelimit.AdminDear.Burst || !strings.HasPrefix(answer.Header().Get("RateLimit"), `"admin_key"`) {
		t.Errorf("after %d previews: headers %v", n, answer.Header())
	}
	if n, _ := until(ann, http.MethodGet, "/lockdown", "", ratelimit.AdminKey.Burst); n < ratelimit.AdminKey.Burst-ratelimit.AdminDear.Burst-1 {
		t.Errorf("%d cheap calls after %d dear ones", n, ratelimit.AdminDear.Burst)
	}
	who, err := operator.NewPeople(b.store).Named(t.Context(), "ann")
	b.must(err)
	_, other, err := operator.CreateToken(t.Context(), b.store, who.Person(time.Time{}), "other", 0)
	b.must(err)
	if answer := b.call(http.MethodGet, "/lockdown", other, ""); answer.Code != http.StatusTooManyRequests {
		t.Errorf("by another token of the same person: %d", answer.Code)
	}
	if answer := b.call(http.MethodPost, "/lockdown/on", ann, `{"reason":"under attack"}`); answer.Code != http.StatusOK {
		t.Errorf("the lockdown: %d", answer.Code)
	}
	if answer := b.call(http.MethodGet, "/lockdown", eve, ""); answer.Code != http.StatusOK {
		t.Errorf("somebody else: %d", answer.Code)
	}
	until(eve, http.MethodPost, "/lockdown/on", `{"reason":"I may not"}`, ratelimit.AdminKey.Burst)
}

// What is done with a key to somebody's sign-in names where it came from, and whose key it was.
func TestNoticeOfACallNamesItsOrigin(t *testing.T) {
	t.Parallel()
	b := staffed(t, storetest.SQLite(t, store.Options{}), nil)
	ann := b.person("ann", true, operator.Admin)
	b.person("bob", false, operator.Auditor)
	if w := b.call(http.MethodPost, "/operators/2/invite", ann, "", func(r *http.Request) { r.Header.Set("User-Agent", "rekey/1.0") }); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for range 2 {
		all, err := b.store.ClaimNotices(t.Context(), time.Hour)
		b.must(err)
		last := all[len(all)-1]
		if last.Name == "bob" && (last.Action != audit.OperatorInvite || last.Origin != (operator.Origin{Address: "192.0.2.1", Agent: "rekey/1.0"}) || last.Actor.Name != "ann") {
			t.Errorf("bob is told of %+v", last)
		}
	}
}
