package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/pow"
)

// Complete reads the secret files, fills in what follows from other settings, and checks all. It is called once, after parsing.
func (s *Settings) Complete() error {
	err := errors.Join(
		s.DatabaseURL.fromFile("REKEY_DATABASE_URL", s.DatabaseURLFile),
		s.SMTPURL.fromFile("REKEY_SMTP_URL", s.SMTPURLFile),
		s.MasterKey.fromFile("REKEY_MASTER_KEY", s.MasterKeyFile),
		s.AuditCheckpointWebhook.fromFile("REKEY_AUDIT_CHECKPOINT_WEBHOOK", s.AuditCheckpointWebhookFile),
		s.AuditCheckpointWebhookSecret.fromFile("REKEY_AUDIT_CHECKPOINT_WEBHOOK_SECRET", s.AuditCheckpointWebhookSecretFile),
		s.RedisURL.fromFile("REKEY_REDIS_URL", s.RedisURLFile),
		s.OIDCClientSecret.fromFile("REKEY_OIDC_CLIENT_SECRET", s.OIDCClientSecretFile),
	)
	if err != nil {
		return err
	}
	s.derive()
	return s.Check()
}

// derive fills in the defaults that are made of other settings.
func (s *Settings) derive() {
	if s.DataDir == "" {
		s.DataDir = "rekey-data"
		if path, ok := strings.CutPrefix(s.DatabaseURL.Reveal(), "sqlite:"); ok { // the key stays with its database, wherever a command runs
			s.DataDir = filepath.Dir(strings.TrimPrefix(path, "//"))
		}
	}
	if s.DatabaseURL.IsZero() {
		s.DatabaseURL = NewSecret("sqlite:" + s.dataFile("rekey.db"))
	}
	if s.SMTPURL.IsZero() {
		s.SMTPURL = NewSecret("smtp://localhost:25")
	}
	s.PublicURL, s.AdminURL = strings.TrimSuffix(s.PublicURL, "/"), strings.TrimSuffix(s.AdminURL, "/")
	if s.AdminURL == "" {
		s.AdminURL = s.derivedAdminURL()
	}
	host := s.host()
	if s.AuditOrigin == "" && host != "" {
		s.AuditOrigin = host + "/audit"
	}
	if s.ServiceName == "" {
		s.ServiceName = host
	}
	if s.MailFrom == "" && host != "" {
		s.MailFrom = "no-reply@" + host
		if net.ParseIP(host) != nil {
			s.MailFrom = "no-reply@localhost" // an address with an IP needs brackets and is refused almost everywhere
		}
	}
}

// host is the public URL's, without port; "" if it has none.
func (s *Settings) host() string {
	u, err := url.Parse(s.PublicURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// rule is one setting and what is wrong with it, "" if nothing is.
type rule struct{ setting, wrong string }

// Check finds everything wrong at once, so that a first start needs one round. Each line names its setting and shows no secret.
func (s *Settings) Check() error {
	var wrong []error
	for _, rules := range [][]rule{s.databaseRules(), s.webRules(), s.consoleRules(), s.mailRules(), s.passwordRules(), s.breachedRules(), s.auditRules(), s.logRules()} {
		for _, r := range rules {
			if r.wrong != "" {
				wrong = append(wrong, fmt.Errorf("%s: %s", r.setting, r.wrong))
			}
		}
	}
	return errors.Join(wrong...)
}

func (s *Settings) databaseRules() []rule {
	return []rule{
		{"REKEY_DATABASE_URL", databaseURL(s.DatabaseURL.Reveal())},
		{"REKEY_DB_CONNECTIONS", between(s.DBConnections, 0, 1000)},
	}
}

func (s *Settings) webRules() []rule {
	return []rule{
		{"REKEY_LISTEN", address(s.Listen)},
		{"REKEY_ADMIN_LISTEN", address(s.AdminListen)},
		{"REKEY_ADMIN_LISTEN", unless(s.AdminListen != s.Listen || strings.HasSuffix(s.Listen, ":0"), "must be another address than REKEY_LISTEN: metrics are not for everybody")},
		{"REKEY_PUBLIC_URL", publicURL(s.PublicURL)},
		{"REKEY_TRUSTED_PROXIES", s.proxies()},
		{"REKEY_RETURN_URL", unless(s.ReturnURL == "" || webURL(s.ReturnURL) != nil, "must be an absolute http(s) URL")},
		{"REKEY_SERVICE_NAME", text(s.ServiceName, 80)},
		{"REKEY_CONTACT", text(s.Contact, 200)},
		{"REKEY_COLOUR", unless(s.Colour == "" || colour.MatchString(s.Colour), "must be written as #1a2b3c")},
	}
}

func (s *Settings) mailRules() []rule {
	return []rule{
		{"REKEY_SMTP_URL", smtpURL(s.SMTPURL.Reveal())},
		{"REKEY_MAIL_FROM", nameAddr(s.MailFrom)},
		{"REKEY_MAIL_REPLY_TO", nameAddr(s.MailReplyTo)},
		{"REKEY_MAIL_RATE", unless(s.MailRate >= 0 && s.MailRate <= 100_000, "must be 0 to 100000 mails a second")},
		{"REKEY_MAIL_CONNECTIONS", between(s.MailConnections, 1, 256)},
		{"REKEY_CAMPAIGN_LIFE", life(s.CampaignLife)},
		{"REKEY_ASKED_LIFE", life(s.AskedLife)},
	}
}

func (s *Settings) passwordRules() []rule {
	return []rule{
		{s.hashSetting(), message(s.HashParams().Validate())},
		{"REKEY_PASSWORD_MIN", unless(s.PasswordMin == 8 || s.PasswordMin >= 15 && s.PasswordMin <= 64, "must be 15 to 64, or 8 where every account has a second factor")},
		{"REKEY_HASH_MEMORY", unless(int64(s.HashMemory) >= s.hashBytes(), "must hold one hash at least")},
		{"REKEY_HASH_QUEUE", between(s.HashQueue, 0, 100_000)},
		{"REKEY_HASH_WAIT", unless(s.HashWait >= time.Second && s.HashWait <= 25*time.Second, "must be 1s to 25s: an answer is cut after 30 s")},
	}
}

func (s *Settings) breachedRules() []rule {
	local := s.BreachedFilter != "" || s.BreachedSorted != ""
	return []rule{
		{"REKEY_BREACHED_RANGE_URL", rangeURL(s.BreachedRangeURL)},
		{"REKEY_BREACHED_RANGE_URL", unless(s.BreachedRangeURL == "" || !local, "must not be set beside REKEY_BREACHED_FILTER or REKEY_BREACHED_SORTED: one list decides")},
		{"REKEY_BREACHED_TIMEOUT", unless(s.BreachedTimeout >= 100*time.Millisecond && s.BreachedTimeout <= 10*time.Second, "must be 100ms to 10s")},
		{"REKEY_BREACHED_DOWN", oneOf(s.BreachedDown, BreachedBuiltin, BreachedRefuse)},
	}
}

// What holds when the list of breached passwords cannot be read.
const (
	BreachedBuiltin = "builtin"
	BreachedRefuse  = "refuse"
)

func (s *Settings) logRules() []rule {
	return []rule{
		{"REKEY_LOG_LEVEL", oneOf(s.LogLevel, "debug", "info", "warn", "error")},
		{"REKEY_LOG_ADDRESS", oneOf(s.LogAddress, "network", "none", "full")},
		{"REKEY_LIMIT_KEYS", between(s.LimitKeys, 1000, 10_000_000)},
		{"REKEY_PROOF", oneOf(s.Proof, string(pow.Auto), string(pow.Always), string(pow.Never))},
		{"REKEY_PROOF_BITS", between(s.ProofBits, 12, pow.MaxBits-pow.Rise-1)},
		{"REKEY_REDIS_URL", redisURL(s.RedisURL.Reveal())},
	}
}

// HashParams are how new passwords are hashed.
func (s *Settings) HashParams() password.Params {
	return password.Params{Scheme: s.PasswordScheme, Memory: s.Argon2Memory, Time: s.Argon2Time, Threads: s.Argon2Threads, Cost: s.BcryptCost}
}

func (s *Settings) hashSetting() string {
	switch s.PasswordScheme {
	case password.Argon2id:
		return "REKEY_ARGON2_MEMORY, REKEY_ARGON2_TIME, REKEY_ARGON2_THREADS"
	case password.Bcrypt:
		return "REKEY_BCRYPT_COST"
	}
	return "REKEY_PASSWORD_SCHEME"
}

func (s *Settings) hashBytes() int64 {
	if s.PasswordScheme == password.Argon2id {
		return int64(s.Argon2Memory) << 10
	}
	return 1 << 20
}

func (s *Settings) proxies() string {
	for _, p := range s.TrustedProxies {
		if p.Bits() == 0 {
			return "would let everybody choose an address: name your proxies"
		}
	}
	return ""
}
