package demo

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// How many mails the mailbox holds, and how many bytes of them; the oldest go first.
const (
	maxMails     = 10_000
	maxMailBytes = 96 << 20
)

// Mailbox catches every mail that is handed to it, and sends none. It keeps the newest in memory.
type Mailbox struct {
	mu      sync.Mutex
	mails   []Mail // the oldest first, IDs without a gap
	pinned  map[string]bool
	kept    []Mail // to pinned addresses, beyond the bounds
	bytes   int
	last    int64
	arrived chan struct{} // closed at the next arrival
}

// Mail is one mail as it came, to one address.
type Mail struct {
	ID       int64 // from 1, in order of arrival
	At       time.Time
	From, To string // of the envelope
	Subject  string
	Raw      []byte // RFC 5322, as it came
}

// NewMailbox is empty. Mails to the pinned addresses are kept however many come after them.
func NewMailbox(pinned ...string) *Mailbox {
	b := &Mailbox{arrived: make(chan struct{}), pinned: map[string]bool{}}
	for _, address := range pinned {
		b.pinned[strings.ToLower(address)] = true
	}
	return b
}

// Deliver takes a mail in.
func (b *Mailbox) Deliver(from, to string, raw []byte) {
	m := Mail{At: time.Now(), From: from, To: to, Subject: subjectOf(raw), Raw: raw}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	m.ID = b.last
	b.mails = append(b.mails, m)
	for b.bytes += len(raw); len(b.mails) > maxMails || b.bytes > maxMailBytes; {
		b.dropOldest()
	}
	close(b.arrived)
	b.arrived = make(chan struct{})
}

func (b *Mailbox) dropOldest() {
	m := b.mails[0]
	b.mails[0] = Mail{} // the array lives on for a while, the text must not
	b.mails = b.mails[1:]
	b.bytes -= len(m.Raw)
	if b.pinned[strings.ToLower(m.To)] {
		b.kept = append(b.kept, m)
	}
}

// Total is how many mails came, those dropped since included.
func (b *Mailbox) Total() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

// Find gives mails, the newest first, that have text in the address they went to; all if it is empty.
func (b *Mailbox) Find(text string, limit int) []Mail {
	text = strings.ToLower(strings.TrimSpace(text))
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []Mail
	for _, part := range [][]Mail{b.mails, b.kept} {
		for _, m := range slices.Backward(part) {
			if len(found) == limit {
				return found
			}
			if strings.Contains(strings.ToLower(m.To), text) {
				found = append(found, m)
			}
		}
	}
	return found
}

// Mail gives one, unless it is no longer there.
func (b *Mailbox) Mail(id int64) (Mail, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, part := range [][]Mail{b.mails, b.kept} {
		if i, ok := slices.BinarySearchFunc(part, id, func(m Mail, id int64) int { return int(m.ID - id) }); ok {
			return part[i], true
		}
	}
	return Mail{}, false
}

// Next waits for the first mail to an address with an ID above after.
func (b *Mailbox) Next(ctx context.Context, to string, after int64) (Mail, error) {
	for seen := after; ; {
		m, ok, last, arrived := b.after(to, seen)
		if ok {
			return m, nil
		}
		select {
		case <-arrived:
			seen = last
		case <-ctx.Done():
			return Mail{}, ctx.Err()
		}
	}
}

func (b *Mailbox) after(to string, id int64) (m Mail, ok bool, last int64, arrived <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, part := range [][]Mail{b.kept, b.mails} {
		from, _ := slices.BinarySearchFunc(part, id+1, func(m Mail, id int64) int { return int(m.ID - id) })
		for _, m := range part[from:] {
			if strings.EqualFold(m.To, to) {
				return m, true, 0, nil
			}
		}
	}
	return Mail{}, false, b.last, b.arrived
}
