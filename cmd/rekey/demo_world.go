package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/seed-1c168855/rekey/internal/config"
	"github.com/seed-1c168855/rekey/internal/demo"
	"github.com/seed-1c168855/rekey/internal/server"
)

// demoLog is the log's name in the demo's directory.
const demoLog = "rekey.log"

// world is a Rekey of its own in this process, with the mail server and the sites the demo needs around it.
type world struct {
	session *session
	dir     string
	listen  string // of the members' pages, with the port they will have
	env     map[string]string
	log     *os.File
	mailbox *demo.Mailbox
	smtp    net.Listener
	login   net.Listener // of the login site, beside the members' pages where that port is free
	box     net.Listener // of the mailbox's pages
	story   *demo.Story

	cancel context.CancelFunc
	group  *errgroup.Group
	ended  context.Context // of the group
}

// worldOptions say what a world is made of.
type worldOptions struct {
	dir        string
	listen     string // host:port; port 0: any
	population demo.Population
	env        map[string]string // settings over the demo's own
}

// serviceName is what the demo's members know their service as.
const serviceName = "Emerald Pass"

// newWorld reserves the addresses and starts nothing. Of the settings of whoever started the demo only those of the log count: a
// demo must not find its way to a real database or mail server.
func newWorld(s *session, o worldOptions) (*world, error) {
	reader, typer := o.population.Cast()
	w := &world{session: s, dir: o.dir, mailbox: demo.NewMailbox(reader.Email, typer.Email)}
	var err error
	if w.listen, err = reserve(o.listen); err != nil {
		return nil, err
	}
	if err := w.open(); err != nil {
		return nil, errors.Join(err, w.shut())
	}
	w.env = w.environment(s.settings)
	for name, value := range o.env {
		w.env[name] = value
	}
	w.story = &demo.Story{Population: o.population, Dir: o.dir, URL: w.env["REKEY_PUBLIC_URL"], Mailbox: w.mailbox, Command: w.command}
	return w, nil
}

// open opens what the demo needs around Rekey.
func (w *world) open() (err error) {
	host, text, _ := net.SplitHostPort(w.listen)
	port, _ := strconv.Atoi(text)
	if w.smtp, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return fmt.Errorf("listening for mail: %w", err)
	}
	if w.login, err = listenNear(host, port+1); err != nil {
		return err
	}
	if w.box, err = listenNear(host, port+2); err != nil {
		return err
	}
	if w.log, err = os.OpenFile(filepath.Join(w.dir, demoLog), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	return nil
}

// shut closes what is open, also what nobody serves; what is closed already is no failure.
func (w *world) shut() error {
	for _, l := range []net.Listener{w.smtp, w.login, w.box} {
		if l != nil {
			_ = l.Close()
		}
	}
	if w.log == nil {
		return nil
	}
	return w.log.Close()
}

func (w *world) environment(outer *config.Settings) map[string]string {
	return map[string]string{
		"REKEY_DATABASE_URL": "sqlite:" + filepath.Join(w.dir, "rekey.db"),
		"REKEY_DATA_DIR":     w.dir,
		"REKEY_LISTEN":       w.listen,
		"REKEY_ADMIN_LISTEN": "127.0.0.1:0",
		"REKEY_PUBLIC_URL":   "http://" + reachable(w.listen),
		"REKEY_SMTP_URL":     "smtp://" + w.smtp.Addr().String(),
		"REKEY_MAIL_FROM":    serviceName + " <no-reply@pass.example>",
		"REKEY_SERVICE_NAME": serviceName,
		"REKEY_RETURN_URL":   w.loginURL(),
		"REKEY_COLOUR":       "#0c6b4b", // the login site's
		"REKEY_LOG_LEVEL":    outer.LogLevel,
		"REKEY_LOG_SQL":      strconv.FormatBool(outer.LogSQL),
		"USER":               w.session.getenv("USER"),
	}
}

// reserve finds out whether an address is free, and picks a port if any will do. The links in mails need to know it before
// anything is served.
func reserve(address string) (string, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return "", fmt.Errorf("--listen: something else serves on %s; name another address, as --listen 127.0.0.1:%d", address, another(address))
	}
	if err != nil {
		return "", usagef("--listen: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	host, _, err := net.SplitHostPort(address) // it could be listened on a moment ago
	return net.JoinHostPort(host, strconv.Itoa(port)), errors.Join(err, l.Close())
}

// another is a port to propose.
func another(address string) int {
	_, text, _ := net.SplitHostPort(address)
	if port, err := strconv.Atoi(text); err == nil && port > 0 && port < 64000 {
		return port + 1000
	}
	return 18080
}

// start runs Rekey and the mail server until stop.
func (w *world) start(ctx context.Context) error {
	ctx, w.cancel = context.WithCancel(ctx)
	w.group, w.ended = errgroup.WithContext(ctx)
	logger := newLogger(w.log, w.env["REKEY_LOG_LEVEL"])
	w.group.Go(func() error { return w.mailbox.ServeSMTP(w.ended, w.smtp, logger) })
	settings, err := w.settings(ctx)
	if err != nil {
		return err
	}
	a, err := newApp(ctx, settings, logger)
	if err != nil {
		return err
	}
	listening := make(chan struct{})
	w.group.Go(func() error {
		err := a.run(w.ended, parts{web: true, delivery: true, listening: func(_, _ net.Addr) { close(listening) }})
		return errors.Join(err, a.Close())
	})
	select {
	case <-listening:
		return nil
	case <-w.ended.Done():
		return fmt.Errorf("starting: %w", context.Cause(w.ended))
	}
}

// settings reads the world's environment as "rekey serve" would.
func (w *world) settings(ctx context.Context) (*config.Settings, error) {
	var c cli
	var said bytes.Buffer
	s := &session{getenv: w.getenv, stdin: strings.NewReader(""), stdout: io.Discard, stderr: &said, settings: &c.Settings}
	if parsed, _ := parse(ctx, &c, s, []string{"serve"}); parsed == nil {
		return nil, errors.New(strings.TrimSpace(said.String()))
	}
	return &c.Settings, nil
}

func (w *world) getenv(name string) string { return w.env[name] }

// command runs another command of this program against the world, as a second terminal would.
func (w *world) command(ctx context.Context, args ...string) ([]byte, error) {
	var out, said bytes.Buffer
	status := run(ctx, append([]string{"--json"}, args...), w.getenv, strings.NewReader(""), &out, io.MultiWriter(&said, w.log))
	if status != exitOK {
		return nil, fmt.Errorf("rekey %s ended with status %d: %s", strings.Join(args[:2], " "), status, strings.TrimSpace(said.String()))
	}
	return out.Bytes(), nil
}

// wait is for the end: Ctrl-C, or a part that failed.
func (w *world) wait(ctx context.Context) error {
	<-w.ended.Done()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(w.ended)
}

// stop ends all parts: requests and mails in flight are finished.
func (w *world) stop() error {
	w.cancel()
	err := w.group.Wait()
	return errors.Join(err, w.shut())
}

// sites is where everything is, and what to try.
type sites struct {
	Rekey    string `json:"rekey"`
	Login    string `json:"login"`
	Mailbox  string `json:"mailbox"`
	Email    string `json:"email"`
	Password string `json:"password"`
	Campaign int64  `json:"campaign"`
	WouldDie int64  `json:"would_die"`
	Preview  string `json:"preview"`
	Activate string `json:"activate"`
	Status   string `json:"status"`
}

func (w *world) loginURL() string   { return "http://" + reachable(w.login.Addr().String()) }
func (w *world) mailboxURL() string { return "http://" + reachable(w.box.Addr().String()) }

// openSites serves the login site, with the key it was given, and the mailbox.
func (w *world) openSites() (sites, error) {
	at := w.sites(w.loginURL(), w.mailboxURL())
	guide := demo.Guide{Name: serviceName, LoginURL: at.Login, MailboxURL: at.Mailbox, RekeyURL: at.Rekey, Email: at.Email, Password: at.Password}
	logger := newLogger(w.log, w.env["REKEY_LOG_LEVEL"])
	login, err := demo.NewLoginSite(w.story.Service(), guide, logger)
	if err != nil {
		return sites{}, err
	}
	mails, err := demo.NewMailboxSite(w.mailbox, guide, logger)
	if err != nil {
		return sites{}, err
	}
	w.serve(w.login, login, logger)
	w.serve(w.box, mails, logger)
	return at, nil
}

func (w *world) sites(login, box string) sites {
	id, wouldDie := w.story.Prepared()
	member, _ := w.story.Population.Cast()
	return sites{
		Rekey: w.story.URL, Login: login, Mailbox: box, Email: member.Email, Password: member.Password, Campaign: id, WouldDie: wouldDie,
		Preview:  w.paste("campaign", "preview", fmt.Sprint(id)),
		Activate: w.paste("campaign", "activate", fmt.Sprint(id), "--expect", fmt.Sprint(wouldDie), "--yes"),
		Status:   w.paste("campaign", "status", fmt.Sprint(id)),
	}
}

// paste is a command line for a second terminal. The database is named in full: whoever pastes it may have another one in the environment.
func (w *world) paste(args ...string) string {
	program, err := os.Executable()
	if err != nil {
		program = "rekey"
	}
	words := []string{"env", "REKEY_DATA_DIR=" + w.dir, "REKEY_DATABASE_URL=" + w.env["REKEY_DATABASE_URL"], program}
	words = append(words, args...)
	for i, word := range words {
		if strings.ContainsAny(word, " '\"$&;()\\") {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// listenNear takes the port, or any if that one is taken.
func listenNear(host string, port int) (net.Listener, error) {
	if l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
		return l, nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	return l, nil
}

// serve is for one of the demo's sites. It has nothing to finish: at the end it is cut.
func (w *world) serve(l net.Listener, h http.Handler, logger *slog.Logger) {
	web := server.HTTPServer(l.Addr().String(), h, server.Limits{ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)})
	stop := context.AfterFunc(w.ended, func() { _ = web.Close() }) // nobody waits for the demo's pages
	w.group.Go(func() error {
		defer stop()
		if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving the demo's pages: %w", err)
		}
		return nil
	})
}
