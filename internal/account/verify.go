package account

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/secret"
)

// MaxFailures is how many consecutive different wrong passwords disable a password (NIST SP 800-63B-4 §3.2.2: no more than 100).
const MaxFailures = 100

// Results of a verification, as the login service reads them.
const (
	ResultOK            = "ok"
	ResultResetRequired = "reset_required"
	ResultInvalid       = "invalid"
	ResultLocked        = "locked"
)

// VerifyRequest is one attempt to log in. Exactly one of Login (an e-mail address) and Subject is given.
type VerifyRequest struct {
	Login, Subject string
	Password       string     // as typed
	ClientIP       netip.Addr // the member's, as the login service saw it; invalid if not given
}

// Verdict is the answer. Only Result ok names the account and its times, and only reset_required the incident.
type Verdict struct {
	Result          string
	Subject         string
	Version         int64
	AuthenticatedAt int64 // seconds since 1970 by the database's clock; the session's issue time
	NotBefore       int64 // seconds since 1970; sessions issued at or before it are dead; 0: none are
	Incident        string
	ResetURL        string
}

// Login is what a verification needs of an account.
type Login struct {
	ID       int64
	Subject  string
	Hash     string // "": no password
	Version  int64
	Disabled bool
}

// Judgement is the database's last word on a credential that was just compared.
type Judgement struct {
	Locked   bool
	Killed   bool // a campaign says so
	Disabled bool
	Failed   bool // failures are on record
	Incident string
	// AuthenticatedAt and NotBefore are in whole seconds; AuthenticatedAt is later than NotBefore.
	AuthenticatedAt, NotBefore int64
}

// VerifyStore is what verification asks of the database.
type VerifyStore interface {
	// Locked says whether a lockdown holds.
	Locked(ctx context.Context) (bool, error)
	// LoginFor finds the one account that a folded address (by email) or a subject names. No account and several are the same: false.
	LoginFor(ctx context.Context, byEmail bool, key string) (Login, bool, error)
	// Judge reads status and clock under the order lock, so that an activation is either wholly before or wholly after it.
	// False: the account has no longer this version and hash.
	Judge(ctx context.Context, id, version int64, hash string, failureKey []byte) (Judgement, bool, error)
	// CountFailure records a failure and, at MaxFailures for a known account, disables its password and writes to the member.
	CountFailure(ctx context.Context, f Failure) error
	// Succeeded forgets the failures.
	Succeeded(ctx context.Context, failureKey []byte) error
}

// Failure is one wrong attempt.
type Failure struct {
	Key      []byte // of the login
	Password []byte // of the password, to count a repeated one once
	Account  int64  // 0: unknown
	Max      int
	Entry    audit.Entry // for the case that it disables the password
}

// Upgrader replaces a live legacy hash by a new one of the same password, by compare-and-swap; date and version stay.
type Upgrader interface {
	UpgradeHash(ctx context.Context, id, version int64, old, new, label string, entry audit.Entry) error
}

// Verifier checks passwords for the login service.
type Verifier struct {
	Store     VerifyStore
	Upgrade   Upgrader // nil: hashes stay as they are
	Hasher    *password.Hasher
	Admission *password.Admission
	Floor     *Floor
	Limits    ratelimit.Source
	Keys      ratelimit.Keyer
	Master    secret.Master
	ResetURL  string // PUBLIC_URL/forgot
}

// attempt is a request with what is derived from it once.
type attempt struct {
	request VerifyRequest
	byEmail bool
	key     string // what is looked up
	pair    string // limit keys
	wide    string
	repeat  []byte
}

// Verify answers whether the password is right and alive. Whatever is wrong, it costs one admission slot, one full hash and the
// same statements (design §6.3). Errors: Invalid, Limited, Unavailable.
func (v *Verifier) Verify(ctx context.Context, r VerifyRequest) (Verdict, error) {
	a, err := v.read(r)
	if err != nil {
		return Verdict{}, err
	}
	locked, err := v.Store.Locked(ctx)
	if err != nil {
		return Verdict{}, err
	}
	if locked {
		return Verdict{Result: ResultLocked}, nil
	}
	if err := v.charge(ctx, a); err != nil {
		return Verdict{}, err
	}
	verdict, err := v.decide(ctx, a)
	if err != nil || verdict.Result == ResultOK || verdict.Result == ResultLocked {
		// Nothing was learned, or nothing wrong was done: the charge goes back.
		return verdict, errors.Join(err, v.refund(ctx, a))
	}
	return verdict, nil
}

// read folds what was typed. An address that cannot be one is looked up all the same, so that it costs the same.
func (v *Verifier) read(r VerifyRequest) (attempt, error) {
	a := attempt{request: r, byEmail: r.Subject == "", key: r.Subject}
	if (r.Login == "") == (r.Subject == "") {
		return a, problem.New(problem.Invalid, "Give either login or subject.")
	}
	if a.byEmail {
		a.key = r.Login
		if key, err := EmailKey(r.Login); err == nil {
			a.key = key
		}
	}
	kind := "subject"
	if a.byEmail {
		kind = "login"
	}
	a.wide = v.Keys.Key("verify", kind, a.key)
	a.pair = v.Keys.Key("verify", kind, a.key, ratelimit.ClientPrefix(r.ClientIP))
	a.repeat = v.Master.MAC(secret.RepeatPassword, a.key, r.Password)[:8]
	return a, nil
}

func (v *Verifier) charge(ctx context.Context, a attempt) error {
	if a.request.ClientIP.IsValid() {
		if err := ratelimit.Charge(ctx, v.Limits, ratelimit.VerifyPair, a.pair, 1); err != nil {
			return err
		}
	}
	return ratelimit.Charge(ctx, v.Limits, ratelimit.VerifyLogin, a.wide, 1)
}

func (v *Verifier) refund(ctx context.Context, a attempt) error {
	ctx = context.WithoutCancel(ctx)
	err := v.Limits.Give(ctx, ratelimit.VerifyLogin, a.wide, 1)
	if a.request.ClientIP.IsValid() {
		err = errors.Join(err, v.Limits.Give(ctx, ratelimit.VerifyPair, a.pair, 1))
	}
	return err
}

// decide compares and then asks for the last word. When the credential changed in between, it compares once more with the new one.
func (v *Verifier) decide(ctx context.Context, a attempt) (Verdict, error) {
	for range 2 {
		login, _, err := v.Store.LoginFor(ctx, a.byEmail, a.key)
		if err != nil {
			return Verdict{}, err
		}
		failureKey := v.failureKey(a, login)
		started, right, err := v.compare(ctx, login, a.request.Password)
		if err != nil {
			return Verdict{}, err
		}
		if !right || login.Disabled {
			return v.invalid(ctx, a, login, failureKey, started)
		}
		j, current, err := v.Store.Judge(ctx, login.ID, login.Version, login.Hash, failureKey)
		if err != nil {
			return Verdict{}, err
		}
		if current {
			return v.answer(ctx, a, login, j, failureKey, started)
		}
	}
	return Verdict{}, problem.Retry(problem.Unavailable, "The account is changing right now.", time.Second)
}

// compare does the hash work in one admission slot, the same for an account that does not exist.
func (v *Verifier) compare(ctx context.Context, login Login, typed string) (started time.Time, right bool, err error) {
	info := password.Identify(login.Hash)
	leave, err := v.Admission.Enter(ctx, v.Hasher.MemoryFor(login.Hash))
	if err != nil {
		return time.Time{}, false, err
	}
	defer leave()
	started = time.Now()
	right, err = v.Hasher.VerifyAny(login.Hash, typed)
	v.Floor.Observe(info.Label, time.Since(started))
	return started, right, err
}

func (v *Verifier) answer(ctx context.Context, a attempt, login Login, j Judgement, failureKey []byte, started time.Time) (Verdict, error) {
	switch {
	case j.Locked:
		return Verdict{Result: ResultLocked}, nil
	case j.Disabled:
		return v.invalid(ctx, a, login, failureKey, started)
	case j.Killed:
		return Verdict{Result: ResultResetRequired, Incident: j.Incident, ResetURL: v.ResetURL}, nil
	}
	if j.Failed {
		if err := v.Store.Succeeded(ctx, failureKey); err != nil {
			return Verdict{}, err
		}
	}
	if err := v.upgrade(ctx, login, a.request.Password); err != nil {
		return Verdict{}, err
	}
	return Verdict{Result: ResultOK, Subject: login.Subject, Version: login.Version, AuthenticatedAt: j.AuthenticatedAt, NotBefore: j.NotBefore}, nil
}

// invalid records the failure and answers no sooner than the dearest scheme in the base would.
func (v *Verifier) invalid(ctx context.Context, a attempt, login Login, failureKey []byte, started time.Time) (Verdict, error) {
	f := Failure{Key: failureKey, Password: a.repeat, Account: login.ID, Max: MaxFailures}
	f.Entry = audit.New(audit.Actor{Kind: audit.KindSystem, Name: "verify"}, audit.AccountDisable, "account:"+login.Subject, nil)
	if err := v.Store.CountFailure(context.WithoutCancel(ctx), f); err != nil {
		return Verdict{}, err
	}
	return Verdict{Result: ResultInvalid}, v.Floor.Wait(ctx, started)
}

// failureKey counts by account where there is one, so that its address and its subject share one count, else by what was typed.
func (v *Verifier) failureKey(a attempt, login Login) []byte {
	if login.ID != 0 {
		return FailureKey(v.Master, login.ID)
	}
	return v.Master.MAC(secret.LoginFailure, "typed", a.key)
}

// upgrade gives a weak legacy hash that just proved right the strength of new ones. Somebody changing the password meanwhile wins.
func (v *Verifier) upgrade(ctx context.Context, login Login, typed string) error {
	if v.Upgrade == nil || !password.NeedsUpgrade(login.Hash, v.Hasher.Params()) {
		return nil
	}
	normal, err := password.Normalize(typed)
	if err != nil || normal != typed { // the new hash would no longer fit what is typed in another form
		return nil
	}
	leave, err := v.Admission.Enter(ctx, v.Hasher.Memory())
	if err != nil {
		return nil // too busy now; the next login will do
	}
	defer leave()
	hash, err := v.Hasher.Hash(normal)
	if err != nil {
		return nil // bcrypt cannot take it; the old hash still works
	}
	entry := audit.New(audit.Actor{Kind: audit.KindSystem, Name: "verify"}, audit.AccountUpgrade, "account:"+login.Subject, nil)
	return v.Upgrade.UpgradeHash(context.WithoutCancel(ctx), login.ID, login.Version, login.Hash, hash, v.Hasher.Label(), entry)
}

// FailureKey is the key under which an account's failures are counted.
func FailureKey(m secret.Master, id int64) []byte {
	return m.MAC(secret.LoginFailure, "account", strconv.FormatInt(id, 10))
}
