package campaign

import "time"

// Credential is what the rule looks at in an account.
type Credential struct {
	Has               bool       // has a password hash, whether Rekey can verify it or not
	SetAt             *time.Time // nil: unknown, older than every cutoff
	SessionsValidFrom *time.Time
	DisabledAt        *time.Time
}

// Standing is what all campaigns together make of one account.
type Standing struct {
	Dead      bool       // disabled or killed: the password must not be accepted
	Killed    bool       // killed by a campaign
	NotBefore *time.Time // sessions issued at or before it are dead; nil: none are
	Epoch     int64      // a token minted under a lower one is superseded
	KilledBy  int64      // the newest campaign that kills; 0: none
	CoveredBy int64      // the newest campaign that counts and covers, killing or not; 0: none
}

// Reaches says what campaign k does to an account, in whatever state k is; member tells whether the account is in its list.
// The view campaign_reach says the same in SQL: a row where covers, and kills and revokes as its columns. A property test compares them.
func Reaches(k Campaign, c Credential, member bool) (covers, kills, revokes bool) {
	covers = k.Scope == Everyone || member
	kills = covers && c.Has && (c.SetAt == nil || k.Cutoff == nil || c.SetAt.Before(*k.Cutoff))
	return covers, kills, covers && k.RevokeSessions
}

// StatusOf adds up every campaign's reach, as the view credential_status does. Passwords die by campaigns that count; sessions
// and epochs keep what any activation ever did, so that cancelling revives neither a session nor an old link.
func StatusOf(c Credential, campaigns []Campaign, member func(campaign int64) bool) Standing {
	s := Standing{NotBefore: c.SessionsValidFrom}
	for _, k := range campaigns {
		if k.ActivatedAt == nil {
			continue
		}
		covers, kills, revokes := Reaches(k, c, member(k.ID))
		if revokes && (s.NotBefore == nil || k.ActivatedAt.After(*s.NotBefore)) {
			s.NotBefore = k.ActivatedAt
		}
		if covers {
			s.Epoch = max(s.Epoch, k.Epoch)
		}
		if covers && k.State.Counts() {
			s.CoveredBy = max(s.CoveredBy, k.ID)
		}
		if kills && k.State.Counts() {
			s.Killed, s.KilledBy = true, max(s.KilledBy, k.ID)
		}
	}
	s.Dead = s.Killed || c.DisabledAt != nil
	return s
}
