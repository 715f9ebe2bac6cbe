package process

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// dropProgram gives the pages of the program's own file back that starting needed and hashing does not: constants, tables and code of all
// the rest of the program. They are read-only and in the file, so one that is needed after all comes back by itself; what fails is left as it is.
func dropProgram() {
	name, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range bytes.Lines(maps) {
		fields := bytes.Fields(line) // range, permissions, offset, device, inode, path
		if len(fields) < 6 || fields[1][0] != 'r' || fields[1][1] == 'w' || !bytes.Equal(fields[5], []byte(name)) {
			continue
		}
		low, high, _ := bytes.Cut(fields[0], []byte("-"))
		from, err1 := strconv.ParseUint(string(low), 16, 64)
		to, err2 := strconv.ParseUint(string(high), 16, 64)
		if err1 == nil && err2 == nil {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(from), uintptr(to-from), syscall.MADV_DONTNEED)
		}
	}
}
