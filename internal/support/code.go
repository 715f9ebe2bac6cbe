package support

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Proof is a way in which a member showed who they are.
type Proof struct{ Kind, Text string }

// Proofs are the ways that count. Knowing things about oneself is none of them: after a breach others know them too (ASVS 6.4.2).
func Proofs() []Proof { return slices.Clone(proofs) }

var proofs = []Proof{
	{"callback", "Called back on the telephone number on file"},
	{"document_in_person", "Identity document shown in person"},
	{"document_by_video", "Identity document shown in a video call"},
	{"second_factor", "Second factor of theirs, confirmed by the login service"},
	{"letter", "Word from a letter sent to the postal address on file"},
	{"vouched", "Vouched for by a contact on file, whom we called back"},
}

// ProofText is a kind of proof in words; "" for none of the list.
func ProofText(kind string) string {
	for _, p := range proofs {
		if p.Kind == kind {
			return p.Text
		}
	}
	return ""
}

// Identity is the proof that a code rests on. Note is the operator's, such as a ticket's number, without personal data.
type Identity struct {
	Proof string `json:"proof"`
	Note  string `json:"note"`
}

// maxNote is how long a note may be, in characters.
const maxNote = 200

// Check refuses a proof that is not of the list, and a note that looks as if it held an address or a telephone or document number.
func (i Identity) Check() error {
	switch {
	case ProofText(i.Proof) == "":
		return &problem.Error{Kind: problem.Unprocessable, Code: "proof", Text: "Say how the member proved who they are."}
	case len([]rune(i.Note)) > maxNote:
		return problem.Newf(problem.Unprocessable, "A note has at most %d characters.", maxNote)
	case strings.Contains(i.Note, "@") || digits(i.Note) > 8:
		return &problem.Error{Kind: problem.Unprocessable, Code: "note", Text: "The note stays in the audit log for good: no address, no telephone or document number, please."}
	}
	return nil
}

func digits(s string) (n int) {
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// Code is what is read to a member on the telephone.
type Code struct {
	Code  string    // as the coder writes it
	Email string    // the address to type with it
	Until time.Time // when it ends by itself; a use or another change of the password ends it before
}

// Grant is a second person's yes to a code: who asked may use it once, for a while.
type Grant struct {
	Approval int64
	Asker    int64
	Within   time.Duration // of the decision
}

// ErrTaken refuses a grant that is used up.
var ErrTaken = refuse("taken", "This code was shown already, or its time is over. Ask for another.")

// Speak makes a code for the member and records that it was given out, naming the proof and never the code.
// Errors: NotFound, Unprocessable for the identity, Conflict with the reason why no code would work.
func (s *Service) Speak(ctx context.Context, id int64, i Identity, g *Grant, actor audit.Actor) (Code, error) {
	if err := i.Check(); err != nil {
		return Code{}, err
	}
	if err := s.Works(ctx); err != nil {
		return Code{}, err
	}
	p, err := s.Store.SpeakCode(ctx, id, g, Member.CanGetCode, entry(actor, audit.SupportCode, audit.Detail{"proof": i.Proof, "note": i.Note}))
	if err != nil {
		return Code{}, err
	}
	now := time.Now()
	life, minted, until := spoken(s.Lives, now)
	return Code{Code: s.Coder.Code(p.ID, p.Version, p.Epoch, life, minted), Email: p.Email, Until: until}, nil
}

// Works refuses codes while resets are closed.
func (s *Service) Works(ctx context.Context) error {
	locked, err := s.Locked(ctx)
	if err == nil && locked {
		err = refuse("lockdown", "Everything is locked down: no code and no link works until that ends.")
	}
	return err
}

// CodeLives are the lives that must be among those that a reset takes: with them there is always a code that lives for 30 to 60 minutes.
var CodeLives = []time.Duration{30 * time.Minute, time.Hour}

// maxSpoken is how long a spoken code lives at most.
const maxSpoken = time.Hour

// spoken picks the life, and the hour to count it from, whose code ends last within maxSpoken. Codes are counted in whole hours (token.Coder): one ends a life
// after the end of its hour, so one of an hour ago, which nobody was given, ends sooner than one of now.
func spoken(lives []time.Duration, now time.Time) (life time.Duration, minted, until time.Time) {
	for _, l := range lives {
		for hour := now.Add(-l).UTC().Truncate(time.Hour); !hour.After(now); hour = hour.Add(time.Hour) {
			if end := hour.Add(time.Hour + l); end.Sub(now) <= maxSpoken && end.After(until) {
				life, minted, until = l, hour, end
			}
		}
	}
	return life, minted, until
}
