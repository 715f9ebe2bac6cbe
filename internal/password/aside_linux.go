package password

import "syscall"

// niceness of hashing: at 10 it gets a tenth of a processor that somebody else wants too, and all of an idle one (sched(7)).
const niceness = 10

// yieldToOthers lowers the priority of the calling thread alone: on Linux niceness is a thread's own (setpriority(2), BUGS).
// Where that is refused, hashing goes on as before.
func yieldToOthers() { _ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, niceness) }
