package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/seed-1c168855/rekey/internal/secret"
)

// Embedded tells whether the database is the one in a file.
func (s *Settings) Embedded() bool { return strings.HasPrefix(s.DatabaseURL.Reveal(), "sqlite:") }

func (s *Settings) dataFile(name string) string { return filepath.Join(s.DataDir, name) }

// errNoMaster says what to do: a key made in silence on each of several machines would be several keys.
var errNoMaster = errors.New("REKEY_MASTER_KEY: needed with a Postgres database, the same for every process; make one with: openssl rand -base64 32")

// Master gives the master key: the setting, or on the embedded database the file beside it, made if missing.
func (s *Settings) Master() (secret.Master, error) {
	if !s.MasterKey.IsZero() {
		return parseMaster("REKEY_MASTER_KEY", s.MasterKey)
	}
	if !s.Embedded() {
		return secret.Master{}, errNoMaster
	}
	m, err := secret.LoadOrCreateFile(s.dataFile("master.key"))
	if err != nil {
		return secret.Master{}, fmt.Errorf("REKEY_DATA_DIR: %w", err)
	}
	return m, nil
}

func parseMaster(setting string, text Secret) (secret.Master, error) {
	m, err := secret.ParseMaster(text.Reveal())
	if err != nil {
		return secret.Master{}, fmt.Errorf("%s: %w", setting, err)
	}
	return m, nil
}
