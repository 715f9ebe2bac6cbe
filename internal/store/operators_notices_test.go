package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// A change of a way in and its notice stand together or not at all.
func TestNoticeStandsWithItsChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ada, _ := hire(t, s, "ada", operator.Admin)
		must(t, s.AddWay(ctx, ada.ID, operator.Ways{PasswordHash: "first", TOTPSealed: []byte("sealed")}, note(audit.OwnPassword)))
		before := got[[]operator.Notice](t)(s.ClaimNotices(ctx, time.Hour))
		if len(before) != 2 {
			t.Fatalf("notices %+v", before)
		}
		s.SetHooks(false, nil, func(doing string) error {
			if strings.Contains(doing, "claiming") {
				return nil
			}
			return errors.New("the lights went out")
		}, nil)
		if err := s.AddWay(ctx, ada.ID, operator.Ways{PasswordHash: "second"}, note(audit.OwnPassword)); err == nil {
			t.Fatal("committed")
		}
		if after := got[[]operator.Notice](t)(s.ClaimNotices(ctx, time.Hour)); len(after) != 0 {
			t.Errorf("a notice of what never was: %+v", after)
		}
		if now, _, err := s.SecretsOf(ctx, "ada"); err != nil || now.PasswordHash != "first" {
			t.Errorf("%+v %v", now, err)
		}
	})
}

// Processes that look at once share out whom they write to, and never one operator's notices.
func TestNoticesAreClaimedOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, name := range []string{"ada", "bob", "cid"} {
			o, _ := hire(t, s, name, operator.Auditor)
			must(t, s.AddWay(t.Context(), o.ID, operator.Ways{PasswordHash: "x", TOTPSealed: []byte("sealed")}, note(audit.OwnPassword)))
		}
		won := contend(9, func(int) bool {
			all, err := s.ClaimNotices(t.Context(), time.Hour)
			if err != nil {
				t.Error(err)
			}
			if len(all) != 0 && (len(all) != 2 || all[0].Operator != all[1].Operator) {
				t.Errorf("claimed %+v", all)
			}
			return len(all) > 0
		})
		for {
			all := got[[]operator.Notice](t)(s.ClaimNotices(t.Context(), time.Hour)) // those that were locked for others then
			if len(all) == 0 {
				break
			}
			won++
		}
		if won != 3 {
			t.Errorf("%d mails to 3 people", won)
		}
	})
}
