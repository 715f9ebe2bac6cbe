package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

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
	Next        *int64            `json:"next,omitempty" doc:"Give it as before for the next page. Left out: this was the last."`
}

// AuditProof proves that an entry stands in the log of a checkpoint, see audit.Inclusion.
type AuditProof struct {
	Index      int64           `json:"index"`
	Record     json.RawMessage `json:"record" doc:"The entry, byte for byte as it is sealed."`
	Proof      []string        `json:"proof" nullable:"false" doc:"Hashes in base64, leaf to root (RFC 6962)."`
	Checkpoint string          `json:"checkpoint" doc:"The newest, a signed note."`
}

func (a *Admin) proofRoutes() []adminRoute {
	return []adminRoute{
		reads("/audit/checkpoints", operator.ReadAudit, doc{id: "checkpoints", tag: tagRecords, summary: "Signed heads of the audit log, the newest first"}, a.checkpoints,
			param{"before", huma.TypeInteger, "Those with numbers below it."}),
		{method: get, path: "/audit/:index/proof", act: operator.ReadAudit, answer: typeOf[AuditProof](), serve: a.proof,
			doc: doc{id: "auditProof", tag: tagRecords, summary: "Proof that an entry stands in the log of the newest checkpoint",
				about: "As `rekey audit prove` prints it: `rekey audit verify --proof-file` takes it, without a database. 409 until a checkpoint speaks for the entry."}},
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
	for _, c := range list {
		answer.Checkpoints = append(answer.Checkpoints, AuditCheckpoint{c.N, c.Origin, c.Head.Size, c.Head.Root.String(), c.At.Unix(), c.Note})
	}
	if n := len(list); n > 0 && list[n-1].N > 1 {
		answer.Next = ptr(list[n-1].N)
	}
	answer.Verifiers = append([]string{}, keys...)
	return answer, err
}

// proof is written as it is: escaping a sign of the record, as JSON for pages has it, would be another record.
func (a *Admin) proof(r *asked) (any, error) {
	index, err := strconv.ParseInt(r.Param("index"), 10, 64)
	if err != nil || index < 0 {
		return nil, problem.New(problem.NotFound, "There is nothing at this address.")
	}
	e, err := a.o.Desk.AuditEntryAt(r.ctx, r.who, index)
	if err != nil {
		return nil, err
	}
	if e.Proof == nil {
		return nil, &problem.Error{Kind: problem.Conflict, Code: "no_checkpoint", Text: "No checkpoint speaks for this entry yet."}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e.Proof); err != nil {
		return nil, fmt.Errorf("writing a proof: %w", err)
	}
	r.Data(http.StatusOK, jsonType, text.Bytes())
	return written{}, nil
}
