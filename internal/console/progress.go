package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/progress"
)

// Bounds of one stream: how often it shows that it lives and its watcher's right is looked at, and how long it lasts; the browser connects anew, and whoever lost the right to watch does not.
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
	return c.events(r, []int64{id})
}

// events answers with a stream of the counts of campaigns.
func (c *Console) events(r *call, ids []int64) error {
	news, err := c.o.Desk.Watch(r.Request.Context(), r.who, ids)
	if err != nil {
		return err
	}
	r.Header("Content-Type", "text/event-stream")
	r.Header("X-Accel-Buffering", "no") // a proxy that gathers would hold the news back
	r.Status(http.StatusOK)
	return c.stream(r, news)
}

// stream writes news until the watcher goes, may watch no more, or the process ends.
func (c *Console) stream(r *call, news <-chan progress.News) error {
	end, pulse := time.NewTimer(streamTime), time.NewTicker(c.beat)
	defer end.Stop()
	defer pulse.Stop()
	text := "retry: 2000\n\n"
	for {
		if !r.push(text) {
			return nil
		}
		select {
		case n, more := <-news:
			if !more {
				return nil
			}
			text = event(n)
		case <-pulse.C:
			if !c.mayStay(r) {
				return nil
			}
			text = ": still here\n\n"
		case <-end.C:
			return nil
		case <-c.o.Ending:
			return nil
		}
	}
}

// mayStay looks whether the session is still one and its owner may still watch. Where that can't be read now the stream goes on: the counts it shows then fail too.
func (c *Console) mayStay(r *call) bool {
	ctx := r.Request.Context()
	if live, err := c.guard.live(ctx); err != nil || !live {
		return err != nil
	}
	who, signedIn, err := c.guard.who(ctx)
	if err != nil || !signedIn {
		return err != nil
	}
	return c.o.Desk.MayOpen(ctx, who, operator.ReadProgress, r.Request.URL.Path) == nil
}

// push sends a piece of a stream at once; false: nobody takes it.
func (r *call) push(text string) bool {
	control := http.NewResponseController(r.Writer)
	if control.SetWriteDeadline(time.Now().Add(2*beat)) != nil {
		return false
	}
	if _, err := r.Writer.WriteString(text); err != nil {
		return false
	}
	return control.Flush() == nil
}

// event is one count as the page's script reads it, or the sentence for a count that failed.
func event(n progress.News) string {
	name, value := "message", any(map[string]any{"progress": n.Progress, "every": n.Every.Seconds(), "took": n.Took.Seconds()})
	if n.Err != nil {
		name, value = "trouble", any(map[string]any{"campaign": n.Campaign, "detail": problem.DetailsOf(n.Err, "").Detail})
	}
	data, err := json.Marshal(value)
	if err != nil { // numbers, times and strings always can be
		panic(err)
	}
	return fmt.Sprintf("event: %s\ndata: %s\n\n", name, data)
}
