package reset_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
	"github.com/seed-1c168855/rekey/internal/token"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const (
	issuer      = "https://accounts.example.com"
	oldPassword = "the lantern of long ago"
	newPassword = "a quite different one"
)

var (
	tester = audit.Actor{Kind: audit.KindCLI, Name: "test"}
	client = netip.MustParseAddr("192.0.2.7")
)

// bundle is the service on a real store with one account at member@example.com whose password is oldPassword.
type bundle struct {
	*reset.Service
	t      *testing.T
	store  *store.Store
	master secret.Master
	id     int64
}

func each(t *testing.T, f func(b *bundle)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) { f(newBundle(t, s)) })
}

func newBundle(t *testing.T, s *store.Store) *bundle {
	t.Helper()
	ctx := context.Background()
	master := secret.NewMaster()
	hasher, err := password.NewHasher(password.DefaultParams())
	if err != nil {
		t.Fatal(err)
	}
	admission, err := password.NewAdmission(256<<20, hasher.Memory(), 1000, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	keys := reset.NewKeys(s, master, issuer)
	if err := keys.Ensure(ctx, tester); err != nil {
		t.Fatal(err)
	}
	b := &bundle{t: t, store: s, master: master, Service: &reset.Service{
		Store: s, Keys: keys, Coder: token.NewCoder(master), Hasher: hasher, Admission: admission, Policy: password.DefaultPolicy(),
		Limits:    ratelimit.NewMemory(10000, time.Now),
		LimitKeys: ratelimit.NewKeyer(func(parts ...string) []byte { return master.MAC(secret.LimitKey, parts...) }),
		Fold:      account.EmailKey, Failures: func(id int64) []byte { return account.FailureKey(master, id) },
		Lives: []time.Duration{24 * time.Hour, time.Hour}, Name: "Example",
	}}
	b.id = b.add("member")
	return b
}

func (b *bundle) add(subject string) int64 {
	b.t.Helper()
	ctx := context.Background()
	hash, err := b.Hasher.Hash(oldPassword)
	if err != nil {
		b.t.Fatal(err)
	}
	directory := account.NewDirectory(b.store)
	_, err = directory.Put(ctx, account.PutRequest{Subject: subject, Email: new("member@example.com"), PasswordHash: &hash, PasswordSetAt: past(), CreatedAt: past()}, tester)
	if err != nil {
		b.t.Fatal(err)
	}
	login, ok, err := b.store.LoginFor(ctx, false, subject)
	if err != nil || !ok {
		b.t.Fatalf("%v %v", ok, err)
	}
	return login.ID
}

func past() *time.Time {
	t := time.Now().Add(-24 * time.Hour)
	return &t
}

func (b *bundle) credential() reset.Credential {
	b.t.Helper()
	c, ok, err := b.store.Credential(context.Background(), b.id)
	if err != nil || !ok {
		b.t.Fatalf("%v %v", ok, err)
	}
	return c
}

func (b *bundle) mint(issued time.Time, life time.Duration) string {
	b.t.Helper()
	ring, err := b.Keys.Ring(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	c := b.credential()
	text, _, err := ring.Mint(c.ID, 0, c.Version, c.Epoch, issued, life)
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

func (b *bundle) kill() {
	b.t.Helper()
	ctx := context.Background()
	c := campaign.On(b.store, account.EmailKey, nil)
	k, err := c.Create(ctx, campaign.CreateRequest{Incident: "breach", Scope: campaign.Everyone}, tester)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := c.Prepare(ctx, k.ID, tester); err != nil {
		b.t.Fatal(err)
	}
	if _, err := c.Activate(ctx, k.ID, campaign.ActivateRequest{}, tester); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) want(doing string, err error, kind problem.Kind) {
	b.t.Helper()
	if !problem.Is(err, kind) {
		b.t.Errorf("%s: %v; want %s", doing, err, kind.Slug())
	}
}

func (b *bundle) ok(doing string, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%s: %v", doing, err)
	}
}

func submission(tok, pw string) reset.Submission {
	return reset.Submission{Token: tok, Password: pw, Confirm: pw, Client: client}
}

// A link sets the password once; then it, its siblings and the code beside it are dead.
func TestLinkWorksOnce(t *testing.T) {
	each(t, func(b *bundle) {
		ctx := context.Background()
		b.kill()
		now := time.Now()
		link, sibling := b.mint(now, time.Hour), b.mint(now, time.Hour)
		c := b.credential()
		code := b.Coder.Code(c.ID, c.Version, c.Epoch, time.Hour, now)
		for range 3 {
			b.ok("looking", b.Check(ctx, link, client))
		}
		b.ok("redeeming", b.Redeem(ctx, submission(link, newPassword)))
		b.want("the link again", b.Redeem(ctx, submission(link, "yet another password")), problem.Gone)
		b.want("its sibling", b.Redeem(ctx, submission(sibling, "yet another password")), problem.Gone)
		b.want("looking again", b.Check(ctx, link, client), problem.Gone)
		b.want("the code", b.Redeem(ctx, reset.Submission{Email: "member@example.com", Code: code, Password: newPassword, Confirm: newPassword}), problem.Gone)
	})
}

// Which links are refused, and as what.
func TestDeadLinks(t *testing.T) {
	each(t, func(b *bundle) {
		ctx := context.Background()
		now := time.Now()
		good := b.mint(now, time.Hour)
		b.want("not ours", b.Redeem(ctx, submission("not.a.token", newPassword)), problem.Invalid)
		b.want("changed", b.Check(ctx, good[:len(good)-8]+"AAAAAAAA", client), problem.Invalid)
		b.want("nothing", b.Check(ctx, "", client), problem.Invalid)
		b.want("expired", b.Check(ctx, b.mint(now.Add(-2*time.Hour), time.Hour), client), problem.Gone)
		b.kill()
		b.want("older than an activation", b.Redeem(ctx, submission(good, newPassword)), problem.Gone)
		fresh := b.mint(now, time.Hour)
		b.ok("one minted since", b.Check(ctx, fresh, client))
		directory := account.NewDirectory(b.store)
		if _, err := directory.Put(ctx, account.PutRequest{Subject: "member", Email: new("moved@example.com")}, tester); err != nil {
			b.t.Fatal(err)
		}
		b.want("after the address changed", b.Redeem(ctx, submission(fresh, newPassword)), problem.Gone)
	})
}

// The typed code finds its account among several at one address, in any spelling, and nothing tells a wrong one from an unknown address.
func TestTypedCode(t *testing.T) {
	each(t, func(b *bundle) {
		ctx := context.Background()
		second := b.add("sibling")
		c, _, err := b.store.Credential(ctx, second)
		if err != nil {
			b.t.Fatal(err)
		}
		code := b.Coder.Code(c.ID, c.Version, c.Epoch, 24*time.Hour, time.Now().Add(-23*time.Hour))
		try := func(email, code string) error {
			return b.Redeem(ctx, reset.Submission{Email: email, Code: code, Password: newPassword, Confirm: newPassword, Client: client})
		}
		wrong, unknown := try("member@example.com", "0000-0000-0000"), try("nobody@example.com", code)
		b.want("a wrong code", wrong, problem.Gone)
		b.want("an unknown address", unknown, problem.Gone)
		if wrong.Error() != unknown.Error() {
			b.t.Errorf("a wrong code says %q, an unknown address %q", wrong, unknown)
		}
		b.want("no code", try("member@example.com", ""), problem.Gone)
		b.ok("the code, spelled freely", try("Member@EXAMPLE.com", " "+strings.ToLower(strings.ReplaceAll(code, "-", " "))))
		after, _, err := b.store.Credential(ctx, second)
		if err != nil || after.Version != c.Version+1 || b.credential().Version != 1 {
			b.t.Errorf("the code of the second account changed versions to %d and %d (%v)", after.Version, b.credential().Version, err)
		}
		for range ratelimit.CodePair.Burst {
			_ = try("member@example.com", "0000-0000-0000")
		}
		b.want("guessing on", try("member@example.com", "0000-0000-0000"), problem.Limited)
		b.ok("a link meanwhile", b.Redeem(ctx, submission(b.mint(time.Now(), time.Hour), newPassword)))
	})
}

// What is refused before anything is hashed, with its reason, and that the token stays good.
func TestRefusedPasswords(t *testing.T) {
	each(t, func(b *bundle) {
		ctx := context.Background()
		link := b.mint(time.Now(), time.Hour)
		for _, c := range []struct{ name, password, confirm, code string }{
			{"differs", newPassword, newPassword + "x", reset.CodeConfirm},
			{"short", "fourteen chars", "fourteen chars", "too_short"},
			{"common", "passwordpassword", "passwordpassword", ""},
			{"the dead one", oldPassword, oldPassword, reset.CodeSame},
		} {
			err := b.Redeem(ctx, reset.Submission{Token: link, Password: c.password, Confirm: c.confirm, Client: client})
			b.want(c.name, err, problem.Unprocessable)
			if got := problem.DetailsOf(err, "").Code; c.code != "" && got != c.code {
				b.t.Errorf("%s: code %q", c.name, got)
			}
		}
		for range 300 { // a refused password costs a tenth of a try: one person is never locked out of a link
			err := b.Redeem(ctx, reset.Submission{Token: link, Password: "short", Confirm: "short"})
			b.want("refused on and on", err, problem.Unprocessable)
		}
		b.ok("at last", b.Redeem(ctx, submission(link, newPassword)))
	})
}

// Of many redemptions of one link at once one wins; every other is told Gone or to wait.
func TestRedeemRace(t *testing.T) {
	each(t, func(b *bundle) {
		link := b.mint(time.Now(), time.Hour)
		var wins atomic.Int64
		var wait sync.WaitGroup
		for i := range 100 {
			wait.Go(func() {
				err := b.Redeem(context.Background(), submission(link, fmt.Sprintf("kelp %d mirror ox", i)))
				switch {
				case err == nil:
					wins.Add(1)
				case !problem.Is(err, problem.Gone) && !problem.Is(err, problem.Limited):
					b.t.Errorf("a loser was told %v", err)
				}
			})
		}
		wait.Wait()
		if wins.Load() != 1 {
			b.t.Errorf("%d winners", wins.Load())
		}
	})
}

// A lockdown closes everything a member can do, and one that begins while a redemption is in flight keeps it from committing.
func TestLockdown(t *testing.T) {
	each(t, func(b *bundle) {
		ctx := context.Background()
		link := b.mint(time.Now(), time.Hour)
		c := campaign.On(b.store, nil, nil)
		inFlight := *b.Service
		inFlight.Store = lateLockdown{b.store, func() {
			if _, err := c.LockdownOn(ctx, "test", tester); err != nil {
				b.t.Error(err)
			}
		}}
		b.want("in flight", inFlight.Redeem(ctx, submission(link, newPassword)), problem.Unavailable)
		b.want("redeem", b.Redeem(ctx, submission(link, newPassword)), problem.Unavailable)
		b.want("check", b.Check(ctx, link, client), problem.Unavailable)
		b.want("forgot", b.Request(ctx, "member@example.com", client, "en"), problem.Unavailable)
		b.want("reissue", b.Reissue(ctx, link, client), problem.Unavailable)
		if _, err := c.LockdownOff(ctx, "over", tester); err != nil {
			b.t.Fatal(err)
		}
		b.ok("afterwards", b.Redeem(ctx, submission(link, newPassword)))
	})
}

type lateLockdown struct {
	*store.Store
	begin func()
}

func (l lateLockdown) SetPassword(ctx context.Context, r reset.Reset) error {
	l.begin()
	return l.Store.SetPassword(ctx, r)
}

// Known, unknown and impossible: asking answers alike, and writes one row for anything that is an address.
func TestAskingTellsNothing(t *testing.T) {
	each(t, func(b *bundle) {
		ctx := context.Background()
		rec := &askRecorder{Store: b.store}
		b.Store = rec
		old := b.mint(time.Now().Add(-48*time.Hour), time.Hour)
		b.ok("known", b.Request(ctx, "member@example.com", client, "en"))
		b.ok("unknown", b.Request(ctx, "nobody@example.com", client, "en"))
		b.ok("no address", b.Request(ctx, "nobody", client, "en"))
		b.ok("an expired link", b.Reissue(ctx, old, client))
		b.ok("no link", b.Reissue(ctx, "not.a.token", client))
		if got := fmt.Sprint(rec.asked); got != "[member@example.com/0 nobody@example.com/0 /1]" {
			b.t.Errorf("asked for %s", got)
		}
		rec.asked = nil
		for range ratelimit.ForgotMail.Burst + 2 {
			b.ok("again and again", b.Request(ctx, "member@example.com", client, "en"))
		}
		if rec.delays == 0 {
			b.t.Error("no mail waits, however often it is asked for")
		}
	})
}

type askRecorder struct {
	reset.Store
	asked  []string
	delays int
}

func (r *askRecorder) Ask(ctx context.Context, a reset.Asked) error {
	r.asked = append(r.asked, fmt.Sprintf("%s/%d", a.EmailKey, a.Account))
	if a.Delay > 0 {
		r.delays++
	}
	return r.Store.Ask(ctx, a)
}

// Rotation lets old links live out their time; with revoke they die at once; another process learns of a new key by meeting it.
func TestKeyRotation(t *testing.T) {
	each(t, func(b *bundle) {
		ctx := context.Background()
		before := b.mint(time.Now(), time.Hour)
		if _, err := reset.NewKeys(b.store, secret.NewMaster(), issuer).Ring(ctx); err == nil {
			b.t.Error("a ring opened under another master key")
		}
		if _, err := b.Keys.Rotate(ctx, false, tester); err != nil {
			b.t.Fatal(err)
		}
		b.ok("a link from before a rotation", b.Check(ctx, before, client))
		if _, err := b.Keys.Rotate(ctx, true, tester); err != nil {
			b.t.Fatal(err)
		}
		fresh := reset.NewKeys(b.store, b.master, issuer)
		ring, err := fresh.Ring(ctx)
		if err != nil {
			b.t.Fatal(err)
		}
		c := b.credential()
		after, claims, err := ring.Mint(c.ID, 0, c.Version, c.Epoch, time.Now(), time.Hour)
		if err != nil {
			b.t.Fatal(err)
		}
		other := *b.Service
		other.Keys = fresh
		b.want("a link from before a revocation", other.Check(ctx, before, client), problem.Invalid)
		b.ok("one from after", other.Check(ctx, after, client))
		b.ok("revoking the signing key", fresh.Revoke(ctx, claims.KeyID, tester))
		keys, err := fresh.List(ctx)
		if err != nil || len(keys) != 4 || keys[0].RevokedAt != nil {
			b.t.Errorf("%d keys, newest %+v, %v", len(keys), keys[0].ID, err)
		}
	})
}

// Introspection follows the same rule as redemption and says nothing about a dead token.
func TestIntrospect(t *testing.T) {
	each(t, func(b *bundle) {
		ctx := context.Background()
		link := b.mint(time.Now(), time.Hour)
		got, err := b.Introspect(ctx, link)
		if err != nil || !got.Active || got.Subject != "member" || got.Claims.Account != b.id {
			b.t.Errorf("a live link: %+v %v", got, err)
		}
		b.ok("redeeming", b.Redeem(ctx, submission(link, newPassword)))
		for name, text := range map[string]string{"used": link, "expired": b.mint(time.Now().Add(-2*time.Hour), time.Hour), "noise": base64.RawURLEncoding.EncodeToString([]byte("x"))} {
			if got, err := b.Introspect(ctx, text); err != nil || got != (reset.Introspection{}) {
				b.t.Errorf("%s: %+v %v", name, got, err)
			}
		}
	})
}
