package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/audit/outside"
)

func (r *remote) MakeCheckpoint(ctx context.Context) (audit.Checkpoint, error) {
	answer, _, err := send[api.AuditCheckpoint](ctx, r, http.MethodPost, "/audit/checkpoints", nil)
	if err != nil {
		return audit.Checkpoint{}, err
	}
	return checkpointFrom(answer)
}

func checkpointFrom(a api.AuditCheckpoint) (audit.Checkpoint, error) {
	head, err := audit.ParseHead(fmt.Sprintf("%d:%s", a.Size, a.Root))
	if err != nil {
		return audit.Checkpoint{}, fmt.Errorf("reading the server's answer: %w", err)
	}
	return audit.Checkpoint{N: a.Number, Origin: a.Origin, Head: head, At: time.Unix(a.At, 0).UTC(), Note: a.Note}, nil
}

// Checkpoints asks for page after page.
func (r *remote) Checkpoints(ctx context.Context, limit int) (kept []audit.Checkpoint, places []outside.State, err error) {
	for path := "/audit/checkpoints"; path != "" && len(kept) < limit; {
		page, _, err := send[api.AuditCheckpoints](ctx, r, http.MethodGet, path, nil)
		if err != nil {
			return nil, nil, err
		}
		for _, a := range page.Checkpoints {
			c, err := checkpointFrom(a)
			if err != nil {
				return nil, nil, err
			}
			kept = append(kept, c)
		}
		places, path = nouns[outside.State](page.Places), ""
		if page.Next != nil {
			path = fmt.Sprintf("/audit/checkpoints?before=%d", *page.Next)
		}
	}
	return kept[:min(limit, len(kept))], places, nil
}

func (r *remote) ProveInclusion(ctx context.Context, index, size int64) (audit.Inclusion, error) {
	return proven[audit.Inclusion](ctx, r, fmt.Sprintf("/audit/%d/proof", index), url.Values{}, size)
}

func (r *remote) ProveConsistency(ctx context.Context, old, size int64) (audit.Consistency, error) {
	return proven[audit.Consistency](ctx, r, "/audit/consistency", url.Values{"old": {strconv.FormatInt(old, 10)}}, size)
}

// proven asks for a proof, which comes as it is printed: the record in it byte for byte.
func proven[Proof any](ctx context.Context, r *remote, path string, values url.Values, size int64) (proof Proof, err error) {
	if size != 0 {
		values.Set("size", strconv.FormatInt(size, 10))
	}
	text, _, err := send[json.RawMessage](ctx, r, http.MethodGet, withQuery(path, values), nil)
	if err != nil {
		return proof, err
	}
	if err := json.Unmarshal(text, &proof); err != nil {
		return proof, fmt.Errorf("reading the server's answer: %w", err)
	}
	return proof, nil
}
