package desk_test

import (
	"testing"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
)

// recording is a world whose desk reads the sealed log and counts.
func recording(t *testing.T, f func(w *world, keys *audit.Keys)) {
	master := secret.NewMaster()
	each(t, func(o *desk.Options) {
		s := o.Log.(*store.Store)
		keys := audit.NewKeys(s, master)
		o.Records = &desk.Records{File: s, Reports: s, Mails: s, Seals: s, Verifiers: keys.Verifiers}
		o.Progress = campaign.NewCounter(s).Read
	}, func(w *world) { f(w, audit.NewKeys(w.store, master)) })
}

// An entry is proven by the index that is shown, once a checkpoint speaks for it.
func TestAuditEntryAt(t *testing.T) {
	recording(t, func(w *world, keys *audit.Keys) {
		_, err := audit.NewSequencer(w.store, nil).SealOnce(w.Context())
		w.must(err)
		eve := w.person("eve")
		if e, err := w.desk.AuditEntryAt(w.Context(), eve, 0); err != nil || e.Proof != nil || *e.Index != 0 {
			t.Errorf("without a checkpoint: %+v %v", e, err)
		}
		_, err = keys.Ensure(w.Context(), "reset.example.com/audit", audit.Actor{Kind: audit.KindCLI, Name: "root"})
		w.must(err)
		c, _, err := audit.NewKeeper(w.store, keys).Make(w.Context())
		w.must(err)
		e, err := w.desk.AuditEntryAt(w.Context(), eve, 1)
		if err != nil || e.Proof == nil || e.Proof.Index != 1 || e.Checkpoint.Head != c.Head {
			t.Errorf("%+v %v", e, err)
		}
		_, err = w.desk.AuditEntryAt(w.Context(), eve, 9999)
		w.refused(err, problem.NotFound, "")
		nobody := operator.Program(1, "robot")
		nobody.Roles = nil
		_, err = w.desk.AuditEntryAt(w.Context(), nobody, 1)
		w.refused(err, problem.Forbidden, operator.NeedsRole)
	})
}

func TestProgress(t *testing.T) {
	recording(t, func(w *world, _ *audit.Keys) {
		p, err := w.desk.Progress(w.Context(), w.person("eve"), w.campaign)
		if err != nil || p.ID != w.campaign || p.State != campaign.Prepared {
			t.Errorf("%+v %v", p, err)
		}
		_, err = w.desk.Progress(w.Context(), w.person("eve"), 99)
		w.refused(err, problem.NotFound, "")
		nobody := operator.Program(1, "robot")
		nobody.Roles = nil
		_, err = w.desk.Progress(w.Context(), nobody, w.campaign)
		w.refused(err, problem.Forbidden, operator.NeedsRole)
	})
}
