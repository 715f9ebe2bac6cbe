package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/progress"
)

// Bounds of one stream: how often a silent one shows that it lives, and how long it lasts; the browser connects anew, and whoever lost the right to watch does not.
const (
	beat       = 15 * time.Second
	streamTime = 10 * time.Minute
)

// campaignEvents streams the progress of a campaign (WHATWG HTML §9.2, server-sent events).
func (c *Console) campaignEvents(r *call) error {
	id, err := r.id()
	if err != nil {
		return err
	}
	ctx := r.Request.Context()
	if _, err := c.o.Desk.Campaign(ctx, r.who, id); err != nil {
		return err
	}
	control := http.NewResponseController(r.Writer)
	r.Header("Content-Type", "text/event-stream")
	r.Header("X-Accel-Buffering", "no") // a proxy that gathers would hold the news back
	r.Status(http.StatusOK)
	news := c.watchers.Watch(ctx, id)
	end, pulse := time.NewTimer(streamTime), time.NewTicker(beat)
	defer end.Stop()
	defer pulse.Stop()
	for {
		if err := control.SetWriteDeadline(time.Now().Add(2 * beat)); err != nil {
			return fmt.Errorf("moving a stream's deadline: %w", err)
		}
		var text string
		select {
		case n, more := <-news:
			if !more {
				return nil
			}
			if text, err = event(n); err != nil {
				return err
			}
		case <-pulse.C:
			text = ": still here\n\n"
		case <-end.C:
			return nil
		case <-c.o.Ending:
			return nil
		}
		if _, err := r.Writer.WriteString(text); err != nil {
			return nil // who watched has gone
		}
		if err := control.Flush(); err != nil {
			return nil
		}
	}
}

// event is one count as the page's script reads it, or the sentence for a count that failed.
func event(n progress.News) (string, error) {
	if n.Err != nil {
		text, err := json.Marshal(problem.DetailsOf(n.Err, "").Detail)
		return fmt.Sprintf("event: trouble\ndata: %s\n\n", text), err
	}
	data, err := json.Marshal(map[string]any{"progress": n.Progress, "every": n.Every.Seconds(), "took": n.Took.Seconds()})
	if err != nil {
		return "", fmt.Errorf("writing an event: %w", err)
	}
	return fmt.Sprintf("data: %s\n\n", data), nil
}
