// Package reset is what a member can do: ask for a link, look whether one is still good, exchange an old one, and set a new password.
// The portal and the API call it; it promises that a link or code changes a password at most once, and that nobody learns whether an account exists.
package reset

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/token"
)

// Credential is what a reset needs of an account and its status.
type Credential struct {
	ID      int64
	Subject string
	Email   string
	Hash    string // "": no password, so nothing to reset
	Version int64
	Epoch   int64
}

// Reset is a new password on its way into the database. Version and Epoch are what the token or code was made for.
type Reset struct {
	Account, Version, Epoch int64
	Hash, Scheme            string
	FailureKey              []byte        // whose failures are forgotten
	NoticeDelay             time.Duration // how long the mail about it waits
	Entry                   audit.Entry
}

// Asked is a mail that somebody asked for.
type Asked struct {
	EmailKey string // or Account
	Account  int64
	Locale   string
	Delay    time.Duration
}

// Store is what resets ask of the database.
type Store interface {
	Locked(ctx context.Context) (bool, error)
	// Credential finds an account by id; false if there is none or it was deleted.
	Credential(ctx context.Context, id int64) (Credential, bool, error)
	// CredentialsAt finds the accounts of a folded address, at most limit.
	CredentialsAt(ctx context.Context, emailKey string, limit int) ([]Credential, error)
	// SetPassword is the one place where a reset becomes true: compare-and-swap on version and epoch under the order lock.
	// Gone: used or superseded. Unavailable: locked down.
	SetPassword(ctx context.Context, r Reset) error
	// Ask inserts exactly one outbox row.
	Ask(ctx context.Context, a Asked) error
}

// Service is the members' use cases. All fields are set by whoever makes it; Lives are the lives of codes in use.
type Service struct {
	Store     Store
	Keys      *Keys
	Coder     *token.Coder
	Hasher    *password.Hasher
	Admission *password.Admission
	Policy    *password.Policy
	Limits    ratelimit.Source
	LimitKeys ratelimit.Keyer
	Fold      func(address string) (string, error) // account.EmailKey
	Failures  func(account int64) []byte           // account.FailureKey
	Lives     []time.Duration
	Name      string // the service's name, a context word

	// Opened is told of each link of a campaign that Check found alive, for the operators' counts and nothing else; nil: nobody is. It must not block.
	Opened func(campaign, account int64)
}

// The refusals, the same wherever they are met.
var (
	ErrLocked  = problem.Retry(problem.Unavailable, "Resets are closed for now.", time.Minute)
	ErrUsed    = problem.New(problem.Gone, "This link was already used, or a newer one has taken its place.")
	ErrNoFit   = problem.New(problem.Gone, "This code does not fit.")
	ErrConfirm = &problem.Error{Kind: problem.Unprocessable, Code: CodeConfirm, Text: "The two passwords are not the same."}
	ErrDead    = &problem.Error{Kind: problem.Unprocessable, Code: CodeSame, Text: "This is the password the account had until now. Please choose another one."}

	ErrNearlyDead = &problem.Error{Kind: problem.Unprocessable, Code: CodeSame, Text: "This is nearly the password the account had until now, which attackers try next. Please choose another one."}
)

// sharing is how many accounts of one address a code is tried for; more share an address only by design of an attacker.
const sharing = 20

// Locked says whether a lockdown holds.
func (s *Service) Locked(ctx context.Context) (bool, error) { return s.Store.Locked(ctx) }

// Check says, changing nothing, whether a link still works: nil, Invalid (not well signed), Gone (used, superseded, expired) or Unavailable.
func (s *Service) Check(ctx context.Context, typed string, client netip.Addr) error {
	if err := ratelimit.Charge(ctx, s.Limits, ratelimit.ResetAddress, s.LimitKeys.Key("reset", ratelimit.ClientPrefix(client)), 1); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	_, claims, err := s.byToken(ctx, typed)
	if err == nil && s.Opened != nil && claims.Campaign != 0 {
		s.Opened(claims.Campaign, claims.Account)
	}
	return err
}

// Redeem sets the new password (design §4, flow A). Errors: Invalid, Gone, Unprocessable with the rule in Code, Limited, Unavailable.
// Whoever calls it gives a context that does not end when the member hangs up.
func (s *Service) Redeem(ctx context.Context, f Submission) error {
	if err := ratelimit.Charge(ctx, s.Limits, ratelimit.ResetAddress, s.LimitKeys.Key("reset", ratelimit.ClientPrefix(f.Client)), 1); err != nil {
		return err
	}
	if err := ratelimit.Charge(ctx, s.Limits, ratelimit.ResetGlobal, s.LimitKeys.Key("reset"), 1); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	credential, tryKey, err := s.authorise(ctx, f)
	if err != nil {
		return err
	}
	return s.settle(ctx, tryKey, s.set(ctx, credential, f))
}

// settle gives back what a try should not have cost: a refused password a tenth, an overload nothing.
func (s *Service) settle(ctx context.Context, tryKey string, err error) error {
	back := 0.0
	switch problem.KindOf(err) {
	case problem.Unprocessable:
		back = 0.9
	case problem.Unavailable:
		back = 1
	}
	if err == nil || back == 0 {
		return err
	}
	if giveErr := s.Limits.Give(context.WithoutCancel(ctx), ratelimit.ResetToken, tryKey, back); giveErr != nil {
		return errors.Join(err, giveErr)
	}
	return err
}

// authorise finds the credential that the token or code is for, and charges the try. tryKey is what it was charged to.
func (s *Service) authorise(ctx context.Context, f Submission) (c Credential, tryKey string, err error) {
	if f.Token != "" {
		c, claims, err := s.byToken(ctx, f.Token)
		if err != nil {
			return c, "", err
		}
		tryKey = s.LimitKeys.Key("token", claims.ID)
		return c, tryKey, ratelimit.Charge(ctx, s.Limits, ratelimit.ResetToken, tryKey, 1)
	}
	c, err = s.byCode(ctx, f)
	if err != nil {
		return c, "", err
	}
	tryKey = s.LimitKeys.Key("code", strconv.FormatInt(c.ID, 10))
	return c, tryKey, ratelimit.Charge(ctx, s.Limits, ratelimit.ResetToken, tryKey, 1)
}

func (s *Service) byToken(ctx context.Context, text string) (Credential, token.Claims, error) {
	claims, err := s.Keys.parse(ctx, func(r *token.Ring) (token.Claims, error) { return r.Parse(text, time.Now()) })
	if err != nil {
		return Credential{}, claims, err
	}
	c, ok, err := s.Store.Credential(ctx, claims.Account)
	if err != nil {
		return Credential{}, claims, err
	}
	if !ok || c.Hash == "" || c.Version != claims.Version || c.Epoch != claims.Epoch {
		return Credential{}, claims, ErrUsed
	}
	return c, claims, nil
}

// byCode tries the code for every account of the address. An unknown address costs the same, and a guess is paid for before it is looked at.
func (s *Service) byCode(ctx context.Context, f Submission) (Credential, error) {
	key := s.folded(f.Email)
	pair := s.LimitKeys.Key("code", key, ratelimit.ClientPrefix(f.Client))
	wide := s.LimitKeys.Key("code", key)
	if err := ratelimit.Charge(ctx, s.Limits, ratelimit.CodePair, pair, 1); err != nil {
		return Credential{}, err
	}
	if err := ratelimit.Charge(ctx, s.Limits, ratelimit.CodeAddress, wide, 1); err != nil {
		return Credential{}, err
	}
	found, err := s.Store.CredentialsAt(ctx, key, sharing)
	if err != nil {
		return Credential{}, err
	}
	c, ok := s.fitting(found, f.Code)
	if !ok {
		return Credential{}, ErrNoFit
	}
	err = errors.Join(s.Limits.Give(ctx, ratelimit.CodePair, pair, 1), s.Limits.Give(ctx, ratelimit.CodeAddress, wide, 1))
	return c, err
}

func (s *Service) fitting(found []Credential, code string) (fit Credential, ok bool) {
	now := time.Now()
	if len(found) == 0 {
		s.Coder.Matches(code, 0, 0, 0, s.Lives, now)
	}
	for _, c := range found {
		if s.Coder.Matches(code, c.ID, c.Version, c.Epoch, s.Lives, now) && c.Hash != "" && !ok {
			fit, ok = c, true
		}
	}
	return fit, ok
}

// set refuses what the rules refuse, cheapest first, and does the hash work in one admission slot.
func (s *Service) set(ctx context.Context, c Credential, f Submission) error {
	if f.Password != f.Confirm {
		return ErrConfirm
	}
	normal, err := password.Normalize(f.Password)
	if err != nil {
		return err
	}
	if f.Leave != nil {
		f.Leave()
	}
	if err := s.Policy.CheckForm(ctx, normal, password.Context{Service: s.Name, Email: c.Email, Subject: c.Subject}); err != nil {
		return err
	}
	id := strconv.FormatInt(c.ID, 10)
	if err := ratelimit.Charge(ctx, s.Limits, ratelimit.AccountReset, s.LimitKeys.Key("account", id), 1); err != nil {
		return err
	}
	if err := s.Policy.CheckBreached(normal); err != nil {
		return err
	}
	hash, err := s.hash(ctx, c.Hash, normal)
	if err != nil {
		return err
	}
	delay, err := s.noticeDelay(ctx, id)
	if err != nil {
		return err
	}
	entry := audit.New(audit.Actor{Kind: audit.KindMember, Name: id}, audit.ResetRedeemed, "account:"+id, audit.Detail{"version": c.Version})
	return s.Store.SetPassword(ctx, Reset{
		Account: c.ID, Version: c.Version, Epoch: c.Epoch, Hash: hash, Scheme: s.Hasher.Label(), FailureKey: s.Failures(c.ID), NoticeDelay: delay, Entry: entry,
	})
}

// noticeDelay books the mail that says that the password was changed.
func (s *Service) noticeDelay(ctx context.Context, account string) (time.Duration, error) {
	own, err := s.Limits.Reserve(ctx, ratelimit.NoticeAccount, s.LimitKeys.Key("notice", account))
	if err != nil {
		return 0, err
	}
	all, err := s.Limits.Reserve(ctx, ratelimit.NoticeGlobal, s.LimitKeys.Key("notice"))
	return max(own, all), err
}

// hash compares with the dead password, trivial variants of the new one too, and makes the new hash, all in one slot: at most five hashes.
func (s *Service) hash(ctx context.Context, dead, normal string) (string, error) {
	leave, err := s.Admission.Enter(ctx, s.Hasher.MemoryFor(dead))
	if err != nil {
		return "", err
	}
	defer leave()
	for _, pw := range append([]string{normal}, password.Variants(normal)...) {
		same, err := s.Hasher.Compare(dead, pw)
		if err != nil {
			return "", err
		}
		if same && pw == normal {
			return "", ErrDead
		}
		if same {
			return "", ErrNearlyDead
		}
	}
	return s.Hasher.Hash(normal)
}

func (s *Service) open(ctx context.Context) error {
	locked, err := s.Store.Locked(ctx)
	if err != nil {
		return err
	}
	if locked {
		return ErrLocked
	}
	return nil
}

// Request asks for links to all accounts of an address. The answer and the work are the same for known and unknown ones: one row,
// whose sender decides. Over a cap the mail waits; it is never dropped.
func (s *Service) Request(ctx context.Context, email string, client netip.Addr, locale string) error {
	if err := ratelimit.Charge(ctx, s.Limits, ratelimit.ForgotAddress, s.LimitKeys.Key("forgot", ratelimit.ClientPrefix(client)), 1); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	key, err := s.Fold(email)
	if err != nil {
		return nil // no address, so nobody's: the page answers as ever
	}
	delay, err := s.wait(ctx, ratelimit.ForgotMail, s.LimitKeys.Key("mail", key))
	if err != nil {
		return err
	}
	return s.Store.Ask(ctx, Asked{EmailKey: key, Locale: locale, Delay: delay})
}

// Reissue sends a fresh link to the address on file of an old link's account. It answers alike whatever the token is.
func (s *Service) Reissue(ctx context.Context, text string, client netip.Addr) error {
	if err := ratelimit.Charge(ctx, s.Limits, ratelimit.ReissueAddress, s.LimitKeys.Key("reissue", ratelimit.ClientPrefix(client)), 1); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	claims, err := s.Keys.parse(ctx, func(r *token.Ring) (token.Claims, error) { return r.ParseForReissue(text, time.Now()) })
	if problem.Is(err, problem.Invalid) {
		return nil
	}
	if err != nil {
		return err
	}
	delay, err := s.wait(ctx, ratelimit.ReissueToken, s.LimitKeys.Key("token", claims.ID))
	if err != nil {
		return err
	}
	c, _, err := s.Store.Credential(ctx, claims.Account) // of a deleted account nothing: it costs as much, and the mail goes to nobody
	if err != nil {
		return err
	}
	perMail, err := s.Limits.Reserve(ctx, ratelimit.ForgotMail, s.LimitKeys.Key("mail", s.folded(cmp.Or(c.Email, strconv.FormatInt(claims.Account, 10)))))
	if err != nil {
		return err
	}
	return s.Store.Ask(ctx, Asked{Account: claims.Account, Delay: max(delay, perMail)})
}

// folded is the address's key, or what was typed where that is no address.
func (s *Service) folded(address string) string {
	if key, err := s.Fold(address); err == nil {
		return key
	}
	return address
}

// wait books a mail under its own limit and the one for all.
func (s *Service) wait(ctx context.Context, l ratelimit.Limit, key string) (time.Duration, error) {
	own, err := s.Limits.Reserve(ctx, l, key)
	if err != nil {
		return 0, err
	}
	all, err := s.Limits.Reserve(ctx, ratelimit.ForgotGlobal, s.LimitKeys.Key("forgot"))
	return max(own, all), err
}

// Introspection is the answer of RFC 7662 §2.2; everything but Active is empty when it is false.
type Introspection struct {
	Active  bool
	Subject string
	Claims  token.Claims
}

// Introspect says whether a token would be accepted: signature, times, version and epoch hold.
func (s *Service) Introspect(ctx context.Context, text string) (Introspection, error) {
	c, claims, err := s.byToken(ctx, text)
	switch problem.KindOf(err) {
	case problem.Invalid, problem.Gone:
		if err != nil {
			return Introspection{}, nil
		}
	}
	if err != nil {
		return Introspection{}, err
	}
	return Introspection{Active: true, Subject: c.Subject, Claims: claims}, nil
}
