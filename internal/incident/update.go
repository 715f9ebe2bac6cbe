package incident

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/problem"
)

// Update is what became known after the notice. It is public as long as the notice is.
type Update struct {
	ID          int64      `json:"id"`   // its number in commands, page anchors and the feed
	At          time.Time  `json:"at"`   // the date it carries, by which updates are ordered
	Text        string     `json:"text"` // plain text, blank lines between paragraphs
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`   // created_at unless it was corrected or retracted
	RetractedAt *time.Time `json:"retracted_at"` // nil: it stands
}

// Corrected tells whether it says something else than when it was added.
func (u Update) Corrected() bool { return u.UpdatedAt.After(u.CreatedAt) }

// UpdateChange adds an update (ID 0), corrects one, or retracts one.
type UpdateChange struct {
	Slug    string
	ID      int64      // 0: a new one
	Text    string     // required unless it is retracted
	At      *time.Time // nil: now for a new one; a corrected one keeps its date
	Retract bool       // take the one of this ID off the page; its row stays
}

func (c UpdateChange) check(now time.Time) error {
	if err := CheckSlug(c.Slug); err != nil {
		return err
	}
	switch {
	case c.Retract && (c.ID == 0 || c.Text != "" || c.At != nil):
		return problem.New(problem.Invalid, "an update is retracted by its number alone")
	case !c.Retract && (strings.TrimSpace(c.Text) == "" || !isText(c.Text, maxText)):
		return problem.Newf(problem.Invalid, "an update is UTF-8 text of 1 to %d bytes", maxText)
	case after(c.At, now):
		return problem.New(problem.Invalid, "an update cannot be of the future")
	}
	return nil
}

// act is the word for it in the audit log.
func (c UpdateChange) act() string {
	switch {
	case c.Retract:
		return "retracted"
	case c.ID != 0:
		return "corrected"
	}
	return "added"
}

// ChangeUpdate adds, corrects or retracts an update and gives the incident as it is then. An unknown slug or number is problem.NotFound; one that was
// retracted stays so.
func ChangeUpdate(ctx context.Context, store Store, c UpdateChange, actor audit.Actor) (Incident, error) {
	if err := c.check(time.Now()); err != nil {
		return Incident{}, err
	}
	i, err := store.ChangeUpdate(ctx, c, audit.New(actor, audit.IncidentUpdate, Object(c.Slug), audit.Detail{"act": c.act()}))
	if err != nil {
		return Incident{}, fmt.Errorf("changing the updates of incident %s: %w", c.Slug, err)
	}
	return i, nil
}
