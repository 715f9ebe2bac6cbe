package demo

import (
	"fmt"
	"strconv"
	"time"
)

// Population is a breached user base as databases of 2011 were: N accounts, each made from Seed and its number alone, so that
// any of them can be told without making the others. The same N and Seed are the same bytes.
type Population struct {
	N    int
	Seed uint64
}

// Account is one of a population.
type Account struct {
	Number    int
	Subject   string
	Email     string
	Password  string // what its member types; "" where there is none
	Hash      string // as the login service stored it; "" where its member signs in another way
	Scheme    Scheme
	SetAt     time.Time // zero where there is no password
	Locale    string
	CreatedAt time.Time
}

// Scheme is how a password of the population is stored.
type Scheme int

// The schemes, with their shares: the mix of the founding case's time.
const (
	MD5    Scheme = iota // 55 %, Django's md5$$hex, unsalted
	SHA1                 // 25 %, Django's sha1$salt$hex
	Phpass               // 15 %, $P$5: 128 rounds
	Bcrypt               // 3 %, all of them one hash of BcryptPassword
	None                 // 2 %, single sign-on
)

// BcryptPassword is the password of every bcrypt account, and bcryptHash the public crypt_blowfish vector for it: to make
// bcrypt hashes by the ten thousand would take hours.
const (
	BcryptPassword = "U*U"
	bcryptHash     = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
)

// The breach came to light on 16 June 2011; the oldest account is of 2005.
var (
	oldest = time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	breach = time.Date(2011, 6, 16, 0, 0, 0, 0, time.UTC).Unix()
)

// weighted is a value and its share.
type weighted struct {
	name  string
	share uint64
}

// Providers are reserved names (RFC 2606): no copy of this base can ever write to a stranger.
var (
	providers = []weighted{{"warmmail.example", 22}, {"bigmail.example", 20}, {"yoohoo.example", 12}, {"warmmail.co.uk.example", 7}, {"yoohoo.co.uk.example", 4},
		{"alive.example", 4}, {"dialup.example", 4}, {"netz.de.example", 4}, {"post.de.example", 4}, {"citron.fr.example", 3}, {"libre.fr.example", 3},
		{"telecom.uk.example", 3}, {"portal.example", 2}, {"libera.it.example", 2}, {"yoohoo.co.jp.example", 2}, {"pochta.ru.example", 2},
		{"reseau.fr.example", 1}, {"suelo.es.example", 1}}
	locales = []weighted{{"en-GB", 34}, {"en-US", 24}, {"de", 12}, {"fr", 12}, {"es", 7}, {"it", 5}, {"ja", 4}, {"pt-BR", 2}}
)

var words = []string{"sonic", "tails", "knuckles", "amy", "shadow", "blaze", "cream", "eggman", "rush", "chaos", "emerald", "ring", "green", "hill", "zone", "saturn",
	"dream", "mega", "drive", "star", "blue", "hedge", "fox", "bat", "rose", "metal", "silver"}

// Password is what the member of account i types, unless its scheme is Bcrypt or None.
func Password(i int) string { return "Sonic-" + strconv.Itoa(i) + "-spindash" }

// Account makes account i, 0 ≤ i < N.
func (p Population) Account(i int) Account {
	d := p.draw(i)
	a := Account{Number: i, Subject: fmt.Sprintf("pass-%07d", i), Email: string(d.appendEmail(nil)), Hash: string(d.appendHash(nil)),
		Scheme: d.scheme, Locale: d.locale, CreatedAt: time.Unix(d.created, 0).UTC()}
	switch d.scheme {
	case None:
		return a
	case Bcrypt:
		a.Password = BcryptPassword
	default:
		a.Password = Password(i)
	}
	a.SetAt = time.Unix(d.changed, 0).UTC()
	return a
}

// Count tells how many accounts have the scheme. It makes no hash.
func (p Population) Count(s Scheme) int {
	n := 0
	for i := range p.N {
		r := p.random(i)
		if schemeOf(&r) == s {
			n++
		}
	}
	return n
}

// First gives the first account from number i on that has the scheme.
func (p Population) First(s Scheme, i int) (Account, bool) {
	for ; i < p.N; i++ {
		if r := p.random(i); schemeOf(&r) == s {
			return p.Account(i), true
		}
	}
	return Account{}, false
}

// drawn is what chance decides about an account, before any hash is made.
type drawn struct {
	number           int
	scheme           Scheme
	word1, word2     string
	joint            string
	provider, locale string
	created, changed int64
	salt             uint64
}

func (p Population) draw(i int) drawn {
	r := p.random(i)
	d := drawn{number: i, scheme: schemeOf(&r)}
	d.word1, d.word2 = words[r.below(uint64(len(words)))], words[r.below(uint64(len(words)))]
	if r.below(10) < 4 {
		const joints = "._-"
		at := r.below(uint64(len(joints)))
		d.joint = joints[at : at+1]
	}
	d.provider, d.locale = r.pick(providers), r.pick(locales)
	d.created = oldest + int64(r.below(uint64(breach-oldest)))
	d.changed = d.created
	if r.below(10) < 3 {
		d.changed += int64(r.below(uint64(breach - d.created)))
	}
	d.salt = r.next()
	return d
}

func schemeOf(r *random) Scheme {
	switch n := r.below(100); {
	case n < 55:
		return MD5
	case n < 80:
		return SHA1
	case n < 95:
		return Phpass
	case n < 98:
		return Bcrypt
	}
	return None
}

// random is SplitMix64 (Steele, Lea, Flood 2014): small state, so that every account has a generator of its own.
type random uint64

func (p Population) random(i int) random { return random(mix(p.Seed ^ mix(uint64(i)+1))) }

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return mix(uint64(*r))
}

// below is even enough for small n: the bias is n in 2^64.
func (r *random) below(n uint64) uint64 { return r.next() % n }

func (r *random) pick(table []weighted) string {
	var sum uint64
	for _, w := range table {
		sum += w.share
	}
	at := r.below(sum)
	for _, w := range table {
		if at < w.share {
			return w.name
		}
		at -= w.share
	}
	panic("a weight was drawn beyond the sum")
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
