package breached

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Range asks the range API of Pwned Passwords, or a mirror: five hex digits of the SHA-1 go out, all hashes that begin with them
// come back, padded so that their number tells nothing (k-anonymity). It is safe for concurrent use.
type Range struct {
	base    string
	min     uint64
	timeout time.Duration
	client  *http.Client
	cache   rangeCache
}

const (
	longestRange = 4 << 20 // bytes; real ones have some 80 KB
	connections  = 32      // to the API at once
	cachedRanges = 128     // of 8 bytes a row: 2 MB
	cachedFor    = time.Hour
)

// NewRange asks base + "/" + prefix. Passwords found in fewer than minCount places do not count. One question takes at most timeout.
// Certificates are verified (SSL_CERT_FILE names an authority of your own), redirects refused, and HTTPS_PROXY is used.
func NewRange(base string, minCount uint64, timeout time.Duration) *Range {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxConnsPerHost, transport.MaxIdleConnsPerHost = connections, connections
	return &Range{
		base: strings.TrimSuffix(base, "/"), min: max(minCount, 1), timeout: timeout,
		client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		cache:  rangeCache{ranges: map[string]cachedRange{}, now: time.Now},
	}
}

// Close ends idle connections.
func (r *Range) Close() error {
	r.client.CloseIdleConnections()
	return nil
}

// Breached compares 84 bits of the hash. No, or no sensible, answer is an error; so is an empty one, for no range is empty.
func (r *Range) Breached(pw string) (bool, error) {
	h := hashOf(pw)
	digits := strings.ToUpper(hex.EncodeToString(h[:]))
	prefix := digits[:prefixDigits]
	keys, ok := r.cache.get(prefix)
	if !ok {
		var err error
		if keys, err = r.fetch(prefix); err != nil {
			return false, fmt.Errorf("asking for a range of breached passwords: %w", err)
		}
		r.cache.put(prefix, keys)
	}
	_, found := slices.BinarySearch(keys, suffixKey(h))
	return found, nil
}

// suffixKey is the 64 bits after the prefix.
func suffixKey(h [20]byte) uint64 { return binary.BigEndian.Uint64(h[2:])<<4 | uint64(h[10])>>4 }

func (r *Range) fetch(prefix string) ([]uint64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/"+prefix, nil)
	if err != nil {
		return nil, withoutURL(err)
	}
	request.Header.Set("Add-Padding", "true")
	request.Header.Set("User-Agent", "rekey")
	response, err := r.client.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer was %s", response.Status)
	}
	return r.parse(prefix, &io.LimitedReader{R: response.Body, N: longestRange})
}

// withoutURL is what went wrong without the address asked, which ends in digits of a password's hash.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// parse gives the keys of the rows that count, sorted. Rows of padding have count 0.
func (r *Range) parse(prefix string, body *io.LimitedReader) ([]uint64, error) {
	keys, rows := []uint64{}, 0
	lines := bufio.NewScanner(body)
	for ; lines.Scan(); rows++ {
		row, err := parseRow(prefix, lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("a line of the answer %w", err)
		}
		if row.Count >= r.min {
			keys = append(keys, suffixKey(row.Hash))
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if body.N <= 0 {
		return nil, errors.New("the answer was too long")
	}
	if rows == 0 {
		return nil, errors.New("the answer was empty")
	}
	slices.Sort(keys)
	return slices.Clip(keys), nil
}

// rangeCache keeps the newest ranges, so that somebody who tries again asks nobody again.
type rangeCache struct {
	mu     sync.Mutex
	now    func() time.Time
	ranges map[string]cachedRange
	order  []string // oldest first
}

type cachedRange struct {
	keys []uint64
	at   time.Time
}

func (c *rangeCache) get(prefix string) ([]uint64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.ranges[prefix]
	return r.keys, ok && c.now().Sub(r.at) < cachedFor
}

func (c *rangeCache) put(prefix string, keys []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.ranges[prefix]; !ok {
		if len(c.order) == cachedRanges {
			delete(c.ranges, c.order[0])
			c.order = c.order[1:]
		}
		c.order = append(c.order, prefix)
	}
	c.ranges[prefix] = cachedRange{keys: keys, at: c.now()}
}
