package bench_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/bench"
)

func web(t *testing.T, h http.HandlerFunc) (address string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// TestTarget holds that every answer is read to its end and counted, and that a refusal is no answer.
func TestTarget(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	address := web(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusTeapot)
		}
		served.Add(1)
		w.Write([]byte(strings.Repeat("x", 1500)))
	})
	target, err := bench.NewTarget(address, 2, func(int) []byte { return bench.Request("POST", "/good", "body", "X-A: b") })
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	if err := target.Round(20*time.Millisecond, true); err != nil {
		t.Fatal(err)
	}
	if n := int64(len(target.Times())); n == 0 || n != served.Load() {
		t.Errorf("%d times of %d answers", n, served.Load())
	}
	bad, err := bench.NewTarget(address, 1, func(int) []byte { return bench.Request("GET", "/bad", "") })
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	if err := bad.Round(20*time.Millisecond, true); err == nil {
		t.Error("a refusal counted as an answer")
	}
}

// TestPaceCountsWaiting holds that one slow answer shows in the times of those that had to wait for it.
func TestPaceCountsWaiting(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var n atomic.Int64
	stalled := make(chan struct{})
	time.AfterFunc(100*time.Millisecond, func() { close(stalled) })
	address := web(t, func(_ http.ResponseWriter, _ *http.Request) {
		<-stalled
		if n.Add(1) == 60 {
			cancel()
		}
	})
	times, err := bench.Pace(ctx, address, 500, func(int) []byte { return bench.Request("GET", "/", "") })
	if err != nil {
		t.Fatal(err)
	}
	if late := times.Quantile(0.5); late < 20*time.Millisecond {
		t.Errorf("half of the requests were due while the server stood still, and took %v at most", late)
	}
}

// TestProcess runs this program again as the one under measurement: it holds 64 MiB until it is told to end.
func TestProcess(t *testing.T) {
	if os.Getenv("BENCH_CHILD") != "" {
		block := make([]byte, 64<<20)
		for i := range block {
			block[i] = 1
		}
		end := make(chan os.Signal, 1)
		signal.Notify(end, syscall.SIGTERM)
		<-end
		runtime.KeepAlive(block)
		return
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := bench.Start(t.Context(), []string{"BENCH_CHILD=1"}, self, "-test.run", "^TestProcess$")
	if err != nil {
		t.Fatal(err)
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	mib := int64(0)
	for deadline := time.Now().Add(20 * time.Second); mib < 64 && time.Now().Before(deadline); mib = p.Peak() >> 20 {
		<-look.C
	}
	p.Stop()
	if mib < 64 || mib > 128 {
		t.Errorf("a program that holds 64 MiB peaks at %d MiB", mib)
	}
	done, err := bench.Start(t.Context(), nil, "true")
	if err != nil {
		t.Fatal(err)
	}
	if _, took, err := done.Wait(); err != nil || took <= 0 {
		t.Errorf("%v %v", took, err)
	}
	if _, err := bench.Start(t.Context(), nil, "/nothing/here"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("starting nothing: %v", err)
	}
}
