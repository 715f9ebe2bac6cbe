package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// AuditCheckpoint is a signed head of the log, see audit.Checkpoint.
type AuditCheckpoint struct {
	Number int64  `json:"number" doc:"From 1."`
	Origin string `json:"origin" doc:"The log's name."`
	Size   int64  `json:"size" doc:"How many entries it speaks for."`
	Root   string `json:"root" doc:"Of their Merkle tree (RFC 6962), base64."`
	At     int64  `json:"at" doc:"When it was stored."`
	Note   string `json:"note" doc:"The signed note (C2SP tlog-checkpoint), to keep elsewhere."`
}

// AuditCheckpoints is a list, the newest first.
type AuditCheckpoints struct {
	Checkpoints []AuditCheckpoint `json:"checkpoints" nullable:"false"`
	Verifiers   []string          `json:"verifiers" nullable:"false" doc:"The keys to verify them with, the newest first."`
	Places      []AuditPlace      `json:"places" nullable:"false" doc:"Where checkpoints are sent to, by name."`
	Next        *int64            `json:"next,omitempty" doc:"Give it as before for the next page. Left out: this was the last."`
}

// AuditPlace is how far a place outside is, see outside.State.
type AuditPlace struct {
	Place  string `json:"place" doc:"file, mail or webhook."`
	Size   int64  `json:"size" doc:"Of the last checkpoint that it took."`
	SentAt *int64 `json:"sent_at,omitempty"`
	Tries  int    `json:"tries" doc:"Failures in a row since."`
	Fault  string `json:"fault,omitempty" doc:"The last of them."`
}

// AuditProof proves that an entry stands in the log of a checkpoint, see audit.Inclusion.
type AuditProof struct {
	Index      int64           `json:"index"`
	Record     json.RawMessage `json:"record" doc:"The entry, byte for byte as it is sealed."`
	Proof      []string        `json:"proof" nullable:"false" doc:"Hashes in base64, leaf to root (RFC 6962)."`
	Checkpoint string          `json:"checkpoint" doc:"A signed note."`
}

// AuditConsistency proves that an earlier log is the beginning of a later one, see audit.Consistency.
type AuditConsistency struct {
	Old           int64    `json:"old" doc:"How many entries the earlier log has."`
	OldRoot       string   `json:"old_root" doc:"Its root, base64."`
	OldCheckpoint string   `json:"old_checkpoint,omitempty" doc:"The signed note that was kept of it, if one was."`
	Proof         []string `json:"proof" nullable:"false" doc:"Hashes in base64 (RFC 6962)."`
	Checkpoint    string   `json:"checkpoint" doc:"A signed note."`
}

var sizeParam = param{"size", huma.TypeInteger, "Against the checkpoint that was kept over exactly so many entries; unless given the newest."}

func (a *Admin) proofRoutes() []adminRoute {
	return []adminRoute{
		reads("/audit/checkpoints", operator.ReadAudit, doc{id: "checkpoints", tag: tagRecords, summary: "Signed heads of the audit log, the newest first"}, a.checkpoints,
			param{"before", huma.TypeInteger, "Those with numbers below it."}),
		does(post, "/audit/checkpoints", operator.ReadAudit, doc{id: "makeCheckpoint", tag: tagRecords, summary: "Sign how far the audit log goes now",
			about: "Where the newest checkpoint says it already, that is the answer. It goes to the places outside as every other."}, a.makeCheckpoint),
		{method: get, path: "/audit/:index/proof", act: operator.ReadAudit, answer: typeOf[AuditProof](), serve: a.proof, query: []param{sizeParam},
			doc: doc{id: "auditProof", tag: tagRecords, summary: "Proof that an entry stands in the log of a checkpoint",
				about: "As `rekey audit prove` prints it: `rekey audit verify --proof-file` takes it, without a database. 409 until a checkpoint speaks for the entry."}},
		{method: get, path: "/audit/consistency", act: operator.ReadAudit, answer: typeOf[AuditConsistency](), serve: a.consistency,
			query: []param{{"old", huma.TypeInteger, "How many entries the earlier log has. Needed."}, sizeParam},
			doc: doc{id: "auditConsistency", tag: tagRecords, summary: "Proof that the log of a checkpoint begins with an earlier one",
				about: "For whoever kept a checkpoint or head of that size. As `rekey audit prove --consistency` prints it."}},
	}
}

func (a *Admin) checkpoints(r *asked) (AuditCheckpoints, error) {
	answer := AuditCheckpoints{Checkpoints: []AuditCheckpoint{}}
	before, err := r.number("before", 1, maxIndex)
	if err != nil {
		return answer, err
	}
	if before == nil {
		before = ptr(int64(0))
	}
	list, keys, err := a.o.Desk.Checkpoints(r.ctx, r.who, *before)
	if err != nil {
		return answer, err
	}
	for _, c := range list {
		answer.Checkpoints = append(answer.Checkpoints, checkpointOf(c))
	}
	if n := len(list); n > 0 && list[n-1].N > 1 {
		answer.Next = ptr(list[n-1].N)
	}
	answer.Verifiers = append([]string{}, keys...)
	places, err := a.o.Desk.CheckpointPlaces(r.ctx, r.who)
	answer.Places = mirrorAll[AuditPlace](places)
	return answer, err
}

func checkpointOf(c audit.Checkpoint) AuditCheckpoint {
	return AuditCheckpoint{c.N, c.Origin, c.Head.Size, c.Head.Root.String(), c.At.Unix(), c.Note}
}

func (a *Admin) makeCheckpoint(r *asked, _ Nothing) (AuditCheckpoint, error) {
	c, err := a.o.Desk.MakeCheckpoint(r.ctx, r.who)
	if err != nil {
		return AuditCheckpoint{}, err
	}
	return checkpointOf(c), nil
}

func (a *Admin) proof(r *asked) (any, error) {
	index, err := strconv.ParseInt(r.Param("index"), 10, 64)
	if err != nil || index < 0 {
		return nil, problem.New(problem.NotFound, "There is nothing at this address.")
	}
	size, err := r.size("size")
	if err != nil {
		return nil, err
	}
	proof, err := a.o.Desk.ProveInclusion(r.ctx, r.who, index, size)
	if err != nil {
		return nil, err
	}
	return r.asItIs(proof)
}

func (a *Admin) consistency(r *asked) (any, error) {
	old, err := r.size("old")
	if err != nil {
		return nil, err
	}
	size, err := r.size("size")
	if err != nil {
		return nil, err
	}
	proof, err := a.o.Desk.ProveConsistency(r.ctx, r.who, old, size)
	if err != nil {
		return nil, err
	}
	return r.asItIs(proof)
}

// size is a number of entries in the query string; 0 if it is not there.
func (r *asked) size(name string) (int64, error) {
	n, err := r.number(name, 1, maxIndex)
	if n == nil {
		return 0, err
	}
	return *n, err
}

// asItIs writes a proof without escaping the signs that JSON for pages escapes: a record with them escaped would be another record.
func (r *asked) asItIs(proof any) (any, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(proof); err != nil {
		return nil, fmt.Errorf("writing a proof: %w", err)
	}
	r.Data(http.StatusOK, jsonType, text.Bytes())
	return written{}, nil
}
