package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"github.com/seed-1c168855/rekey/internal/password"
)

// A frame is four bytes of length, big-endian as all numbers are, and as many bytes of body. What a request's body holds:
//
//	id 8 | act 1 | scheme 1 | threads 1 | cost 1 | memory 4 | time 4 | length of the stored hash, or words 2 | stored hash, or words | password
//
// and a reply's:
//
//	id 8 | status 1 | match 1 | full 4 | compared 4 | new hash, or what failed
const (
	lengthBytes  = 4
	requestBytes = 22
	replyBytes   = 18
	maxBody      = 64 << 10 // far more than a password and a stored hash within their bounds take
)

// errFrame is the end of a conversation: after a frame that cannot be read nobody knows where the next one begins.
var errFrame = errors.New("malformed frame")

// schemes are what a new hash can have, by the number that stands for it.
var schemes = []string{password.Argon2id, password.Bcrypt}

// What became of a request.
const (
	statusDone byte = iota
	statusFailed
)

type reply struct {
	id      uint64
	status  byte
	outcome password.Outcome
	failure string // of statusFailed; quotes nothing
}

// readFrame gives the next body, or io.EOF where the other side ended between two frames. Whoever takes it clears it after use.
func readFrame(in io.Reader, least int) ([]byte, error) {
	var length [lengthBytes]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n < uint32(least) || n > maxBody {
		return nil, errFrame
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(in, body); err != nil {
		clear(body)
		return nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	return body, nil
}

// requestFrame is a whole frame, length and all. Whoever writes it clears it afterwards.
func requestFrame(id uint64, j password.Job) ([]byte, error) {
	n := requestBytes + len(j.Encoded) + len(j.Password)
	if n > maxBody {
		return nil, errors.New("a password of more than 64 KiB")
	}
	scheme := byte(0)
	for i, name := range schemes {
		if name == j.Params.Scheme {
			scheme = byte(i)
		}
	}
	b := make([]byte, 0, lengthBytes+n)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	b = binary.BigEndian.AppendUint64(b, id)
	b = append(b, byte(j.Act), scheme, j.Params.Threads, byte(j.Params.Cost))
	b = binary.BigEndian.AppendUint32(b, j.Params.Memory)
	b = binary.BigEndian.AppendUint32(b, j.Params.Time)
	b = binary.BigEndian.AppendUint16(b, uint16(len(j.Encoded)))
	return append(append(b, j.Encoded...), j.Password...), nil
}

// readRequest reads a body. The job's strings are the body's own bytes, so that clearing it wipes the password: not before the job is done.
func readRequest(body []byte) (id uint64, j password.Job, err error) {
	rest := body[requestBytes:]
	split, scheme, act := int(binary.BigEndian.Uint16(body[20:])), int(body[9]), password.Act(body[8])
	if split > len(rest) || scheme >= len(schemes) || act < password.ActHash || act > password.ActEstimate {
		return 0, password.Job{}, errFrame
	}
	j = password.Job{Act: act, Encoded: overlay(rest[:split]), Password: overlay(rest[split:])}
	j.Params = password.Params{
		Scheme: schemes[scheme], Threads: body[10], Cost: int(body[11]),
		Memory: binary.BigEndian.Uint32(body[12:]), Time: binary.BigEndian.Uint32(body[16:]),
	}
	return binary.BigEndian.Uint64(body), j, nil
}

// overlay is bytes as a string, without a copy.
func overlay(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) } //nolint:gosec // the frame is never written to again

func replyFrame(r reply) []byte {
	text := r.outcome.Encoded + r.failure // never both
	b := make([]byte, 0, lengthBytes+replyBytes+len(text))
	b = binary.BigEndian.AppendUint32(b, uint32(replyBytes+len(text)))
	b = binary.BigEndian.AppendUint64(b, r.id)
	match := byte(0)
	if r.outcome.Match {
		match = 1
	}
	b = append(b, r.status, match)
	b = binary.BigEndian.AppendUint32(b, uint32(r.outcome.Full))
	b = binary.BigEndian.AppendUint32(b, uint32(r.outcome.Compared))
	return append(b, text...)
}

func readReply(body []byte) (reply, error) {
	r := reply{id: binary.BigEndian.Uint64(body), status: body[8]}
	r.outcome.Match = body[9] == 1
	r.outcome.Full = int64(binary.BigEndian.Uint32(body[10:]))
	r.outcome.Compared = int64(binary.BigEndian.Uint32(body[14:]))
	text := string(body[replyBytes:])
	switch {
	case r.status == statusDone && body[9] <= 1:
		r.outcome.Encoded = text
	case r.status == statusFailed && body[9] == 0:
		r.failure = text
	default:
		return reply{}, errFrame
	}
	return r, nil
}
