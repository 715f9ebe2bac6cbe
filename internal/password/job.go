package password

import (
	"strings"
	"time"
)

// Elsewhere does a Hasher's work, and a Policy's estimates, in another place, such as a process of its own. Do returns when a job is done; where it cannot be done
// now the error is problem.Unavailable. It is called from many goroutines at once, within as many admission slots as there are.
type Elsewhere interface {
	Do(Job) (Outcome, error)
}

// Act is which of the Hasher's methods a job is, or ActEstimate.
type Act byte

// The acts, each of a Hasher's named after its method. Their values are part of what processes say to each other: the same program is at both ends.
const (
	ActHash Act = iota + 1
	ActDummy
	ActCompare
	ActVerifyFull
	ActVerifyAny
	ActEstimate // whether a new password is one that is guessed
)

// Job is one call of a Hasher or an estimate, to be done elsewhere.
type Job struct {
	Act      Act
	Params   Params // of ActEstimate none
	Encoded  string // the stored hash; empty where there is none, or none that is verifiable. Of ActEstimate what is known of the account, in words with a space between
	Password string
}

// Outcome is what came of a job: the new hash or the verdict, and the work that it took, as Count tells it.
type Outcome struct {
	Encoded        string
	Match          bool // of ActEstimate: it is guessed
	Full, Compared int64
}

// worthSending is the work of a comparison under which the way to another place takes longer than the comparison.
const worthSending = time.Millisecond

// muchMemory is what a hash takes, in bytes, that is worth collecting at once.
const muchMemory = 1 << 20

// estimateMemory is what an estimate allocates in all, in bytes, with room to spare.
const estimateMemory = 512 << 10

// Memory is what the job has allocated at once, in bytes, at most.
func (j Job) Memory() int64 {
	if j.Act == ActEstimate {
		return estimateMemory
	}
	return max(j.Params.memory(), Identify(j.Encoded).Memory)
}

// Do does the job here and now. After each hash that took much memory computed is called, so that it can be collected before the
// next one takes as much again.
func (j Job) Do(computed func()) (o Outcome, err error) {
	if j.Act == ActEstimate {
		return Outcome{Match: guessed(j.Password, strings.Fields(j.Encoded))}, nil
	}
	h, err := NewHasher(j.Params)
	if err != nil {
		return Outcome{}, err
	}
	h.computed = computed
	switch j.Act {
	case ActHash:
		o.Encoded, err = h.Hash(j.Password)
	case ActDummy:
		h.Dummy(j.Password)
	case ActCompare:
		o.Match, err = h.Compare(j.Encoded, j.Password)
	case ActVerifyFull:
		o.Match, err = h.VerifyFull(j.Encoded, j.Password)
	case ActVerifyAny:
		o.Match, err = h.VerifyAny(j.Encoded, j.Password)
	}
	o.Full, o.Compared = h.Count()
	return o, err
}

// send has a job done elsewhere and counts its work.
func (h *Hasher) send(act Act, encoded, pw string) (Outcome, error) {
	if act == ActVerifyAny && Candidates(pw) == nil { // too long for any password: one new hash, whatever it is
		act, pw = ActDummy, ""
	}
	if !Identify(encoded).Verifiable { // may be anything, of any length; nothing is computed on it
		encoded = ""
	}
	o, err := h.elsewhere.Do(Job{Act: act, Params: h.params, Encoded: encoded, Password: pw})
	h.full.Add(o.Full)
	h.compared.Add(o.Compared)
	return o, err
}

// free tells that a hash's memory is no longer used.
func (h *Hasher) free(memory int64) {
	if h.computed != nil && memory >= muchMemory {
		h.computed()
	}
}
