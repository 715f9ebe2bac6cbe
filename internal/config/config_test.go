package config

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/settings.md anew")

// load is what cmd does: parse, name the setting in an error, complete.
func load(t *testing.T, env map[string]string, args ...string) (*Settings, error) {
	t.Helper()
	var s Settings
	parser, err := kong.New(&s, kong.Resolvers(Source(func(name string) string { return env[name] })))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		err, _ = Explain(parser.Model, err)
		return nil, err
	}
	return &s, s.Complete()
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsRunOnLoopback(t *testing.T) {
	t.Parallel()
	s, err := load(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{s.DatabaseURL.Reveal(), s.Listen, s.AdminListen, s.AdminURL, s.PublicURL, s.SMTPURL.Reveal(), s.MailFrom, s.ServiceName, s.HashMemory.String()}
	want := []string{"sqlite:rekey-data/rekey.db", "127.0.0.1:8080", "127.0.0.1:8081", "http://localhost:8081", "http://localhost:8080", "smtp://localhost:25", "no-reply@localhost", "localhost", "256MiB"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s.CampaignLife != 24*time.Hour || s.AskedLife != time.Hour || s.PasswordMin != 15 || !s.UpgradeHashes {
		t.Errorf("defaults: %v %v %d %v", s.CampaignLife, s.AskedLife, s.PasswordMin, s.UpgradeHashes)
	}
}

// Each bad value is refused with an error that begins with its setting.
func TestBadValuesNameTheirSetting(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ setting, value string }{
		{"REKEY_DATABASE_URL", "mysql://root@db/x"},
		{"REKEY_DATABASE_URL", "sqlite:"},
		{"REKEY_REDIS_URL", "cache:6379"},
		{"REKEY_DB_CONNECTIONS", "-1"},
		{"REKEY_DB_CONNECTIONS", "many"},
		{"REKEY_LISTEN", "8080"},
		{"REKEY_LISTEN", "localhost:99999"},
		{"REKEY_ADMIN_LISTEN", "127.0.0.1:8080"},
		{"REKEY_ADMIN_LISTEN", "nothing"},
		{"REKEY_ADMIN_URL", "http://console.example.org"},
		{"REKEY_ADMIN_URL", "https://example.org/console"},
		{"REKEY_ADMIN_URL", "ftp://localhost"},
		{"REKEY_SESSION_IDLE", "10s"},
		{"REKEY_SESSION_IDLE", "13h"},
		{"REKEY_SESSION_LIFE", "25h"},
		{"REKEY_SESSION_LIFE", "20m"},
		{"REKEY_OIDC_ISSUER", "http://login.example.org"},
		{"REKEY_OIDC_ISSUER", "https://login.example.org?x"},
		{"REKEY_OIDC_CLIENT_ID", "rekey"},
		{"REKEY_OIDC_CLIENT_SECRET", "hush"},
		{"REKEY_SECOND_PERSON_ABOVE", "-1"},
		{"REKEY_APPROVAL_LIFE", "1m"},
		{"REKEY_PUBLIC_URL", "example.org"},
		{"REKEY_PUBLIC_URL", "https://example.org/reset"},
		{"REKEY_PUBLIC_URL", "https://example.org?x=1"},
		{"REKEY_PUBLIC_URL", "https://example.org#x"},
		{"REKEY_PUBLIC_URL", "https://me:pw@example.org"},
		{"REKEY_PUBLIC_URL", "javascript:alert(1)"},
		{"REKEY_TRUSTED_PROXIES", "10.0.0.1"},
		{"REKEY_TRUSTED_PROXIES", "10.0.0.0/8,::/0"},
		{"REKEY_RETURN_URL", "javascript:alert(1)"},
		{"REKEY_SERVICE_NAME", "two\nlines"},
		{"REKEY_SERVICE_NAME", strings.Repeat("x", 81)},
		{"REKEY_CONTACT", strings.Repeat("x", 201)},
		{"REKEY_COLOUR", "red"},
		{"REKEY_SMTP_URL", "mail.example.org"},
		{"REKEY_MAIL_FROM", "Example"},
		{"REKEY_MAIL_REPLY_TO", "a@b@c"},
		{"REKEY_MAIL_RATE", "-0.5"},
		{"REKEY_MAIL_RATE", "NaN"},
		{"REKEY_MAIL_RATE", "fast"},
		{"REKEY_MAIL_CONNECTIONS", "0"},
		{"REKEY_CAMPAIGN_LIFE", "25h"},
		{"REKEY_CAMPAIGN_LIFE", "a day"},
		{"REKEY_ASKED_LIFE", "1s"},
		{"REKEY_ASKED_LIFE", "61m0.5s"},
		{"REKEY_PASSWORD_MIN", "12"},
		{"REKEY_PASSWORD_MIN", "65"},
		{"REKEY_PASSWORD_SCHEME", "md5"},
		{"REKEY_ARGON2_MEMORY", "1024"},
		{"REKEY_ARGON2_MEMORY", "-1"},
		{"REKEY_HASH_MEMORY", "1KiB"},
		{"REKEY_HASH_MEMORY", "256MB"},
		{"REKEY_HASH_MEMORY", "9223372036854775807GiB"},
		{"REKEY_HASH_QUEUE", "-1"},
		{"REKEY_HASH_WAIT", "1m"},
		{"REKEY_UPGRADE_HASHES", "maybe"},
		{"REKEY_BREACHED_RANGE_URL", "api.pwnedpasswords.com"},
		{"REKEY_BREACHED_RANGE_URL", "http://mirror.example.org/range"},
		{"REKEY_BREACHED_RANGE_URL", "https://mirror.example.org/range?mode=ntlm"},
		{"REKEY_BREACHED_RANGE_URL", "https://me:pw@mirror.example.org/range"},
		{"REKEY_BREACHED_TIMEOUT", "1ms"},
		{"REKEY_BREACHED_TIMEOUT", "1m"},
		{"REKEY_BREACHED_MIN_COUNT", "-1"},
		{"REKEY_BREACHED_DOWN", "ignore"},
		{"REKEY_AUDIT_ORIGIN", "two words"},
		{"REKEY_AUDIT_ORIGIN", "a+b"},
		{"REKEY_AUDIT_CHECKPOINT_EVERY", "10s"},
		{"REKEY_AUDIT_CHECKPOINT_EVERY", "25h"},
		{"REKEY_AUDIT_CHECKPOINT_MAIL", "nobody"},
		{"REKEY_AUDIT_CHECKPOINT_WEBHOOK", "http://hooks.example.org/x"},
		{"REKEY_AUDIT_CHECKPOINT_WEBHOOK", "https://me:pw@hooks.example.org/x"},
		{"REKEY_LOG_LEVEL", "loud"},
		{"REKEY_LOG_SQL", "maybe"},
		{"REKEY_LOG_ADDRESS", "some"},
		{"REKEY_LIMIT_KEYS", "1"},
		{"REKEY_PROOF", "sometimes"},
		{"REKEY_PROOF_BITS", "11"},
		{"REKEY_PROOF_BITS", "21"},
	} {
		_, err := load(t, map[string]string{c.setting: c.value})
		if err == nil || !strings.HasPrefix(err.Error(), c.setting) {
			t.Errorf("%s=%s: %v", c.setting, c.value, err)
		}
	}
	hook := map[string]string{"REKEY_AUDIT_CHECKPOINT_WEBHOOK": "https://hooks.example.org/x", "REKEY_AUDIT_CHECKPOINT_WEBHOOK_SECRET": "too short"}
	if _, err := load(t, hook); err == nil || !strings.HasPrefix(err.Error(), "REKEY_AUDIT_CHECKPOINT_WEBHOOK_SECRET") {
		t.Errorf("a webhook with a short key: %v", err)
	}
	if _, err := load(t, map[string]string{"REKEY_OIDC_ISSUER": "https://login.example.org"}); err == nil || !strings.HasPrefix(err.Error(), "REKEY_OIDC_CLIENT_ID") {
		t.Errorf("a provider without a client: %v", err)
	}
	both := map[string]string{"REKEY_BREACHED_RANGE_URL": "http://127.0.0.1:8088/range", "REKEY_BREACHED_SORTED": "list.txt"}
	if _, err := load(t, both); err == nil || !strings.HasPrefix(err.Error(), "REKEY_BREACHED_RANGE_URL: must not be set beside") {
		t.Errorf("two breach lists: %v", err)
	}
	if _, err := load(t, map[string]string{"REKEY_PASSWORD_SCHEME": "bcrypt", "REKEY_BCRYPT_COST": "4"}); err == nil || !strings.HasPrefix(err.Error(), "REKEY_BCRYPT_COST") {
		t.Errorf("bcrypt cost 4: %v", err)
	}
}

func TestAllErrorsComeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := load(t, map[string]string{"REKEY_LISTEN": "x", "REKEY_LOG_LEVEL": "loud"})
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("got %v", err)
	}
}

// No error, print or encoding of the settings shows a secret.
func TestSecretsAreNotEchoed(t *testing.T) {
	t.Parallel()
	const word = "hunter2hunter2"
	for _, env := range []map[string]string{
		{"REKEY_DATABASE_URL": "mysql://user:" + word + "@db"},
		{"REKEY_SMTP_URL": "imap://user:" + word + "@mail"},
		{"REKEY_REDIS_URL": "http://user:" + word + "@cache"},
		{"REKEY_REDIS_URL_FILE": write(t, word)},
		{"REKEY_AUDIT_CHECKPOINT_WEBHOOK": "http://hooks.example.org/" + word},
		{"REKEY_MASTER_KEY": word},
		{"REKEY_MASTER_KEY_FILE": write(t, word)},
		{"REKEY_DATABASE_URL_FILE": write(t, "mysql://"+word), "REKEY_CONFIG": write(t, "REKEY_SMTP_URL="+word+"\n")},
		{"REKEY_CONFIG": write(t, word)},
		{"REKEY_CONFIG": write(t, word+"="+word)},
	} {
		s, err := load(t, env)
		if err == nil {
			_, err = s.Master()
		}
		if err == nil || strings.Contains(err.Error(), word) {
			t.Errorf("%v: %v", env, err)
		}
	}
	s, err := load(t, map[string]string{"REKEY_DATABASE_URL": "postgres://u:" + word + "@db/x", "REKEY_SMTP_URL": "smtps://u:" + word + "@mail", "REKEY_MASTER_KEY": word,
		"REKEY_REDIS_URL": "redis://:" + word + "@cache"})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(*s), fmt.Sprintf("%+v", *s), fmt.Sprintf("%#v", *s), fmt.Sprintf("%q %x %d", s.SMTPURL, s.SMTPURL, s.SMTPURL), string(encoded)} {
		if strings.Contains(shown, word) || strings.Contains(shown, fmt.Sprintf("%x", word)) {
			t.Errorf("shown: %s", shown)
		}
	}
}

func TestFlagBeatsEnvironmentBeatsFile(t *testing.T) {
	t.Parallel()
	file := write(t, "# a comment\n\nREKEY_LISTEN=:1\nREKEY_ADMIN_LISTEN = \":2\"\nREKEY_PUBLIC_URL='https://reset.example.org/'\n")
	env := map[string]string{"REKEY_CONFIG": file, "REKEY_ADMIN_LISTEN": ":22", "REKEY_LISTEN": ":11"}
	s, err := load(t, env, "--listen=:111")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{":111", ":22", "https://reset.example.org"}, []string{s.Listen, s.AdminListen, s.PublicURL}); diff != "" {
		t.Error(diff)
	}
	if s, err = load(t, map[string]string{"REKEY_CONFIG": "/does/not/exist"}, "--config", file); err != nil || s.AdminListen != ":2" {
		t.Errorf("--config: %v", err)
	}
	for name, bad := range map[string]string{"unknown": "REKEY_LISTN=:1", "twice": "REKEY_LISTEN=:1\nREKEY_LISTEN=:2", "no value": "REKEY_LISTEN"} {
		if _, err := load(t, map[string]string{"REKEY_CONFIG": write(t, bad)}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestSecretFiles(t *testing.T) {
	t.Parallel()
	path := write(t, "smtps://user:pa ss@mail\r\n")
	s, err := load(t, map[string]string{"REKEY_SMTP_URL_FILE": path})
	if err != nil || s.SMTPURL.Reveal() != "smtps://user:pa ss@mail" {
		t.Errorf("got %v", err)
	}
	for name, env := range map[string]map[string]string{
		"both":      {"REKEY_SMTP_URL_FILE": path, "REKEY_SMTP_URL": "smtp://x"},
		"missing":   {"REKEY_SMTP_URL_FILE": path + "x"},
		"empty":     {"REKEY_SMTP_URL_FILE": write(t, "\n")},
		"directory": {"REKEY_SMTP_URL_FILE": t.TempDir()},
		"huge":      {"REKEY_SMTP_URL_FILE": write(t, strings.Repeat("x", maxSecretFile+1))},
	} {
		if _, err := load(t, env); err == nil || !strings.HasPrefix(err.Error(), "REKEY_SMTP_URL") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMasterKey(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s, err := load(t, map[string]string{"REKEY_DATA_DIR": dir})
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.Master()
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Master()
	if err != nil || first.Derive("x") != again.Derive("x") {
		t.Errorf("the second start has another key: %v", err)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "master.key"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
	if s, err = load(t, map[string]string{"REKEY_DATABASE_URL": "sqlite:" + filepath.Join(dir, "other.db")}); err != nil {
		t.Fatal(err)
	}
	if beside, err := s.Master(); err != nil || first.Derive("x") != beside.Derive("x") {
		t.Errorf("the key beside the database file is not used: %v", err)
	}
	s, err = load(t, map[string]string{"REKEY_DATA_DIR": dir, "REKEY_DATABASE_URL": "postgres://db/rekey"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Master(); err == nil || !strings.HasPrefix(err.Error(), "REKEY_MASTER_KEY") {
		t.Errorf("Postgres without a master key: %v", err)
	}
}

// Every setting says what it means, what it may be, and what it is unless set; docs/settings.md is made of that.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	got, err := Markdown()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got, "| |") || strings.Contains(got, "|  |") {
		t.Error("a setting lacks its meaning or range")
	}
	path := filepath.Join("..", "..", "docs", "settings.md")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/settings.md is old; go test ./internal/config -update writes it\n%s", diff)
	}
}
