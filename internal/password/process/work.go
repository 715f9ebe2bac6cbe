package process

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"syscall"
	"time"

	"github.com/seed-1c168855/rekey/internal/password"
)

// Main is the whole of a hashing process: it makes itself small, polite and silent, answers requests on standard input until that ends,
// and gives the exit status. It ends with its input alone, so that its parent can finish what is in flight: signals that ask a whole
// group or service to end are not for it.
func Main() int {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := harden(); err != nil {
		return 1
	}
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 2)) // one more than there can be slots: who reads and answers never waits for a hash
	DropProgram()
	if err := serve(os.Stdin, os.Stdout); err != nil {
		return 1
	}
	return 0
}

// serve answers requests until the input ends, and does not wait for those in flight then: nobody is left to read their answers. A frame
// that is none is an error.
func serve(in io.Reader, out io.Writer) error {
	w := &work{out: out, heap: newHeap()}
	for {
		body, err := readFrame(in, requestBytes)
		if errors.Is(err, io.EOF) && !errors.Is(err, errFrame) {
			return nil
		}
		if err != nil {
			return err
		}
		id, job, err := readRequest(body)
		if err != nil {
			clear(body)
			return err
		}
		go w.do(id, job, body)
	}
}

type work struct {
	heap *heap

	mu  sync.Mutex // of one reply after the other
	out io.Writer
}

func (w *work) do(id uint64, job password.Job, body []byte) {
	memory := job.Memory()
	w.heap.grow(memory)
	outcome, err := job.Do(runtime.GC)
	clear(body)
	w.heap.shrink(memory)
	r := reply{id: id, outcome: outcome}
	if err != nil {
		r.status, r.failure = statusFailed, err.Error()
		r.outcome.Match, r.outcome.Encoded = false, ""
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = w.out.Write(replyFrame(r)) // if nobody reads, the input has ended too
}

// heap keeps the process as small as what is being computed. Blocks are collected as soon as they are free (see Job.Do), which costs
// little where nothing else lives; the limit makes the runtime give the pages of old ones back before it takes new ones elsewhere; and
// what is left after a storm goes back once nothing was to do for a while.
type heap struct {
	base int64

	mu          sync.Mutex
	used, limit int64
	quiet       *time.Timer
}

const (
	slack     = 1 << 18 // beside hashes' blocks: stacks, frames, small change
	quietTime = 200 * time.Millisecond
)

func newHeap() *heap {
	debug.FreeOSMemory()
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	h := &heap{base: int64(sample[0].Value.Uint64()-sample[1].Value.Uint64()) + slack}
	h.quiet = time.AfterFunc(time.Hour, h.release)
	h.quiet.Stop()
	return h
}

func (h *heap) grow(memory int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.quiet.Stop()
	h.used += memory
	if h.used > h.limit {
		h.limit = h.used
		debug.SetMemoryLimit(h.base + h.limit)
	}
}

func (h *heap) shrink(memory int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.used -= memory
	if h.used == 0 {
		h.quiet.Reset(quietTime)
	}
}

func (h *heap) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.used == 0 {
		h.limit = 0
		debug.FreeOSMemory()
	}
}
