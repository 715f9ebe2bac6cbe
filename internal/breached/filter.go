package breached

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"os"
)

// Filter is a filter file, opened to read. It holds the directory in memory, 36 bytes per million entries; fingerprints are read
// where they are, which the system's page cache makes quick. It is safe for concurrent use.
type Filter struct {
	file io.ReaderAt
	head header
	dir  []shard
	end  func() error
}

// OpenFilter opens a filter and reads all of it once, to refuse one that is damaged (about a second per gigabyte). The file may be
// replaced by renaming another one over it; this one goes on being read.
func OpenFilter(path string) (*Filter, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the breached-password filter: %w", err)
	}
	f := &Filter{file: file, end: file.Close}
	if err := f.load(file); err != nil {
		_ = file.Close() // the first error tells more
		return nil, err
	}
	return f, nil
}

func (f *Filter) load(file *os.File) error {
	stat, err := file.Stat()
	if err != nil {
		return fmt.Errorf("opening the breached-password filter: %w", err)
	}
	in := bufio.NewReaderSize(file, 1<<20)
	if err := binary.Read(in, binary.LittleEndian, &f.head); err != nil {
		return errCorrupt
	}
	if err := f.head.check(stat.Size()); err != nil {
		return err
	}
	sum := sha256.New()
	body := io.TeeReader(in, sum)
	if _, err := io.CopyN(io.Discard, body, int64(f.head.Directory)-int64(headerSize)); err != nil {
		return errCorrupt
	}
	f.dir = make([]shard, f.head.Shards)
	if err := binary.Read(body, binary.LittleEndian, f.dir); err != nil || f.head.seal(sum) != f.head.Sum {
		return errCorrupt
	}
	for _, s := range f.dir {
		if !s.within(f.head) {
			return errCorrupt
		}
	}
	return nil
}

// Info is what the header says.
func (f *Filter) Info() Info { return f.head.info() }

// Close ends reading; who asks after it gets an error.
func (f *Filter) Close() error { return f.end() }

// Breached is true for every password that the filter was built with, and for a share FalsePositives of all others.
func (f *Filter) Breached(pw string) (bool, error) { return f.holds(keyOf(hashOf(pw))) }

// holds looks the key up. The arithmetic is the library's (binary fuse filter, arity 3; Graf and Lemire 2022), pinned here
// because files outlive versions of it; a test compares the two.
func (f *Filter) holds(key uint64) (bool, error) {
	s, ok := shardOf(f.dir, key)
	if !ok {
		return false, nil
	}
	h := murmur64(key + s.Seed)
	high, _ := bits.Mul64(h, uint64(s.Starts))
	mask := s.Segment - 1
	first := uint32(high)
	print := uint16(h ^ h>>32)
	for _, at := range [3]uint32{first, (first + s.Segment) ^ uint32(h>>18)&mask, (first + 2*s.Segment) ^ uint32(h)&mask} {
		stored, err := f.fingerprint(s, at)
		if err != nil {
			return false, err
		}
		print ^= stored
	}
	return print&uint16(1<<f.head.Bits-1) == 0, nil
}

func (f *Filter) fingerprint(s shard, at uint32) (uint16, error) {
	var raw [2]byte
	size := int64(f.head.Bits / 8)
	if _, err := f.file.ReadAt(raw[:size], int64(s.Offset)+int64(at)*size); err != nil {
		return 0, fmt.Errorf("reading the breached-password filter: %w", err)
	}
	return binary.LittleEndian.Uint16(raw[:]), nil
}

func murmur64(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
