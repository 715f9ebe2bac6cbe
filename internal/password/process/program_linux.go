package process

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// DropProgram gives the pages of the program's own file back that starting needed and running does not: constants, tables and code of all
// the rest of the program. They are as in the file, so one that is needed after all comes back by itself; what fails is left as it is.
func DropProgram() {
	name, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	var from, to uint64 // of the mapping that the lines are about; 0, 0 where it is not to be dropped
	for line := range bytes.Lines(maps) {
		fields := bytes.Fields(line)
		switch {
		case len(fields) >= 5 && bytes.IndexByte(fields[0], ':') < 0: // range, permissions, offset, device, inode, path
			from, to = 0, 0
			if len(fields) == 6 && fields[1][1] == '-' && string(fields[5]) == name {
				from, to = addresses(fields[0])
			}
		// Nothing in it was ever written: addresses that a dynamic loader filled in and locked would come back as zeros.
		case len(fields) == 3 && string(fields[0]) == "Anonymous:" && string(fields[1]) == "0" && to > from:
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(from), uintptr(to-from), syscall.MADV_DONTNEED)
		}
	}
}

// addresses reads "from-to" in hexadecimal; 0, 0 is none.
func addresses(span []byte) (from, to uint64) {
	low, high, _ := bytes.Cut(span, []byte("-"))
	from, err1 := strconv.ParseUint(string(low), 16, 64)
	to, err2 := strconv.ParseUint(string(high), 16, 64)
	if err1 != nil || err2 != nil {
		return 0, 0
	}
	return from, to
}
