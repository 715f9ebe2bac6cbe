package delivery

import (
	"fmt"
	"testing"
)

// once fails unless each of the n members got exactly one mail.
func once(t *testing.T, w *world, n int) {
	t.Helper()
	got := w.smtpd.perAddress()
	for id := 1; id <= n; id++ {
		if c := got[fmt.Sprintf("m%d@example.net", id)]; c != 1 {
			t.Errorf("member %d got %d mails", id, c)
		}
	}
	if len(got) != n {
		t.Errorf("%d addresses got mail, want %d", len(got), n)
	}
}

func TestEveryMemberGetsOneMail(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const n = 300
		w.smtpd.start(t, smtpdOptions{})
		w.accounts(n)
		w.activate("list")
		stop := w.run(w.options())
		w.until(sentMembers, fmt.Sprint(n))
		w.until(`SELECT mailing FROM campaigns`, "done")
		stop()
		once(t, w, n)
		if got := w.text(`SELECT count(*) FROM campaign_members WHERE kind = 'reset' AND attempts = 1 AND message_id LIKE '<%@reset.example.org>' AND sent_at IS NOT NULL AND lease_owner IS NULL`); got != fmt.Sprint(n) {
			t.Errorf("%s rows are marked as they should be, want %d", got, n)
		}
	})
}
