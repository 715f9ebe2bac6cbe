package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is the right edge of an RFC 6962 Merkle tree: the hashes of its complete subtrees, largest first, which is all that is
// needed to go on and to know the root.
type tree struct {
	size  int64
	peaks []peak
}

type peak struct {
	level int // the subtree has 2^level leaves
	hash  tlog.Hash
}

// openTree loads the tree of size leaves with one read of at most 63 hashes.
func openTree(size int64, read tlog.HashReader) (*tree, error) {
	t := &tree{size: size}
	var stored []int64
	for level, lo := 62, int64(0); level >= 0; level-- {
		if size&(1<<level) != 0 {
			t.peaks = append(t.peaks, peak{level: level})
			stored = append(stored, tlog.StoredHashIndex(level, lo>>level))
			lo += 1 << level
		}
	}
	if size == 0 {
		return t, nil
	}
	hashes, err := read.ReadHashes(stored)
	if err != nil {
		return nil, fmt.Errorf("reading the edge of the audit log: %w", err)
	}
	if len(hashes) != len(stored) {
		return nil, fmt.Errorf("reading the edge of the audit log: %d hashes instead of %d", len(hashes), len(stored))
	}
	for i, h := range hashes {
		t.peaks[i].hash = h
	}
	return t, nil
}

// add appends a leaf and returns the hashes to store for it, in the order of tlog.StoredHashIndex: the leaf's own, then that
// of each subtree it completes.
func (t *tree) add(record []byte) []tlog.Hash {
	top := peak{hash: tlog.RecordHash(record)}
	hashes := []tlog.Hash{top.hash}
	for n := len(t.peaks); n > 0 && t.peaks[n-1].level == top.level; n-- {
		top = peak{level: top.level + 1, hash: tlog.NodeHash(t.peaks[n-1].hash, top.hash)}
		t.peaks = t.peaks[:n-1]
		hashes = append(hashes, top.hash)
	}
	t.peaks = append(t.peaks, top)
	t.size++
	return hashes
}

// root is the Merkle tree hash of everything added (RFC 6962 §2.1).
func (t *tree) root() tlog.Hash {
	n := len(t.peaks)
	if n == 0 {
		return emptyRoot
	}
	h := t.peaks[n-1].hash
	for i := n - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.peaks[i].hash, h)
	}
	return h
}
