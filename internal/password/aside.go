package password

import (
	"runtime"
	"sync"
)

// processors is what hashing may keep busy: how many of the runtime's there were before room was made for it.
var processors = runtime.GOMAXPROCS(0)

// room gives the runtime as many processors again as hashing may use, so that hashing takes none away from everything else. The
// operating system then decides who runs, and hashing asks it to come last. With only as many as there are, each request beside a
// storm of hashing would wait a time slice of ten milliseconds at each of its steps.
var room = sync.OnceFunc(func() { runtime.GOMAXPROCS(2 * processors) })

// aside does work on a thread of its own that yields to others, and returns when it is done. The thread ends with the work, for
// without privileges a priority once lowered stays; making one takes some 50 µs, a thousandth of a hash.
func aside(work func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: so the thread ends with this goroutine
		yieldToOthers()
		work()
	}()
	<-done
}
