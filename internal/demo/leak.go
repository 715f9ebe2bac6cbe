package demo

import (
	"bytes"
	"fmt"
	"io"
	"math/bits"
	"strconv"
)

// Leak is the list an operator is handed after a breach: the e-mail of every account in random order, with the noise such lists
// have. The counts are lines.
type Leak struct {
	Known     int // one for each account, 0.5 % of them in capitals
	Twice     int // 0.2 %, known ones again
	Strangers int // 0.5 %, addresses of nobody here
	Invalid   int // 0.05 %, no addresses at all
}

// Lines is how many there are after the header.
func (l Leak) Lines() int { return l.Known + l.Twice + l.Strangers + l.Invalid }

// Leak tells what is in the list.
func (p Population) Leak() Leak {
	return Leak{Known: p.N, Twice: max(1, p.N/500), Strangers: max(1, p.N/200), Invalid: max(1, p.N/2000)}
}

// WriteLeak writes the list as CSV with one column, email, in flat memory: the order is a permutation that is computed, not kept.
func (p Population) WriteLeak(w io.Writer) error {
	if _, err := io.WriteString(w, "email\n"); err != nil {
		return fmt.Errorf("writing the leaked list: %w", err)
	}
	leak := p.Leak()
	order, again := permutation{n: uint64(leak.Lines()), key: p.Seed + 1}, permutation{n: uint64(p.N), key: p.Seed + 2}
	err := inOrder(w, leak.Lines(), func(b []byte, j int) []byte {
		return append(p.appendLeaked(b, int(order.at(uint64(j))), again), '\n')
	})
	if err != nil {
		return fmt.Errorf("writing the leaked list: %w", err)
	}
	return nil
}

// appendLeaked writes line k of the list as it was before it was shuffled.
func (p Population) appendLeaked(b []byte, k int, again permutation) []byte {
	leak := p.Leak()
	if k < leak.Known {
		start := len(b)
		b = p.draw(k).appendEmail(b)
		r := p.random(k)
		if mix(uint64(r)+1)%200 == 0 {
			copy(b[start:], bytes.ToUpper(b[start:]))
		}
		return b
	}
	if k -= leak.Known; k < leak.Twice {
		return p.draw(int(again.at(uint64(k)))).appendEmail(b)
	}
	if k -= leak.Twice; k < leak.Strangers {
		return append(strconv.AppendInt(append(b, "stranger"...), int64(k), 10), "@example.net"...)
	}
	return strconv.AppendInt(append(b, "not an address "...), int64(k-leak.Strangers), 10)
}

// permutation puts 0…n-1 in an order that looks random: a Feistel network over the next even number of bits, walked until it falls below n.
type permutation struct{ n, key uint64 }

func (p permutation) at(i uint64) uint64 {
	half := (bits.Len64(p.n-1) + 1) / 2
	mask := uint64(1)<<half - 1
	for {
		left, right := i>>half, i&mask
		for round := range uint64(4) {
			left, right = right, left^mix(right^mix(p.key+round))&mask
		}
		if i = left<<half | right; i < p.n {
			return i
		}
	}
}
