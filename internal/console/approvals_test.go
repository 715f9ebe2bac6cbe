package console

import (
	"fmt"
	"html/template"
	"strings"
	"testing"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// The second person sees some of the accounts, the warnings, and whether the numbers moved since it was asked for; others see what was asked, and no account.
func TestSecondPersonSeesWhatIsNow(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := worldOn(t, s)
		w.members(20)
		w.incident("sega-2011", "A breach")
		asked := w.asked(w.drafted("sega-2011", ""))
		path := fmt.Sprintf("/approvals/%d", asked)
		second := w.as("second")
		w.wants(second.get(path), 200, fmt.Sprintf(`data-fetch="%s/now"`, path), fmt.Sprintf(`href="%s/now"`, path), "operators' own member accounts")
		now := second.get(path + "/now")
		w.wants(now, 200, "The numbers are as they were when", "m…@example.org", "A few of the accounts", "Approve and do it")
		if strings.Contains(now.body, "data-fetch") {
			t.Error("the page would look again for good")
		}
		for _, name := range []string{"responder", "auditor"} {
			if got := w.as(name).get(path); strings.Contains(got.body, "data-fetch") || strings.Contains(got.body, "m…@example.org") {
				t.Errorf("%s sees %s", name, got.body)
			}
		}
		w.wants(w.as("auditor").get(path+"/now"), 403)

		late := "late@example.org"
		hash := "5f4dcc3b5aa765d61d8327deb882cf99"
		for n := range 3 {
			_, err := account.NewDirectory(s).Put(t.Context(), account.PutRequest{Subject: fmt.Sprint("late-", n), Email: &late, PasswordHash: &hash}, tester)
			must(t, err)
		}
		w.wants(second.get(path+"/now"), 200, "The numbers moved", "24 accounts, and 21 when it was asked for", "covered accounts: 24, and 21")

		_, err := w.desk.PrepareCampaign(t.Context(), w.person("responder"), 1)
		must(t, err)
		w.wants(second.get(path+"/now"), 200, "It would be refused", "Approving it now does nothing but end it")
		w.wants(second.post(path+"/approve"), 409)
		w.wants(second.get(path+"/now"), 200, `<span class="state void">`)
	})
}

// Acts without a number of accounts are looked at again, too.
func TestRoleChangeNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.as("admin").post("/operators/"+id(w.staff["auditor"])+"/roles", "role", string(operator.Responder), "reason", "night shift")
	w.wants(w.as("second").get("/approvals/1/now"), 200, "All is as it was when it was asked for")
}

// Lines of a plan are for people: counts in groups, times that the page turns into the viewer's zone, all else as it is.
func TestFactsOfAPlan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value string
		want        any
	}{
		{"covered accounts", "1290775", "1\u202f290\u202f775"}, {"campaign", "12345", "12345"}, {"scope", "<b>", "<b>"},
		{"locked since", "2011-06-17T12:00:00.5Z", template.HTML(`<time datetime="2011-06-17T12:00:00Z">2011-06-17 12:00:00 UTC</time>`)},
	} {
		if got := fact(desk.Fact{Name: c.name, Value: c.value}); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
