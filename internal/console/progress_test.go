package console

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/campaign"
)

// follow opens a campaign's stream, and gives its lines until it ends.
func (v *visitorClient) follow(path string) <-chan string {
	v.w.t.Helper()
	q, err := http.NewRequestWithContext(v.w.t.Context(), http.MethodGet, v.w.url+path, nil)
	must(v.w.t, err)
	answer, err := v.http.Do(q)
	must(v.w.t, err)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		v.w.t.Fatalf("%s %v", answer.Status, answer.Header)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		defer answer.Body.Close()
		for s := bufio.NewScanner(answer.Body); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

// first is the next count of a stream.
func first(t *testing.T, lines <-chan string) campaign.Progress {
	t.Helper()
	for line := range lines {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			var news struct{ Progress campaign.Progress }
			must(t, json.Unmarshal([]byte(data), &news))
			return news.Progress
		}
	}
	t.Fatal("the stream ended without a count")
	return campaign.Progress{}
}

// ends waits until a stream is over.
func ends(t *testing.T, what string, lines <-chan string) {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		select {
		case _, more := <-lines:
			if !more {
				return
			}
		case <-late:
			t.Fatalf("%s does not end the stream", what)
		}
	}
}

// The stream counts, keeps nobody signed in, and ends with the session, with the operator, and with the process.
func TestStream(t *testing.T) {
	t.Parallel()
	ending := make(chan struct{})
	w := newWorld(t, func(f fitting) { f.console.Ending = ending })
	w.console.beat = 20 * time.Millisecond
	w.members(20)
	w.incident("sega-2011", "A breach")
	id := w.drafted("sega-2011", leak(10))
	_, err := w.desk.Approve(t.Context(), w.person("second"), w.asked(id), "")
	must(t, err)
	w.going(id)
	responder, auditor, admin := w.as("responder"), w.as("auditor"), w.as("admin")
	signedOut, disabled, stays := responder.follow("/campaigns/1/events"), auditor.follow("/campaigns/1/events"), admin.follow("/campaigns/1/events")
	if got := first(t, signedOut); got.Members != 10 || got.Delivery.Sent != 10 || got.Opened != 4 || len(got.Hours) == 0 || len(got.Locales) == 0 {
		t.Errorf("%+v", got)
	}
	first(t, disabled)
	first(t, stays)
	responder.post("/sign-out")
	ends(t, "signing out", signedOut)
	must(t, w.people.Disable(t.Context(), w.staff["auditor"].ID, w.person("admin").Actor()))
	ends(t, "disabling the operator", disabled)
	select {
	case _, more := <-stays:
		if !more {
			t.Error("somebody else's stream ended too")
		}
	case <-time.After(10 * time.Second):
		t.Error("the stream shows no life")
	}
	close(ending)
	ends(t, "the end of the process", stays)
	if got := responder.get("/campaigns/1/events"); !strings.HasPrefix(got.to, "/sign-in") {
		t.Errorf("signed out: %d to %q", got.status, got.to)
	}
}
