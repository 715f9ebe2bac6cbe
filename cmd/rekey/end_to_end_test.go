package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-1c168855/rekey/internal/demo"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// The whole incident through run, as somebody who tries Rekey for the first time plays it.
func TestDemoOnce(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	dir := filepath.Join(t.TempDir(), "demo")
	var result demo.Result
	if err := json.Unmarshal([]byte(r.ok("demo", "--once", "--accounts", "300", "--json", "--keep", dir)), &result); err != nil {
		t.Fatal(err)
	}
	if !result.OK || result.Accounts != 300 || len(result.Steps) != 21 {
		t.Errorf("ok %t, %d accounts, %d steps", result.OK, result.Accounts, len(result.Steps))
	}
	for _, st := range result.Steps {
		if !st.OK || st.Name == "" || st.Detail == "" {
			t.Errorf("%+v", st)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "rekey.db")); err != nil {
		t.Error(err)
	}
	r.fails(exitUsage, "demo", "--once", "--keep", dir) // somebody's work is there
	r.fails(exitUsage, "demo", "--once", "--accounts", "5")
}

// play makes a world and plays the story in it. The change may break something first.
func play(t *testing.T, n int, env map[string]string, change func(*world)) (demo.Result, *world) {
	t.Helper()
	s := &session{getenv: atTerminal(t).getenv, stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, json: true}
	settings, err := (&world{env: env}).settings(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	s.settings = settings
	var w *world
	for range 3 { // a port that was free a moment ago may be taken by now
		w, err = newWorld(s, worldOptions{dir: t.TempDir(), listen: "127.0.0.1:0", population: demo.Population{N: n, Seed: demoSeed}, env: env})
		if err != nil {
			t.Fatal(err)
		}
		change(w)
		if err = w.start(t.Context()); !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	result, err := w.story.Play(t.Context())
	if result.OK != (err == nil) {
		t.Errorf("ok is %t and the error %v", result.OK, err)
	}
	if err := w.stop(); err != nil {
		t.Error(err)
	}
	return result, w
}

// masterKey is one in the form of the setting.
func masterKey() string {
	var key [32]byte
	rand.Read(key[:])
	return base64.StdEncoding.EncodeToString(key[:])
}

func TestStoryOnPostgres(t *testing.T) {
	t.Parallel()
	env := map[string]string{"REKEY_DATABASE_URL": storetest.PostgresURL(t), "REKEY_MASTER_KEY": masterKey()}
	if result, _ := play(t, 300, env, func(*world) {}); !result.OK {
		t.Errorf("%+v", result.Steps[len(result.Steps)-1])
	}
}

// Each step fails where what it says is not so: a Rekey that lies in one thing is found out.
func TestStoryFindsOut(t *testing.T) {
	t.Parallel()
	const n = 40
	reader, _ := demo.Population{N: n, Seed: demoSeed}.Cast()
	accepted := fmt.Sprintf(`{"result":"ok","subject":%q,"authenticated_at":1}`, reader.Subject)
	for _, lie := range []struct {
		step   string // that must fail
		change func(*world)
	}{
		{"the breached base is imported", printing("accounts import", `{"rows":40,"inserted":39,"rejected":1}`)},
		{"the list is matched with the base", replacing("campaign prepare", `"unmatched":2`, `"unmatched":1`)},
		{"the preview counts who would die", replacing("campaign preview", `"already_dead":0`, `"already_dead":1`)},
		{"an old password works", answering("/v1/login/verify", 0, 200, `{"result":"invalid"}`)},
		{"a session is live", answering("/v1/gate", 0, 200, `{"session":"dead","credential":"live"}`)},
		{"the old password is dead", printing("campaign activate", `{"id":1,"state":"active","activated_at":"2026-01-02T03:04:05Z"}`)},
		{"the old password is dead", answering("/v1/login/verify", 2, 200, accepted)},
		{"the session is dead", answering("/v1/gate", 1, 200, `{"session":"live","credential":"dead","reason":"breach","incident":"pass-2011"}`)},
		{"opening the link does nothing", opening},
		{"the old password is refused as the new one", answering("/reset", 4, 303, "")},
		{"the link sets a new password", answering("/reset", 5, 200, "")},
		{"the new password works, the old one does not", answering("/reset", 5, 303, "")},
		{"the new password works, the old one does not", answering("/v1/login/verify", 5, 200, accepted)},
		{"the link is dead", answering("/reset", 6, 303, "")},
		{"the link is dead", answering("/v1/introspect", 2, 200, `{"active":true}`)},
		{"the code is dead", answering("/reset", 8, 303, "")},
		{"everybody on the list is written to, once", func(w *world) {
			w.mailbox.Deliver("x@example.org", "stranger@example.org", []byte("Subject: x\r\n\r\n"))
		}},
		{"the audit log is whole", printing("audit verify", `{"ok":false,"entries":9}`)},
		{"the audit log is whole", printing("audit list", `{"entries":[]}`)},
	} {
		t.Run(lie.step, func(t *testing.T) {
			t.Parallel()
			result, _ := play(t, n, nil, lie.change)
			last := result.Steps[len(result.Steps)-1]
			if result.OK || last.OK || last.Name != lie.step {
				t.Errorf("ended at %+v", last)
			}
		})
	}
}

// printing has a command print something and do nothing.
func printing(command, text string) func(*world) {
	return func(w *world) {
		honest := w.story.Command
		w.story.Command = func(ctx context.Context, args ...string) ([]byte, error) {
			if strings.HasPrefix(strings.Join(args, " "), command) {
				return []byte(text), nil
			}
			return honest(ctx, args...)
		}
	}
}

// replacing changes what a command prints.
func replacing(command, old, new string) func(*world) {
	return func(w *world) {
		honest := w.story.Command
		w.story.Command = func(ctx context.Context, args ...string) ([]byte, error) {
			out, err := honest(ctx, args...)
			if !strings.HasPrefix(strings.Join(args, " "), command) {
				return out, err
			}
			if !strings.Contains(string(out), old) {
				return nil, fmt.Errorf("%s does not print %s", command, old)
			}
			return []byte(strings.ReplaceAll(string(out), old, new)), err
		}
	}
}

// answering has the call to a path, after so many honest ones, get an answer that Rekey never gave; the call does not reach it.
func answering(path string, honest, status int, body string) func(*world) {
	return func(w *world) {
		calls := 0
		w.story.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path != path {
				return http.DefaultTransport.RoundTrip(r)
			}
			if calls++; calls != honest+1 {
				return http.DefaultTransport.RoundTrip(r)
			}
			return &http.Response{StatusCode: status, Status: http.StatusText(status), Request: r, Body: io.NopCloser(strings.NewReader(body)),
				Header: http.Header{"Location": {"/done"}, "Content-Type": {"application/json"}}}, nil
		})
	}
}

// opening has the first GET of the form use the link up, as a scanner that presses buttons would.
func opening(w *world) {
	used := false
	w.story.Transport = transport(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodGet && r.URL.Path == "/reset" && !used {
			used = true
			reader, _ := w.story.Population.Cast()
			mail, ok := newest(w, reader.Email)
			if !ok {
				return nil, fmt.Errorf("no mail to %s", reader.Email)
			}
			form := strings.NewReader("token=" + mail.Token() + "&password=quartz+lantern+moving+sideways&confirm=quartz+lantern+moving+sideways")
			resp, err := http.Post(w.story.URL+"/reset", "application/x-www-form-urlencoded", form)
			if err != nil {
				return nil, err
			}
			resp.Body.Close()
		}
		return http.DefaultTransport.RoundTrip(r)
	})
}

func newest(w *world, address string) (demo.Letter, bool) {
	found := w.mailbox.Find(address, 1)
	if len(found) == 0 {
		return demo.Letter{}, false
	}
	letter, err := found[0].Read()
	return letter, err == nil
}

// transport is a http.RoundTripper.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// No log of a whole incident, at the most talkative, holds anything that opens anything.
func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]map[string]string{
		"sqlite":   {},
		"postgres": {"REKEY_DATABASE_URL": storetest.PostgresURL(t), "REKEY_MASTER_KEY": masterKey()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env["REKEY_LOG_LEVEL"], env["REKEY_LOG_SQL"] = "debug", "true"
			result, w := play(t, 60, env, func(*world) {})
			if !result.OK {
				t.Fatalf("%+v", result.Steps[len(result.Steps)-1])
			}
			log, err := os.ReadFile(filepath.Join(w.dir, demoLog))
			if err != nil {
				t.Fatal(err)
			}
			if text := string(log); !strings.Contains(text, "UPDATE accounts") || !strings.Contains(text, `"DEBUG"`) || !strings.Contains(text, "/v1/login/verify") {
				t.Error("the log lacks statements or requests, so this test proves nothing")
			}
			for what, secret := range secretsOf(t, w) {
				if secret == "" {
					t.Errorf("there was no %s", what)
				} else if strings.Contains(string(log), secret) {
					t.Errorf("%s is in the log", what)
				}
			}
		})
	}
}

// secretsOf are the story's secrets, in every form that could be logged, and the installation's own.
func secretsOf(t *testing.T, w *world) map[string]string {
	t.Helper()
	secrets := w.story.Secrets()
	for what, secret := range w.story.Secrets() {
		if strings.HasSuffix(what, "code") {
			secrets[what+" in small letters"] = strings.ToLower(secret)
			secrets[what+" without hyphens"] = strings.ReplaceAll(secret, "-", "")
		}
		if strings.HasSuffix(what, "token") {
			secrets["signature of "+what] = secret[strings.LastIndexByte(secret, '.')+1:]
		}
	}
	reader, typer := w.story.Population.Cast()
	secrets["reader's old hash"], secrets["typer's old hash"] = reader.Hash, typer.Hash
	secrets["a new hash"] = "$argon2id$v=19$m="
	if key := w.env["REKEY_MASTER_KEY"]; key != "" {
		secrets["master key"] = key
		return secrets
	}
	key, err := os.ReadFile(filepath.Join(w.dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	secrets["master key"] = strings.TrimSpace(string(key))
	return secrets
}

// A demo that cannot start says why and what to do, and leaves nothing behind.
func TestDemoWhereSomethingElseServes(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	r := atTerminal(t)
	if why := r.fails(exitFailed, "demo", "--listen", taken.Addr().String()); !strings.Contains(why, "something else serves on "+taken.Addr().String()) || !strings.Contains(why, "--listen 127.0.0.1:") {
		t.Error(why)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// The demo reads no database and no mail server from its surroundings: it must not find its way to real members.
func TestDemoKeepsToItself(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.env["REKEY_DATABASE_URL"], r.env["REKEY_SMTP_URL"] = "sqlite:"+filepath.Join(t.TempDir(), "real.db"), "smtp://mail.example.org"
	r.env["REKEY_PUBLIC_URL"], r.env["REKEY_MASTER_KEY"] = "https://reset.example.org", masterKey()
	r.ok("demo", "--once", "--accounts", "20")
	if _, err := os.Stat(strings.TrimPrefix(r.env["REKEY_DATABASE_URL"], "sqlite:")); !os.IsNotExist(err) {
		t.Errorf("the demo touched the database of the environment: %v", err)
	}
}
