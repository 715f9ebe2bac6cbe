package audit

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// CheckpointLog is the store's part in making checkpoints.
type CheckpointLog interface {
	AuditHead(ctx context.Context) (Head, error)
	AuditHashes(ctx context.Context) tlog.HashReader
	// LastCheckpoint gives the newest one, or the zero Checkpoint.
	LastCheckpoint(ctx context.Context) (Checkpoint, error)
	// AddCheckpoint stores c if the newest one's number is c.N-1. False: somebody else stored one meanwhile.
	AddCheckpoint(ctx context.Context, c Checkpoint) (bool, error)
	// AuditActed tells whether one of the acts was done and sealed at an index of from or more, below to.
	AuditActed(ctx context.Context, from, to int64, actions []Action) (bool, error)
}

// prompt are the acts after which a checkpoint is made at once: what a whole base or every link depends on.
var prompt = []Action{
	CampaignActivate, CampaignClose, CampaignCancel, LockdownOn, LockdownOff, KeyRotate, KeyRevoke, KeyRewrap, AuditKeyRotate,
	OperatorCreate, OperatorRoles,
}

// Timing of the keeper.
const (
	keepEvery = 15 * time.Second // how often it looks; an act of prompt has its checkpoint well within a minute
	keepLimit = 30 * time.Second // what one look may take
)

// What came of a look, for metrics.
const (
	CheckpointMade    = "made"
	CheckpointRefused = "refused" // the log is not one that grew from what was signed before
	CheckpointFailed  = "failed"  // the database did not answer, or the key does not open
)

// Keeper makes checkpoints of a growing log. It signs no log that has not grown out of the one it signed last, by the store's
// newest checkpoint and by what this process remembers: a database that was rolled back under it, or rewritten, gets no signature.
// Several may run at once on one database.
type Keeper struct {
	log   CheckpointLog
	keys  *Keys
	known Head  // the newest head this process has signed
	seen  int64 // up to here there is no prompt act that no checkpoint speaks for
}

// NewKeeper returns a keeper that knows nothing yet.
func NewKeeper(log CheckpointLog, keys *Keys) *Keeper { return &Keeper{log: log, keys: keys} }

// Run makes a checkpoint when the log grew and every has passed since the last, or one of the prompt acts was done. It tells
// observe what came of it and goes on after every failure.
func (k *Keeper) Run(ctx context.Context, every time.Duration, logger *slog.Logger, observe func(outcome string)) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		look, cancel := context.WithTimeout(ctx, keepLimit)
		made, err := k.look(look, every)
		cancel()
		var tampered *Tampered
		switch {
		case errors.As(err, &tampered):
			logger.ErrorContext(ctx, "no checkpoint is signed: the audit log did not grow out of what was signed before", "error", err)
			observe(CheckpointRefused)
		case err != nil && ctx.Err() == nil:
			logger.WarnContext(ctx, "making a checkpoint of the audit log failed and will be tried again", "error", err)
			observe(CheckpointFailed)
		case made:
			observe(CheckpointMade)
		}
	}
}

// look makes a checkpoint if one is due. A log that shrank is always looked at closely.
func (k *Keeper) look(ctx context.Context, every time.Duration) (made bool, err error) {
	head, err := k.log.AuditHead(ctx)
	if err != nil {
		return false, err
	}
	last, err := k.log.LastCheckpoint(ctx)
	if err != nil {
		return false, err
	}
	signed := max(last.Head.Size, k.known.Size)
	if head.Size == signed {
		return false, nil
	}
	age := time.Since(last.At)
	due := last.IsZero() || head.Size < signed || age >= every || age <= -every
	if !due {
		if due, err = k.log.AuditActed(ctx, max(last.Head.Size, k.seen), head.Size, prompt); err != nil {
			return false, err
		}
		if !due { // the next look need not read these again
			k.seen = head.Size
			return false, nil
		}
	}
	_, made, err = k.Make(ctx)
	return made, err
}

// Make signs and stores a checkpoint of the log as it is sealed now, unless the newest one speaks for all of it already. A log
// that did not grow out of what was signed before is a *Tampered and gets no signature.
func (k *Keeper) Make(ctx context.Context) (c Checkpoint, made bool, err error) {
	return k.make(ctx, nil)
}

// Handover is Make where a new key has taken an old one's place: the checkpoint is made even if the log did not grow, and the old
// key's signer signs it too, so that whoever holds the old verifier key alone can follow. Without the old signer, which is lost
// with its master key, the newest checkpoint is taken as it stands in the database.
func (k *Keeper) Handover(ctx context.Context, old note.Signer) (Checkpoint, error) {
	c, _, err := k.make(ctx, &handover{old})
	return c, err
}

type handover struct{ old note.Signer }

func (k *Keeper) make(ctx context.Context, over *handover) (c Checkpoint, made bool, err error) {
	for range 50 { // each time somebody else was faster, which is as good; not for ever
		last, head, err := k.grown(ctx, over != nil && over.old == nil)
		if err != nil {
			return Checkpoint{}, false, err
		}
		if head.Size == 0 || head == last.Head && over == nil {
			return last, false, nil
		}
		signer, err := k.keys.Signer(ctx)
		if err != nil {
			return Checkpoint{}, false, err
		}
		signers := []note.Signer{signer}
		if over != nil && over.old != nil {
			signers = append(signers, over.old)
		}
		if c, err = SignCheckpoint(head, signers...); err != nil {
			return Checkpoint{}, false, err
		}
		c.N = last.N + 1
		made, err := k.log.AddCheckpoint(ctx, c)
		if err != nil || made {
			k.known = head // also where the reply was lost: the signature may be in the world
			return c, made, err
		}
	}
	return Checkpoint{}, false, errors.New("others make checkpoints faster than this process")
}

// grown gives the newest checkpoint and the head now, after checking that the one grew out of the other. It trusts the newest
// checkpoint as it stands, or else by its signature alone.
func (k *Keeper) grown(ctx context.Context, trusting bool) (Checkpoint, Head, error) {
	last, err := k.log.LastCheckpoint(ctx) // before the head: it may only be older
	if err != nil {
		return Checkpoint{}, Head{}, err
	}
	head, err := k.log.AuditHead(ctx)
	if err != nil {
		return Checkpoint{}, Head{}, err
	}
	if !last.IsZero() && !trusting {
		vkeys, err := k.keys.Verifiers(ctx)
		if err != nil {
			return Checkpoint{}, Head{}, err
		}
		if err := last.Check(vkeys...); err != nil {
			return Checkpoint{}, Head{}, err
		}
	}
	read := k.log.AuditHashes(ctx)
	for _, old := range []Head{last.Head, k.known} {
		if err := extends(read, old, head); err != nil {
			return Checkpoint{}, Head{}, err
		}
	}
	return last, head, nil
}
