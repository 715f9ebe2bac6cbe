package demo

import (
	"crypto/md5"  // the base is of 2011
	"crypto/sha1" // the base is of 2011
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// Header is the first line of the base as a file.
const Header = "subject,email,password_hash,password_set_at,locale,created_at\n"

// WriteCSV writes the base as `rekey accounts import` takes it, in order, with all processors and in flat memory.
func (p Population) WriteCSV(w io.Writer) error {
	if _, err := io.WriteString(w, Header); err != nil {
		return fmt.Errorf("writing the base: %w", err)
	}
	err := inOrder(w, p.N, func(b []byte, i int) []byte { return p.draw(i).appendRow(b) })
	if err != nil {
		return fmt.Errorf("writing the base: %w", err)
	}
	return nil
}

// inOrder makes n lines on all processors and writes them in their order.
func inOrder(w io.Writer, n int, line func(b []byte, i int) []byte) error {
	const chunk = 4096
	lanes := make([]chan []byte, min(runtime.GOMAXPROCS(0), 8))
	free := sync.Pool{New: func() any { return []byte(nil) }}
	stop := make(chan struct{})
	defer close(stop)
	for k := range lanes {
		lanes[k] = make(chan []byte, 1)
		go func() {
			for start := k * chunk; start < n; start += len(lanes) * chunk {
				b := free.Get().([]byte)[:0]
				for i := start; i < min(start+chunk, n); i++ {
					b = line(b, i)
				}
				select {
				case lanes[k] <- b:
				case <-stop:
					return
				}
			}
		}()
	}
	for c := 0; c*chunk < n; c++ {
		b := <-lanes[c%len(lanes)]
		if _, err := w.Write(b); err != nil {
			return err
		}
		free.Put(b) //nolint:staticcheck // a header of 24 bytes for each chunk is nothing
	}
	return nil
}

func (d drawn) appendRow(b []byte) []byte {
	b = append(b, "pass-"...)
	b = appendPadded(b, d.number)
	b = append(b, ',')
	b = d.appendEmail(b)
	b = append(b, ',')
	b = d.appendHash(b)
	b = append(b, ',')
	if d.scheme != None {
		b = appendTime(b, d.changed)
	}
	b = append(b, ',')
	b = append(b, d.locale...)
	b = append(b, ',')
	b = appendTime(b, d.created)
	return append(b, '\n')
}

// appendPadded writes at least seven digits.
func appendPadded(b []byte, n int) []byte {
	for limit := 1_000_000; limit > 1 && n < limit; limit /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, int64(n), 10)
}

func appendTime(b []byte, seconds int64) []byte {
	return time.Unix(seconds, 0).UTC().AppendFormat(b, time.RFC3339)
}

func (d drawn) appendEmail(b []byte) []byte {
	b = append(b, d.word1...)
	b = append(b, d.joint...)
	b = append(b, d.word2...)
	b = strconv.AppendInt(b, int64(d.number), 10)
	b = append(b, '@')
	return append(b, d.provider...)
}

func (d drawn) appendHash(b []byte) []byte {
	var room [64]byte
	switch d.scheme {
	case MD5:
		sum := md5.Sum(d.appendPassword(room[:0]))
		return hex.AppendEncode(append(b, "md5$$"...), sum[:])
	case SHA1:
		b = append(b, "sha1$"...)
		start := len(b)
		b = hex.AppendEncode(b, []byte{byte(d.salt), byte(d.salt >> 8), byte(d.salt >> 16)})[:start+5]
		sum := sha1.Sum(d.appendPassword(append(room[:0], b[start:]...)))
		return hex.AppendEncode(append(b, '$'), sum[:])
	case Phpass:
		return d.appendPhpass(b)
	case Bcrypt:
		return append(b, bcryptHash...)
	}
	return b
}

func (d drawn) appendPassword(b []byte) []byte {
	b = append(b, "Sonic-"...)
	b = strconv.AppendInt(b, int64(d.number), 10)
	return append(b, "-spindash"...)
}

const itoa64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// appendPhpass is the portable hash of phpass at its least cost, 128 rounds.
func (d drawn) appendPhpass(b []byte) []byte {
	b = append(b, "$P$5"...)
	start := len(b)
	for k := range 8 {
		b = append(b, itoa64[d.salt>>(6*k)&63])
	}
	var room [128]byte
	sum := md5.Sum(d.appendPassword(append(room[:0], b[start:]...)))
	text := d.appendPassword(room[:md5.Size])
	for range 1 << 7 {
		copy(text, sum[:])
		sum = md5.Sum(text)
	}
	for i := 0; i < len(sum); i += 3 {
		var value uint32
		left := sum[i:min(i+3, len(sum))]
		for k, c := range left {
			value |= uint32(c) << (8 * k)
		}
		for range len(left) + 1 {
			b = append(b, itoa64[value&63])
			value >>= 6
		}
	}
	return b
}
