package incident

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Report is one version of the evidence report of an incident. None is ever changed.
type Report struct {
	Version int       `json:"version"` // counts from 1
	SHA256  string    `json:"sha256"`  // of the page, hex; it stands in the audit log too
	MadeBy  string    `json:"made_by"` // as in the audit log
	MadeAt  time.Time `json:"made_at"`
}

// Reports keeps evidence reports.
type Reports interface {
	// AddReport keeps the page that is made for the next version, with the entry, to which it adds version and digest. NotFound.
	AddReport(ctx context.Context, slug string, page func(version int, at time.Time) ([]byte, error), entry audit.Entry) (Report, error)
	// Reports lists an incident's, the newest first.
	Reports(ctx context.Context, slug string) ([]Report, error)
	// Report gives one with its page, byte for byte. NotFound.
	Report(ctx context.Context, slug string, version int) (Report, []byte, error)
}

// MakeReport keeps a new version of the evidence report.
func MakeReport(ctx context.Context, reports Reports, slug string, page func(version int, at time.Time) ([]byte, error), actor audit.Actor) (Report, error) {
	if err := CheckSlug(slug); err != nil {
		return Report{}, err
	}
	r, err := reports.AddReport(ctx, slug, page, audit.New(actor, audit.ReportMake, Object(slug), nil))
	if err != nil {
		return Report{}, fmt.Errorf("making a report on incident %s: %w", slug, err)
	}
	return r, nil
}

// ReadReport gives one version as it was made; a page that is not what was made is an error, never shown.
func ReadReport(ctx context.Context, reports Reports, slug string, version int) (Report, []byte, error) {
	if err := CheckSlug(slug); err != nil {
		return Report{}, nil, err
	}
	r, page, err := reports.Report(ctx, slug, version)
	if err != nil {
		return Report{}, nil, fmt.Errorf("reading report %d on incident %s: %w", version, slug, err)
	}
	if Digest(page) != r.SHA256 {
		return Report{}, nil, problem.Newf(problem.Internal, "report %d on incident %s is not the page that was made", version, slug)
	}
	return r, page, nil
}

// Digest is the SHA-256 of a page, in hex.
func Digest(page []byte) string {
	sum := sha256.Sum256(page)
	return hex.EncodeToString(sum[:])
}
