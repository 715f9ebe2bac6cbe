package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/store"
)

// session is one run of one command: where it reads and writes, and the database once somebody asked for it.
type session struct {
	settings       *config.Settings
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	json, yes      bool
	logger         *slog.Logger

	breakGlass string   // why one person acts alone, "" if they don't say
	alarms     []string // what was done alone in this run

	remote *remote // where a command acts that was given --server; nil: beside the database
	opened *store.Store
	acted  bool // somebody asked who acts: there may be audit entries to seal

	closing []io.Closer // what else was opened
}

func (s *session) begin(c *cli) {
	s.json, s.yes, s.breakGlass = c.JSON, c.Yes, strings.TrimSpace(c.BreakGlass)
	s.logger = newLogger(s.stderr, s.settings.LogLevel)
}

// sealTime is how long the last step of a command may take, also after it was interrupted.
const sealTime = 30 * time.Second

// end seals what the command did, so that "audit verify" right after it finds a sealed log, and closes the database.
func (s *session) end(ctx context.Context, err error) error {
	if s.opened == nil {
		return err
	}
	if err == nil {
		s.soundAlarms(context.WithoutCancel(ctx))
	}
	if s.acted {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sealTime)
		defer cancel()
		if _, sealing := audit.NewSequencer(s.opened, s.logger).SealOnce(ctx); sealing != nil {
			s.logger.WarnContext(ctx, "audit entries wait unsealed; the next command or the serving process seals them", "error", sealing)
		}
	}
	errs := []error{err, s.opened.Close()}
	for _, c := range s.closing {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// connect opens the database as it is.
func (s *session) connect(ctx context.Context) (*store.Store, error) {
	if s.opened != nil {
		return s.opened, nil
	}
	db, err := openStore(ctx, s.settings, s.logger)
	if err != nil {
		return nil, err
	}
	s.opened = db
	return db, nil
}

// open gives the database with this program's schema. An embedded one that is new is made ready; any other is refused with what to do.
func (s *session) open(ctx context.Context) (*store.Store, error) {
	db, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	made, err := makeReady(ctx, db, s.settings, s.who())
	s.acted = s.acted || made
	return db, err
}

func openStore(ctx context.Context, settings *config.Settings, logger *slog.Logger) (*store.Store, error) {
	db, err := store.Open(ctx, store.Options{
		URL: settings.DatabaseURL.Reveal(), Connections: settings.DBConnections, Logger: logger, LogSQL: settings.LogSQL,
	})
	if err != nil {
		return nil, fmt.Errorf("REKEY_DATABASE_URL: %w", err)
	}
	return db, nil
}

// makeReady migrates an embedded database that has nothing in it yet, and refuses any other schema than this program's.
func makeReady(ctx context.Context, db *store.Store, settings *config.Settings, actor audit.Actor) (made bool, err error) {
	if settings.Embedded() {
		is, err := db.Schema(ctx)
		if err != nil {
			return false, err
		}
		if is.Database == 0 {
			if _, err := migrate(ctx, db, actor); err != nil {
				return false, err
			}
			made = true
		}
	}
	return made, db.CheckSchema(ctx)
}

// actor is who acts, for the audit log. Whoever asks is about to act.
func (s *session) actor() audit.Actor {
	s.acted = true
	return s.who()
}

// who is the system's user: the command line is the way of whoever holds database and master key.
func (s *session) who() audit.Actor {
	name := s.getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if name == "" {
		name = "unknown"
	}
	return audit.Actor{Kind: audit.KindCLI, Name: name}
}

func (s *session) directory(ctx context.Context) (*account.Directory, error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	return account.NewDirectory(db), nil
}

func (s *session) keys(ctx context.Context) (*reset.Keys, error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	master, err := s.settings.Master()
	if err != nil {
		return nil, usage(err)
	}
	return reset.NewKeys(db, master, s.settings.PublicURL), nil
}

// parseTime reads a time as people write it.
func parseTime(flag, text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return &t, nil
		}
	}
	return nil, usagef("--%s: a time is written as 2011-06-17 or 2011-06-17T12:00:00Z, not %s", flag, strconv.Quote(text))
}
