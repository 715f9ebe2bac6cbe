package breached

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"math"
	"os"
	"path/filepath"

	"github.com/FastFilter/xorfilter"
)

// shardKeys is the most entries of one shard. Building takes about 34 bytes for each (keys 8, the library's tables 25), so some
// 36 MB whatever the size of the list.
const shardKeys = 1 << 20

// Options say what a filter is built like.
type Options struct {
	MinCount uint64            // leave out what was found in fewer places; at least 1
	Bits     int               // 8 or 16 an entry, of which 9/8 are stored
	Progress func(rows uint64) // called now and then; may be nil
	shard    int               // entries a shard, for tests
}

// Info is what a filter holds, as its header says.
type Info struct {
	Entries  uint64
	Skipped  uint64 // rows below MinCount, or given twice
	MinCount uint64
	Bits     int
	Bytes    int64
	SHA256   string
}

// FalsePositives is the share of passwords in no breach that the filter alone takes for breached.
func (i Info) FalsePositives() float64 { return math.Pow(2, -float64(i.Bits)) }

// Build writes a filter of rows, which come in order of hash, to path. The file appears there, in the place of an older one,
// only when it is whole. A list that is empty, or out of order, is refused.
func Build(ctx context.Context, rows iter.Seq2[Row, error], path string, o Options) (Info, error) {
	if o.Bits != 8 && o.Bits != 16 {
		return Info{}, errors.New("a filter has 8 or 16 bits an entry")
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".rekey-breached-*")
	if err != nil {
		return Info{}, fmt.Errorf("making the filter's file: %w", err)
	}
	info, err := buildInto(ctx, temp, rows, o)
	if err == nil {
		err = errors.Join(temp.Chmod(0o644), temp.Sync())
	}
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return Info{}, errors.Join(fmt.Errorf("building the filter: %w", err), os.Remove(temp.Name()))
	}
	return info, nil
}

// builder gathers the keys of one shard and writes shard after shard.
type builder struct {
	options Options
	out     *bufio.Writer
	sum     hash.Hash
	head    header
	dir     []shard
	keys    []uint64
	fuse    xorfilter.BinaryFuseBuilder
	last    Row
	rows    uint64
}

func buildInto(ctx context.Context, file *os.File, rows iter.Seq2[Row, error], o Options) (Info, error) {
	o.MinCount = max(o.MinCount, 1)
	if o.shard == 0 {
		o.shard = shardKeys
	}
	b := &builder{options: o, sum: sha256.New()}
	b.head = header{Magic: [8]byte([]byte(magic)), Version: version, Bits: uint32(o.Bits), MinCount: o.MinCount, Directory: uint64(headerSize)}
	if _, err := file.Seek(int64(headerSize), io.SeekStart); err != nil {
		return Info{}, fmt.Errorf("leaving room for the header: %w", err)
	}
	b.out = bufio.NewWriterSize(io.MultiWriter(file, b.sum), 1<<16)
	for row, err := range rows {
		if err == nil {
			err = b.add(ctx, row)
		}
		if err != nil {
			return Info{}, err
		}
	}
	return b.finish(file)
}

func (b *builder) add(ctx context.Context, row Row) error {
	if b.rows > 0 && bytes.Compare(row.Hash[:], b.last.Hash[:]) < 0 {
		return fmt.Errorf("row %d is out of order: take the download ordered by hash, or sort it", b.rows+1)
	}
	repeated := b.rows > 0 && row.Hash == b.last.Hash
	b.last = row
	b.rows++
	if b.rows%shardKeys == 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if b.options.Progress != nil {
			b.options.Progress(b.rows)
		}
	}
	if row.Count < b.options.MinCount || repeated {
		b.head.Skipped++
		return nil
	}
	b.head.Count++
	key := keyOf(row.Hash)
	if n := len(b.keys); n > 0 && b.keys[n-1] == key {
		return nil // another hash with the same first 64 bits: one key stands for both
	}
	if len(b.keys) == b.options.shard {
		if err := b.flush(); err != nil {
			return err
		}
	}
	b.keys = append(b.keys, key)
	return nil
}

// flush writes the gathered keys as a shard.
func (b *builder) flush() error {
	if len(b.keys) == 0 {
		return nil
	}
	s := shard{First: b.keys[0], Offset: b.head.Directory, Count: uint32(len(b.keys))}
	var err error
	if b.options.Bits == 8 {
		err = writeShard[uint8](b, &s)
	} else {
		err = writeShard[uint16](b, &s)
	}
	if err != nil {
		return err
	}
	b.head.Directory += s.fingerprints() * uint64(b.options.Bits/8)
	b.dir = append(b.dir, s)
	b.keys = b.keys[:0]
	return nil
}

func writeShard[T uint8 | uint16](b *builder, s *shard) error {
	fuse, err := xorfilter.BuildBinaryFuse[T](&b.fuse, b.keys)
	if err != nil {
		return fmt.Errorf("building a shard: %w", err)
	}
	s.Seed, s.Segment, s.Starts = fuse.Seed, fuse.SegmentLength, fuse.SegmentCountLength
	for chunk := fuse.Fingerprints; len(chunk) > 0; { // in chunks: binary.Write encodes all it is given at once
		n := min(len(chunk), 4096)
		if err := binary.Write(b.out, binary.LittleEndian, chunk[:n]); err != nil {
			return fmt.Errorf("writing a shard: %w", err)
		}
		chunk = chunk[n:]
	}
	return nil
}

// finish writes the last shard, the directory and then the header.
func (b *builder) finish(file *os.File) (Info, error) {
	if err := b.flush(); err != nil {
		return Info{}, err
	}
	if len(b.dir) == 0 {
		return Info{}, errors.New("the list holds no entry that counts")
	}
	if _, err := b.out.Write(encode(b.dir)); err != nil {
		return Info{}, fmt.Errorf("writing the directory: %w", err)
	}
	if err := b.out.Flush(); err != nil {
		return Info{}, fmt.Errorf("writing the directory: %w", err)
	}
	b.head.Shards = uint64(len(b.dir))
	b.head.Sum = b.head.seal(b.sum)
	if _, err := file.WriteAt(encode(b.head), 0); err != nil {
		return Info{}, fmt.Errorf("writing the header: %w", err)
	}
	return b.head.info(), nil
}

func (h header) info() Info {
	size := h.Directory + h.Shards*uint64(shardSize)
	return Info{Entries: h.Count, Skipped: h.Skipped, MinCount: h.MinCount, Bits: int(h.Bits), Bytes: int64(size), SHA256: hex.EncodeToString(h.Sum[:])}
}

// shardOf finds the shard that a key would be in; false: it comes before all.
func shardOf(dir []shard, key uint64) (shard, bool) {
	low, high := 0, len(dir)
	for low < high {
		if mid := (low + high) / 2; key < dir[mid].First {
			high = mid
		} else {
			low = mid + 1
		}
	}
	if low == 0 {
		return shard{}, false
	}
	return dir[low-1], true
}
