package outside

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/audit"
)

var sample = audit.Checkpoint{N: 1, Origin: "o", Head: audit.Head{Size: 5}, At: time.Unix(1_300_000_000, 0).UTC(), Note: "o\n5\nroot\n\n— o sig\n"}

// place fails a number of times.
type place struct {
	got   []int64
	fails int
}

func (p *place) Send(_ context.Context, c audit.Checkpoint) error {
	if p.fails > 0 {
		p.fails--
		return errors.New("no answer")
	}
	p.got = append(p.got, c.N)
	return nil
}

// queue is the database's part in memory.
type queue struct {
	newest, sent int64
	next         time.Time
	tries        int
	loseNote     int // how often noting a success fails
	fault        string

	turn atomic.Int64 // orders the test's writes before the run's reads: on a fake clock nothing else that the race detector sees does
}

func (q *queue) ClaimCheckpoint(_ context.Context, _ string, lease time.Duration) (Claim, bool, error) {
	q.turn.Load()
	if q.newest <= q.sent || time.Now().Before(q.next) {
		return Claim{}, false, nil
	}
	q.next = time.Now().Add(lease)
	c := sample
	c.N = q.newest
	return Claim{c, q.tries}, true, nil
}

func (q *queue) CheckpointSent(_ context.Context, _ string, c audit.Checkpoint) error {
	if q.loseNote > 0 {
		q.loseNote--
		return errors.New("database down")
	}
	q.sent, q.next, q.tries, q.fault = c.N, time.Now(), 0, ""
	return nil
}

func (q *queue) CheckpointFailed(_ context.Context, _, fault string, pause time.Duration) error {
	q.next, q.fault = time.Now().Add(pause), fault
	q.tries++
	return nil
}

// TestCourier follows one run on a fake clock: failures are tried again with growing pauses, only the newest goes out after an
// outage, and nothing is sent twice, also where the database did not take down that it was sent.
func TestCourier(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, q, counts := &place{}, &queue{newest: 1}, map[string]int{}
		c := &Courier{Name: "file", Place: p, Queue: q, Logger: slog.New(slog.DiscardHandler), Observe: func(_, o string) { counts[o]++ }}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); c.Run(ctx) }()
		after := func(d time.Duration, want ...int64) {
			t.Helper()
			q.turn.Add(1)
			<-time.After(d)
			synctest.Wait()
			if diff := cmp.Diff(want, p.got); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
		}
		after(time.Second, 1)
		after(time.Hour, 1)
		p.fails, q.newest = 3, 2
		after(30*time.Second, 1)
		if q.fault != "no answer" || q.tries != 2 {
			t.Errorf("fault %q after %d tries", q.fault, q.tries)
		}
		q.newest = 4 // meanwhile others were made
		after(10*time.Minute, 1, 4)
		q.newest, q.loseNote = 5, 2
		after(time.Hour, 1, 4, 5)
		if q.sent != 5 || counts[Sent] != 3 || counts[Failed] != 3 {
			t.Errorf("noted up to %d, counted %v", q.sent, counts)
		}
		p.fails, q.newest = 1000, 6
		after(48*time.Hour, 1, 4, 5)
		if tries := 1000 - p.fails; tries < 48 || tries > 60 {
			t.Errorf("%d tries in two days, want about one an hour", tries)
		}
		stop()
		<-ended
	})
}

func TestFileAppends(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "checkpoints")
	for range 2 {
		if err := (File{path}).Send(t.Context(), sample); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if info, _ := os.Stat(path); err != nil || string(text) != sample.Note+"\n"+sample.Note+"\n" || info.Mode().Perm() != 0o600 {
		t.Errorf("%q, %v", text, err)
	}
	if err := (File{t.TempDir()}).Send(t.Context(), sample); err == nil {
		t.Error("a directory took a checkpoint")
	}
}

// hook is a webhook to a TLS server of the test.
func hook(t *testing.T, private bool, handler http.HandlerFunc) *Webhook {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	w := NewWebhook(server.URL+"/secret-path", []byte("0123456789abcdef01234567"), private)
	w.client.Transport.(*http.Transport).TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return w
}

// What is posted verifies as Standard Webhooks says, and has the same id when it is posted again.
func TestWebhookIsSigned(t *testing.T) {
	t.Parallel()
	var ids []string
	w := hook(t, true, func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte("0123456789abcdef01234567"))
		fmt.Fprintf(mac, "%s.%s.%s", r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body)
		if r.Header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) || r.Method != http.MethodPost {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		var p payload
		if err := json.Unmarshal(body, &p); err != nil || p.Type != "audit.checkpoint" || p.Data.Note != sample.Note || p.Data.Size != 5 {
			t.Errorf("%s", body)
		}
		ids = append(ids, r.Header.Get("webhook-id"))
		rw.WriteHeader(http.StatusAccepted)
	})
	for range 2 {
		if err := w.Send(t.Context(), sample); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids) != 2 || ids[0] != ids[1] || ids[0] == "" {
		t.Errorf("ids %q", ids)
	}
}

// A failure says what went wrong without the address; redirects are answers that are no yes.
func TestWebhookFailures(t *testing.T) {
	t.Parallel()
	var inside atomic.Int32
	for name, c := range map[string]struct {
		private bool
		answer  http.HandlerFunc
		says    string
	}{
		"refused": {true, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "answered 403"},
		"redirect": {true, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://127.0.0.1:1/", http.StatusFound)
		}, "answered 302"},
		"loopback": {false, func(http.ResponseWriter, *http.Request) { inside.Add(1) }, "not on the public internet"},
	} {
		err := hook(t, c.private, c.answer).Send(t.Context(), sample)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret-path") {
			t.Errorf("%s: %v, want it to say %q", name, err, c.says)
		}
	}
	byName := NewWebhook("https://localhost:1/", nil, false) // refused by address, not by name
	if err := byName.Send(t.Context(), sample); !errors.Is(err, errInside) {
		t.Errorf("localhost: %v", err)
	}
	if inside.Load() != 0 {
		t.Error("a loopback address was asked")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := hook(t, true, func(http.ResponseWriter, *http.Request) {}).Send(ctx, sample); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func TestOnlyPublicAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1:248:1893:25c8:1946": true, "::ffff:93.184.216.34": true,
		"127.0.0.1": false, "::1": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "192.0.2.1": false, "198.18.0.1": false, "224.0.0.1": false, "255.255.255.255": false,
		"::ffff:10.0.0.1": false, "::ffff:127.0.0.1": false, "::7f00:1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "ff02::1": false,
		"64:ff9b::a00:1": false, "2002:a00:1::1": false, "2001:db8::1": false, "fd00:ec2::254": false, "240.0.0.1": false, "0.1.2.3": false,
	} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is public: %t, want %t", address, got, want)
		}
	}
}
