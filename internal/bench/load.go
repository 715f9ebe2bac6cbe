package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Connection is one kept HTTP/1.1 connection that writes requests made beforehand, so that the client costs as little as it can and
// the same for all.
type Connection struct {
	conn net.Conn
	in   *bufio.Reader
}

// Connect dials host:port.
func Connect(address string) (*Connection, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return &Connection{conn: conn, in: bufio.NewReader(conn)}, nil
}

// Close ends it.
func (c *Connection) Close() error { return c.conn.Close() }

// errStatus is an answer that was not 200.
var errStatus = errors.New("answered not 200")

// Do sends a request and reads the answer, which must have a Content-Length; the body is thrown away.
func (c *Connection) Do(request []byte) (status int, err error) {
	if _, err := c.conn.Write(request); err != nil {
		return 0, err
	}
	length := int64(-1)
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimSpace(line)
		if first {
			if len(line) < 12 {
				return 0, fmt.Errorf("answer begins %q", line)
			}
			if status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return 0, err
			}
			continue
		}
		if len(line) == 0 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return 0, err
			}
		}
	}
	if length < 0 {
		return status, errors.New("answer without Content-Length")
	}
	_, err = io.CopyN(io.Discard, c.in, length)
	return status, err
}

// Exchange is Do for answers of any form: it gives the head and throws the body away.
func (c *Connection) Exchange(request []byte) (status int, header http.Header, err error) {
	status, header, _, err = c.Fetch(request)
	return status, header, err
}

// Fetch is Exchange that keeps the body.
func (c *Connection) Fetch(request []byte) (status int, header http.Header, body []byte, err error) {
	if _, err := c.conn.Write(request); err != nil {
		return 0, nil, nil, err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, nil, nil, err
	}
	body, err = io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header, body, errors.Join(err, answer.Body.Close())
}

// Request writes a request of HTTP/1.1. The header lines have no line ends.
func Request(method, path, body string, header ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", method, path)
	for _, h := range header {
		b.WriteString(h + "\r\n")
	}
	if body != "" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n" + body)
	return b.Bytes()
}

// Target is one server under load: its connections stay open from round to round.
type Target struct {
	conns []*Connection
	next  []int
	make  func(i int) []byte
	times Durations
	spent time.Duration
}

// NewTarget opens n connections. request makes the i-th request of a connection, any i.
func NewTarget(address string, n int, request func(i int) []byte) (*Target, error) {
	t := &Target{make: request, next: make([]int, n)}
	for i := range n {
		c, err := Connect(address)
		if err != nil {
			return nil, errors.Join(err, t.Close())
		}
		t.next[i] = i * 7919 // so that connections ask for different things
		t.conns = append(t.conns, c)
	}
	return t, nil
}

// Close ends the connections.
func (t *Target) Close() (err error) {
	for _, c := range t.conns {
		err = errors.Join(err, c.Close())
	}
	return err
}

// Round loads the server for a while, each connection with one request after the other, and keeps the times of a round that counts.
func (t *Target) Round(d time.Duration, counts bool) error {
	times := make([]Durations, len(t.conns))
	errs := make([]error, len(t.conns))
	began := time.Now()
	var all sync.WaitGroup
	for i := range t.conns {
		all.Go(func() { times[i], errs[i] = t.run(i, began.Add(d)) })
	}
	all.Wait()
	if counts {
		t.spent += time.Since(began)
		for _, some := range times {
			t.times = append(t.times, some...)
		}
	}
	return errors.Join(errs...)
}

func (t *Target) run(i int, until time.Time) (times Durations, err error) {
	for time.Now().Before(until) {
		request := t.make(t.next[i])
		t.next[i]++
		began := time.Now()
		status, err := t.conns[i].Do(request)
		if err != nil {
			return times, err
		}
		if status != 200 {
			return times, fmt.Errorf("%w: %d", errStatus, status)
		}
		times = append(times, time.Since(began))
	}
	return times, nil
}

// PerSecond is the rate over all rounds that counted.
func (t *Target) PerSecond() float64 { return float64(len(t.times)) / t.spent.Seconds() }

// Times are those of all requests that counted.
func (t *Target) Times() Durations { return t.times }

// Pace sends requests at a fixed rate until ctx ends and gives their times, each counted from when it was due: an answer that makes the
// next request late is not forgotten.
func Pace(ctx context.Context, address string, perSecond int, request func(i int) []byte) (Durations, error) {
	const conns = 8
	due := make(chan int)
	var times Durations
	var mu sync.Mutex
	var all sync.WaitGroup
	errs := make([]error, conns)
	began := time.Now()
	gap := time.Second / time.Duration(perSecond)
	for c := range conns {
		conn, err := Connect(address)
		if err != nil {
			return nil, err
		}
		all.Go(func() {
			defer conn.Close()
			for i := range due {
				status, err := conn.Do(request(i))
				if err != nil || status != 200 {
					errs[c] = errors.Join(errs[c], fmt.Errorf("%w: %d: %w", errStatus, status, err))
					continue
				}
				took := time.Since(began.Add(time.Duration(i) * gap))
				mu.Lock()
				times = append(times, took)
				mu.Unlock()
			}
		})
	}
	for i := 0; ctx.Err() == nil; i++ {
		time.Sleep(time.Until(began.Add(time.Duration(i) * gap)))
		due <- i
	}
	close(due)
	all.Wait()
	return times, errors.Join(errs...)
}
