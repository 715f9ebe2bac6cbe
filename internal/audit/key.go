package audit

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/secret"
)

// SealedKey is a key that signs or signed checkpoints, as the database keeps it.
type SealedKey struct {
	VKey      string // verifier key (C2SP signed-note): origin, key id, Ed25519 public key
	Sealed    []byte // signer key under the master key, bound to VKey
	CreatedAt time.Time
	RetiredAt *time.Time // nil: it signs
}

// KeyStore keeps them.
type KeyStore interface {
	// AuditKeys lists all, newest first.
	AuditKeys(ctx context.Context) ([]SealedKey, error)
	// AddAuditKey stores a key that signs from now on and retires the one named, "" for none. False: another signs than the one named.
	AddAuditKey(ctx context.Context, k SealedKey, retire string, entry Entry) (bool, error)
	// RewrapAuditKeys replaces the sealed halves, all or none.
	RewrapAuditKeys(ctx context.Context, keys []SealedKey, entry Entry) error
}

// Keys opens the log's keys with the master key.
type Keys struct {
	store  KeyStore
	master secret.Master
}

// NewKeys opens nothing yet.
func NewKeys(store KeyStore, master secret.Master) *Keys { return &Keys{store, master} }

// CheckOrigin says whether a text can name a log: one word without a plus sign (C2SP signed-note, key names).
func CheckOrigin(origin string) error {
	bad := strings.ContainsFunc(origin, func(r rune) bool { return r == '+' || unicode.IsSpace(r) || !unicode.IsPrint(r) })
	if origin == "" || bad || !utf8.ValidString(origin) || len(origin) > 200 {
		return problem.New(problem.Invalid, "the origin of the audit log must be one word of at most 200 bytes without a plus sign, as reset.example.org/audit")
	}
	return nil
}

// Ensure makes the first key if there is none, and gives the verifier key of the one that signs. The origin is that of the key
// from then on: another setting changes nothing until the key is rotated.
func (k *Keys) Ensure(ctx context.Context, origin string, actor Actor) (vkey string, err error) {
	signing, err := k.signing(ctx)
	if err != nil || signing != nil {
		return vkeyOf(signing), err
	}
	fresh, err := k.generate(origin)
	if err != nil {
		return "", err
	}
	if _, err := k.store.AddAuditKey(ctx, fresh, "", New(actor, AuditKeyCreate, "audit", Detail{"verifier": fresh.VKey})); err != nil {
		return "", err
	}
	signing, err = k.signing(ctx) // several processes at once end with one
	return vkeyOf(signing), err
}

// Rotate lets a new key sign. The old verifier key goes on verifying what it signed.
func (k *Keys) Rotate(ctx context.Context, origin string, actor Actor) (vkey string, err error) {
	signing, err := k.signing(ctx)
	if err != nil {
		return "", err
	}
	fresh, err := k.generate(origin)
	if err != nil {
		return "", err
	}
	entry := New(actor, AuditKeyRotate, "audit", Detail{"verifier": fresh.VKey, "before": vkeyOf(signing)})
	added, err := k.store.AddAuditKey(ctx, fresh, vkeyOf(signing), entry)
	if err == nil && !added {
		err = problem.New(problem.Conflict, "Somebody else rotated the audit log's key just now.")
	}
	return fresh.VKey, err
}

// Rewrap seals the keys under another master key. One that is under it already stays, so that it can be repeated.
func (k *Keys) Rewrap(ctx context.Context, next secret.Master, actor Actor) (int, error) {
	keys, err := k.store.AuditKeys(ctx)
	if err != nil {
		return 0, err
	}
	var changed []SealedKey
	for _, sealed := range keys {
		if _, err := open(next, sealed); err == nil {
			continue
		}
		skey, err := open(k.master, sealed)
		if err != nil {
			return 0, err
		}
		if sealed.Sealed, err = next.Seal(secret.AuditKey, skey, []byte(sealed.VKey)); err != nil {
			return 0, err
		}
		changed = append(changed, sealed)
	}
	if len(changed) == 0 {
		return 0, nil
	}
	return len(changed), k.store.RewrapAuditKeys(ctx, changed, New(actor, KeyRewrap, "audit", Detail{"keys_count": len(changed)}))
}

// Signer is the key that signs.
func (k *Keys) Signer(ctx context.Context) (note.Signer, error) {
	signing, err := k.signing(ctx)
	if err != nil {
		return nil, err
	}
	if signing == nil {
		return nil, problem.New(problem.NotFound, "The audit log has no key yet: the serving process makes it, and so does `rekey audit key`.")
	}
	return k.signer(*signing)
}

// Verifiers gives the verifier keys of all keys that open under the master key, newest first: whoever can write the table, without
// the master key, adds none.
func (k *Keys) Verifiers(ctx context.Context) ([]string, error) {
	keys, err := k.store.AuditKeys(ctx)
	if err != nil {
		return nil, err
	}
	var vkeys []string
	for _, sealed := range keys {
		if _, err := open(k.master, sealed); err == nil {
			vkeys = append(vkeys, sealed.VKey)
		}
	}
	return vkeys, nil
}

func (k *Keys) signing(ctx context.Context) (*SealedKey, error) {
	keys, err := k.store.AuditKeys(ctx)
	if err != nil {
		return nil, err
	}
	for _, sealed := range keys {
		if sealed.RetiredAt == nil {
			return &sealed, nil
		}
	}
	return nil, nil
}

func vkeyOf(k *SealedKey) string {
	if k == nil {
		return ""
	}
	return k.VKey
}

func (k *Keys) generate(origin string) (SealedKey, error) {
	if err := CheckOrigin(origin); err != nil {
		return SealedKey{}, err
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return SealedKey{}, fmt.Errorf("making a key for the audit log: %w", err)
	}
	sealed, err := k.master.Seal(secret.AuditKey, []byte(skey), []byte(vkey))
	return SealedKey{VKey: vkey, Sealed: sealed}, err
}

func (k *Keys) signer(sealed SealedKey) (note.Signer, error) {
	skey, err := open(k.master, sealed)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(string(skey))
	if err != nil { // note's error quotes the key
		return nil, problem.New(problem.Internal, "the audit log's key is not a signer key")
	}
	return signer, nil
}

// open trusts the sealed half alone; the public one is bound to it.
func open(master secret.Master, sealed SealedKey) ([]byte, error) {
	skey, err := master.Open(secret.AuditKey, sealed.Sealed, []byte(sealed.VKey))
	if err != nil {
		return nil, problem.Wrap(problem.Unavailable, "The audit log's key does not open under this master key; `rekey audit key --rotate` makes another.", err)
	}
	return skey, nil
}
