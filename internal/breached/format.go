package breached

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
)

// A filter file is a header, shards, and a directory of the shards; numbers are little-endian:
//
//	header      magic "REKEYBRL", version, bits, count, min count, rows left out, directory offset, shards, SHA-256
//	shard       the fingerprints of a binary fuse filter of arity 3, bits each
//	directory   a shard's first key, seed, offset, entries, segment length, start positions
//
// Keys are the first 64 bits of the SHA-1 of a password, and shards are consecutive ranges of keys, so that a file of any size is
// built with the memory of one shard and read with three short reads. The SHA-256 is of everything after the header, and then
// of the header before it.

const (
	magic   = "REKEYBRL"
	version = 1
)

type header struct {
	Magic     [8]byte
	Version   uint32
	Bits      uint32
	Count     uint64
	MinCount  uint64
	Skipped   uint64
	Directory uint64
	Shards    uint64
	Sum       [sha256.Size]byte
}

type shard struct {
	First, Seed, Offset    uint64
	Count, Segment, Starts uint32
}

var (
	headerSize = binary.Size(header{})
	shardSize  = binary.Size(shard{})
)

// errCorrupt is a file that is not, or no longer, what was built.
var errCorrupt = errors.New("the breached-password filter is damaged or incomplete: build it anew")

// seal gives the checksum: body has everything after the header.
func (h header) seal(body hash.Hash) [sha256.Size]byte {
	encoded := encode(h)
	body.Write(encoded[:len(encoded)-sha256.Size])
	return [sha256.Size]byte(body.Sum(nil))
}

func encode(v any) []byte {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
		panic(fmt.Sprintf("breached: encoding a %T: %v", v, err)) // only fixed-size values come here
	}
	return b.Bytes()
}

// check holds the header to what this program reads and to a file of size bytes.
func (h header) check(size int64) error {
	if string(h.Magic[:]) != magic {
		return errors.New("this is no breached-password filter: rekey breached build makes one")
	}
	if h.Version != version {
		return fmt.Errorf("the breached-password filter has version %d, this program reads %d: build it anew", h.Version, version)
	}
	if h.Bits != 8 && h.Bits != 16 || h.Shards == 0 || h.Shards > uint64(size)/uint64(shardSize) ||
		h.Directory < uint64(headerSize) || h.Directory+h.Shards*uint64(shardSize) != uint64(size) {
		return errCorrupt
	}
	return nil
}

// fingerprints is how many the shard has.
func (s shard) fingerprints() uint64 { return uint64(s.Starts) + 2*uint64(s.Segment) }

// within says whether the shard can be read at all, as all can that were built.
func (s shard) within(h header) bool {
	return s.Segment > 0 && s.Segment&(s.Segment-1) == 0 && s.Starts > 0 &&
		s.Offset >= uint64(headerSize) && s.Offset+s.fingerprints()*uint64(h.Bits/8) <= h.Directory
}
