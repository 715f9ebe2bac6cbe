package token

import (
	"crypto/ecdsa"
	"crypto/rand"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseOfMintIsIdentity(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, now))
	rapid.Check(t, func(t *rapid.T) {
		number := func(least int64, name string) int64 { return rapid.Int64Range(least, math.MaxInt64).Draw(t, name) }
		issued := time.Unix(0, rapid.Int64Range(int64(time.Second), math.MaxInt64/2).Draw(t, "issued"))
		life := time.Duration(rapid.Int64Range(int64(time.Second), int64(MaxLife)).Draw(t, "life"))
		want := Claims{Account: number(1, "account"), Campaign: number(0, "campaign"), Version: number(0, "version"), Epoch: number(0, "epoch")}
		token, claims, err := ring.Mint(want.Account, want.Campaign, want.Version, want.Epoch, issued, life)
		if err != nil {
			t.Fatal(err)
		}
		want.ID, want.KeyID = claims.ID, ring.keys[0].ID
		want.IssuedAt, want.ExpiresAt = time.Unix(issued.Unix(), 0).UTC(), time.Unix(issued.Unix()+int64(life/time.Second), 0).UTC()
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Fatal(diff)
		}
		alive := time.Unix(rapid.Int64Range(issued.Unix(), want.ExpiresAt.Unix()-1).Draw(t, "alive"), 0)
		parsed, err := ring.Parse(token, alive)
		if err != nil || parsed != claims {
			t.Fatalf("%v %s", err, cmp.Diff(claims, parsed))
		}
	})
}

func TestMintRefuses(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, now))
	deny := func(name string, account, campaign, version, epoch int64, issued time.Time, life time.Duration) {
		t.Helper()
		if token, claims, err := ring.Mint(account, campaign, version, epoch, issued, life); err == nil || token != "" || claims != (Claims{}) {
			t.Errorf("%s: minted", name)
		}
	}
	deny("longer than a day", 1, 0, 0, 0, now, MaxLife+1)
	deny("no life", 1, 0, 0, 0, now, 0)
	deny("less than a second", 1, 0, 0, 0, now, time.Second-1)
	deny("negative life", 1, 0, 0, 0, now, -time.Hour)
	deny("no account", 0, 0, 0, 0, now, time.Hour)
	deny("negative account", -1, 0, 0, 0, now, time.Hour)
	deny("negative campaign", 1, -1, 0, 0, now, time.Hour)
	deny("negative version", 1, 0, -1, 0, now, time.Hour)
	deny("negative epoch", 1, 0, 0, -1, now, time.Hour)
	deny("before 1970", 1, 0, 0, 0, time.Unix(-10, 0), time.Hour)
	deny("no time", 1, 0, 0, 0, time.Time{}, time.Hour)
	deny("after 9999", 1, 0, 0, 0, time.Unix(maxUnix, 0), time.Hour)
}

func TestLongestTokenFits(t *testing.T) {
	t.Parallel()
	long := "https://" + strings.Repeat("a", maxIssuer-len("https://"))
	ring, err := NewRing(long, []Key{newKey(t, now)})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(maxUnix-int64(MaxLife/time.Second), 0)
	token, claims, err := ring.Mint(math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, at, MaxLife)
	if err != nil {
		t.Fatal(err)
	}
	if parsed, err := ring.Parse(token, at); err != nil || parsed != claims {
		t.Errorf("%d bytes: %v", len(token), err)
	}
}

func TestTokenIDsDiffer(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, now))
	seen := map[string]bool{}
	for range 1000 {
		_, claims := mint(t, ring, now, time.Hour)
		seen[claims.ID] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d ids of 1000 tokens", len(seen))
	}
}

// Whatever is accepted has one spelling: minting what was read gives the signed part back, byte by byte. So no two texts are one token to us.
func FuzzParse(f *testing.F) {
	ring := newRing(f, newKey(f, now))
	forge := forger{f, ring.keys[0].Key}
	for _, header := range []string{forge.header(), `{"alg":"none"}`} {
		for _, payload := range []string{forge.payload(), forge.payload(`"ver":3`, `"ver":3.0`), "{}"} {
			f.Add(forge.sign(header, payload), header, payload)
		}
	}
	f.Fuzz(func(t *testing.T, token, header, payload string) {
		forge := forger{t, forge.key}
		for _, token := range []string{token, forge.sign(header, payload)} { // as it came, and well signed
			claims, err := ring.ParseForReissue(token, now)
			if err != nil {
				if claims != (Claims{}) {
					t.Errorf("claims beside %v", err)
				}
				continue
			}
			again := ring.byID[claims.KeyID].header + b64.EncodeToString(claims.appendPayload(nil, ring.payload))
			if signed := token[:strings.LastIndexByte(token, '.')]; signed != again {
				t.Errorf("accepted another spelling: %q", signed)
			}
			signature, err := b64.DecodeString(token[len(again)+1:])
			if err != nil || again+"."+b64.EncodeToString(signature) != token || !isLowS(signature) {
				t.Errorf("accepted another spelling of the signature: %q", token)
			}
		}
	})
}

// BenchmarkMint reports minting as a share of raw ES256 signatures with the same key in the same run; the budget is 0.8. The two take turns, so that a busy machine slows both.
func BenchmarkMint(b *testing.B) {
	key := newKey(b, now)
	ring := newRing(b, key)
	hash := digest("the same every time")
	var raw, minted time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if _, err := ecdsa.SignASN1(rand.Reader, key.Private, hash); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, _, err := ring.Mint(42, 7, 3, 5, now, MaxLife); err != nil {
			b.Fatal(err)
		}
		raw += middle.Sub(start)
		minted += time.Since(middle)
	}
	b.ReportMetric(raw.Seconds()/minted.Seconds(), "of-raw")
	b.ReportMetric(float64(b.N)/minted.Seconds(), "mints/s")
}

func BenchmarkParse(b *testing.B) {
	ring := newRing(b, newKey(b, now))
	token, _ := mint(b, ring, now, MaxLife)
	for b.Loop() {
		if _, err := ring.Parse(token, now); err != nil {
			b.Fatal(err)
		}
	}
}
