package portal

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/pow"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/server"
)

// Proofs is the proof of work that the costly forms are asked for under pressure. All but Counted are required.
type Proofs struct {
	Issuer   *pow.Issuer
	Pressure *pow.Pressure
	Limits   ratelimit.Source     // remembers spent proofs, for all processes where they share it, and how many forms came without
	Counted  func(outcome string) // told of each form that was asked for a proof; may be nil
}

// What came of asking for a proof.
const (
	ProofOK      = "ok"
	ProofMissing = "missing"
	ProofWrong   = "wrong" // malformed, foreign, too old, for less work, not worked for, or spent
)

const (
	proofField   = "proof"
	codeUnproven = "unproven"
	// everybody is the key of what all share.
	everybody = "all"
)

// asksFor is the answer of GET /proof.
type asksFor struct {
	Bits      int    `json:"bits"`
	Challenge string `json:"challenge,omitempty"` // if bits is not 0
}

// challenge tells the page's script what work is asked for now. It changes nothing and looks nothing up.
func (p *Portal) challenge(c *gin.Context) {
	var a asksFor
	if p.proofs != nil {
		now := time.Now()
		if a.Bits = p.proofs.Pressure.Bits(now); a.Bits > 0 {
			a.Challenge = p.proofs.Issuer.Challenge(pow.Forms, a.Bits, now)
		}
	}
	c.JSON(http.StatusOK, a)
}

// admit lets a form on before anything else is done for it: freely while no proof is asked for or with a good one, which is spent by it, else through
// the bucket that all forms without one share, or not. What it looks at says nothing about any account. spent is for giveBack.
func (p *Portal) admit(ctx context.Context, c *gin.Context, proof string) (spent string, err error) {
	if p.proofs == nil || p.proofs.Pressure.Bits(time.Now()) == 0 {
		return "", nil
	}
	outcome := ProofMissing
	if proof != "" {
		if spent, err = p.proofs.spend(ctx, proof); err != nil {
			return "", err
		}
		outcome = ProofWrong
	}
	if spent != "" {
		outcome = ProofOK
	}
	if p.proofs.Counted != nil {
		p.proofs.Counted(outcome)
	}
	if spent != "" {
		return spent, nil
	}
	return "", p.proofs.share(ctx, server.ClientNetwork(c))
}

// spend gives the id of a good proof that nobody sent before, "" if it is not one.
func (f *Proofs) spend(ctx context.Context, proof string) (id string, err error) {
	id, err = f.Issuer.Verify(proof, pow.Forms, f.Pressure.Least(), time.Now())
	if err != nil {
		return "", nil // a proof that is no good is as none: its sender may be honest and late
	}
	d, err := f.Limits.Take(ctx, ratelimit.ProofSpent, id, 1)
	if err != nil || !d.Allowed {
		return "", err
	}
	return id, nil
}

// share takes a place among the forms that came without proof.
func (f *Proofs) share(ctx context.Context, client string) error {
	own, err := f.Limits.Take(ctx, ratelimit.UnprovenAddress, client, 1)
	if err != nil || !own.Allowed {
		return unproven(own, err)
	}
	all, err := f.Limits.Take(ctx, ratelimit.Unproven, everybody, 1)
	if err == nil && !all.Allowed {
		err = f.Limits.Give(ctx, ratelimit.UnprovenAddress, client, 1)
	}
	return unproven(all, err)
}

// unproven is the refusal. However soon the bucket has a place again, so many wait for it that a shorter time than busyWait would be no kindness.
func unproven(d ratelimit.Decision, err error) error {
	if err != nil || d.Allowed {
		return err
	}
	return &problem.Error{Kind: problem.Limited, Code: codeUnproven, Text: "Forms without a proof of work have to wait just now. Please try again.", RetryAfter: max(d.RetryAfter, busyWait)}
}

// giveBack lets a proof be sent again where we could not do what was asked: the work was not for nothing.
func (p *Portal) giveBack(ctx context.Context, c *gin.Context, spent string, err error) {
	if spent == "" || err == nil || !problem.Is(withWait(err), problem.Unavailable) {
		return
	}
	if err := p.proofs.Limits.Give(context.WithoutCancel(ctx), ratelimit.ProofSpent, spent, 1); err != nil {
		server.Logger(c).Warn("a proof of work was not given back", "error", err)
	}
}
