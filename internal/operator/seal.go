package operator

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/secret"
)

// SealTOTP seals an operator's TOTP secret. It is bound to them: moved to another row it does not open.
func SealTOTP(m secret.Master, id int64, raw []byte) ([]byte, error) {
	return m.Seal(secret.OperatorTOTP, raw, owner(id))
}

// OpenTOTP gives back what SealTOTP was given, or secret.ErrSealed.
func OpenTOTP(m secret.Master, id int64, sealed []byte) ([]byte, error) {
	return m.Open(secret.OperatorTOTP, sealed, owner(id))
}

func owner(id int64) []byte { return []byte("operator " + strconv.FormatInt(id, 10)) }

// Rewrap seals every TOTP secret under the master key to, all or none; those that are already stay, so that it can be repeated. It says how many there are.
func Rewrap(ctx context.Context, s RewrapStore, from, to secret.Master, actor audit.Actor) (int, error) {
	sealed, err := s.SealedTOTP(ctx)
	if err != nil || len(sealed) == 0 {
		return 0, err
	}
	for i, one := range sealed {
		if sealed[i].Now, err = reseal(from, to, one.Operator, one.Was); err != nil {
			return 0, fmt.Errorf("sealing the TOTP secret of operator %d anew: %w", one.Operator, err)
		}
	}
	return len(sealed), s.ResealTOTP(ctx, sealed, audit.New(actor, audit.KeyRewrap, "operators", audit.Detail{"count": len(sealed)}))
}

func reseal(from, to secret.Master, id int64, sealed []byte) ([]byte, error) {
	if raw, err := OpenTOTP(to, id, sealed); err == nil {
		clear(raw)
		return bytes.Clone(sealed), nil
	}
	raw, err := OpenTOTP(from, id, sealed)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	return SealTOTP(to, id, raw)
}
