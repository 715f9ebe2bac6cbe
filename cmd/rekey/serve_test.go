package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// processLog keeps what a process writes on standard error, and wakes whoever waits for a line.
type processLog struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan map[string]any
}

func (l *processLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// read takes lines until the process closes its end.
func (l *processLog) read(from io.Reader) {
	defer close(l.lines)
	for lines := bufio.NewScanner(from); lines.Scan(); {
		l.mu.Lock()
		l.text.Write(append(lines.Bytes(), '\n'))
		l.mu.Unlock()
		var line map[string]any
		if json.Unmarshal(lines.Bytes(), &line) == nil && line["admin"] != nil {
			l.lines <- line
		}
	}
}

// service is "rekey serve" under way in this process.
type service struct {
	t             testing.TB
	public, admin string // where it answers, http://host:port
	log           *processLog
	stop          func() int // ends it as a signal would, and gives the exit status
}

// serve starts the service on free ports and waits until it answers.
func (r *terminal) serve(args ...string) *service {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	s := &service{t: r.t, log: &processLog{lines: make(chan map[string]any, 1)}}
	status := make(chan int, 1)
	go s.log.read(reader)
	go func() {
		args := append([]string{"serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, args...)
		status <- run(ctx, args, r.getenv, strings.NewReader(""), io.Discard, writer)
		_ = writer.Close() // never fails
	}()
	s.stop = sync.OnceValue(func() int { cancel(); return <-status })
	r.t.Cleanup(func() { s.stop() })
	line, ok := <-s.log.lines
	if !ok {
		r.t.Fatalf("serve ended: %s", s.log)
	}
	if public, ok := line["public"].(string); ok {
		s.public = "http://" + public
	}
	s.admin = "http://" + line["admin"].(string)
	return s
}

// ask sends a request and gives status and body.
func (s *service) ask(method, url, key, contentType, body string) (int, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func (s *service) get(url string) (int, string) { return s.ask(http.MethodGet, url, "", "", "") }

// verify is the login service asking.
func (s *service) verify(key, subject, password string) map[string]any {
	s.t.Helper()
	body, err := json.Marshal(map[string]string{"subject": subject, "password": password})
	if err != nil {
		s.t.Fatal(err)
	}
	_, text := s.ask(http.MethodPost, s.public+"/v1/login/verify", key, "application/json", string(body))
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		s.t.Fatalf("%v: %s", err, text)
	}
	return answer
}

// reset is a member sending the form.
func (s *service) reset(token, password string) int {
	s.t.Helper()
	form := url.Values{"token": {token}, "password": {password}, "confirm": {password}}
	status, _ := s.ask(http.MethodPost, s.public+"/reset", "", "application/x-www-form-urlencoded", form.Encode())
	return status
}

// Each address answers what it is for and nothing else, and a signal ends it all in order.
func TestServe(t *testing.T) {
	r := atTerminal(t)
	before := goleak.IgnoreCurrent()
	s := r.serve()
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/forgot": 200, "/reset": 200, "/.well-known/jwks.json": 200, "/openapi.json": 200, "/metrics": 404, "/nothing": 404} {
		if status, _ := s.get(s.public + path); status != want {
			t.Errorf("public %s: %d, want %d", path, status, want)
		}
	}
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/forgot": 404, "/v1/gate": 404} {
		if status, _ := s.get(s.admin + path); status != want {
			t.Errorf("admin %s: %d, want %d", path, status, want)
		}
	}
	if status, _ := s.ask(http.MethodPost, s.public+"/v1/gate", "", "application/json", "{}"); status != http.StatusUnauthorized {
		t.Errorf("gate without a key: %d", status)
	}
	_, text := s.get(s.admin + "/metrics")
	for _, name := range []string{"rekey_info{", "rekey_hash_slots ", "rekey_hash_waiting ", "rekey_db_open ", "rekey_audit_unsealed ", "http_requests_total{", "go_goroutines "} {
		if !strings.Contains(text, "\n"+name) {
			t.Errorf("/metrics has no %s", name)
		}
	}
	if strings.Contains(text, "\nrekey_verify_floor_seconds 0\n") {
		t.Error("it answers before it knows how long a wrong password must take")
	}
	r.env["REKEY_LISTEN"] = strings.TrimPrefix(s.public, "http://")
	r.ok("health")
	if status := s.stop(); status != exitOK {
		t.Errorf("exit %d: %s", status, s.log)
	}
	r.fails(exitFailed, "health")
	same(t, "audit", numbers{"ok": true, "unsealed": 0.0}, pick(r.object("audit", "verify"), "ok", "unsealed"))
	same(t, "stop is recorded", 1, len(r.object("audit", "list", "--action", "serve.stop")["entries"].([]any)))
	goleak.VerifyNone(t, before)
}

func TestServeOnlyDelivery(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	s := r.serve("--only-delivery")
	if s.public != "" {
		t.Errorf("pages at %s", s.public)
	}
	if status, _ := s.get(s.admin + "/readyz"); status != http.StatusOK {
		t.Errorf("readyz: %d", status)
	}
	if status := s.stop(); status != exitOK {
		t.Errorf("exit %d", status)
	}
}

// What cannot be started says why, and ends.
func TestServeRefuses(t *testing.T) {
	t.Parallel()
	busy := atTerminal(t).serve("--no-delivery")
	for name, c := range map[string]struct {
		env    map[string]string
		status int
		says   string
	}{
		"bad mail URL":     {map[string]string{"REKEY_SMTP_URL": "smtp://user:hunter2@example.org?tls=none"}, exitUsage, "REKEY_SMTP_URL"},
		"bad master key":   {map[string]string{"REKEY_MASTER_KEY": "hunter2"}, exitUsage, "REKEY_MASTER_KEY"},
		"bad logo":         {map[string]string{"REKEY_LOGO": "no-such-file"}, exitFailed, "REKEY_LOGO"},
		"address in use":   {map[string]string{"REKEY_LISTEN": strings.TrimPrefix(busy.public, "http://")}, exitFailed, "listening"},
		"no such Postgres": {map[string]string{"REKEY_DATABASE_URL": "postgres://user:hunter2@127.0.0.1:1/rekey", "REKEY_MASTER_KEY": testKey}, exitFailed, "REKEY_DATABASE_URL"},
		"no master key":    {map[string]string{"REKEY_DATABASE_URL": "postgres://user:hunter2@127.0.0.1:1/rekey"}, exitUsage, "REKEY_MASTER_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := atTerminal(t)
			r.env["REKEY_ADMIN_LISTEN"] = "127.0.0.1:0"
			for k, v := range c.env {
				r.env[k] = v
			}
			status, _, why := r.run("serve")
			if status != c.status {
				t.Errorf("exit %d, want %d", status, c.status)
			}
			if !strings.Contains(why, c.says) || strings.Contains(why, "hunter2") {
				t.Errorf("it says: %s", why)
			}
		})
	}
}

const testKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// A wrong master key shows at the start, not at the first mail.
func TestServeRefusesAnotherMasterKey(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.ok("key", "rotate")
	r.env["REKEY_MASTER_KEY"] = testKey
	if why := r.fails(exitFailed, "serve"); !strings.Contains(why, "master key") {
		t.Error(why)
	}
}

// Mail in hand is finished when the service is told to end: run waits for it.
func TestServeEndsWithinItsTime(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.env["REKEY_SMTP_URL"] = "smtp://127.0.0.1:1" // nobody there: mail waits, and ending does not
	r.active()
	s := r.serve()
	done := make(chan int, 1)
	go func() { done <- s.stop() }()
	select {
	case status := <-done:
		if status != exitOK {
			t.Errorf("exit %d: %s", status, s.log)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("still running")
	}
	// One of the 21 has an address that no mail can be made for: it is found out when its turn comes, before or after the end.
	d := r.object("campaign", "status", "1")["delivery"].(numbers)
	same(t, "nobody is lost", 21.0, d["pending"].(float64)+d["failed"].(float64))
	if d["failed"].(float64) > 1 {
		t.Errorf("given up while nobody was there to take mail: %v", d)
	}
}

// dataFile is a file in the installation's data directory.
func (r *terminal) dataFile(name string) string { return filepath.Join(r.env["REKEY_DATA_DIR"], name) }
