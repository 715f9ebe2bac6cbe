package console

import (
	"net/http"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
)

// What somebody is told of a change names the address and the browser that it came from.
func TestNoticeNamesItsOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.as("auditor")
	got := v.send(http.MethodPost, "/me/tokens", map[string][]string{"label": {"laptop"}}, func(r *http.Request) {
		r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	})
	w.wants(got, http.StatusOK, "Token made")
	for {
		all, err := w.store.ClaimNotices(t.Context(), time.Hour)
		must(t, err)
		if len(all) == 0 {
			t.Fatal("nobody is told")
		}
		last := all[len(all)-1]
		if last.Action != audit.OwnTokens {
			continue // those of the others, who were added
		}
		if want := (operator.Origin{Address: "127.0.0.1", Agent: "Firefox on Linux"}); last.Origin != want || last.Name != "auditor" {
			t.Errorf("%s is told of %+v", last.Name, last.Origin)
		}
		return
	}
}
