package portal

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/server"
)

// TestDoor holds that a full door keeps out who gives up waiting, that a place comes back once however often it is left, and who waits gets it.
func TestDoor(t *testing.T) {
	t.Parallel()
	d := make(door, 1)
	leave, err := d.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.enter(gone); !problem.Is(err, problem.Unavailable) {
		t.Errorf("a full door: %v", err)
	}
	waited := make(chan error)
	go func() {
		_, err := d.enter(t.Context())
		waited <- err
	}()
	leave()
	leave()
	if err := <-waited; err != nil {
		t.Errorf("waiting: %v", err)
	}
	if len(d) != 1 {
		t.Errorf("%d are in a door for one", len(d))
	}
}

// slow are use cases of which Redeem takes until it is let go, inside the door or behind it.
type slow struct {
	Resets
	behind bool
	let    chan struct{}
}

func (s slow) Redeem(_ context.Context, f reset.Submission) error {
	if s.behind {
		f.Leave()
	}
	<-s.let
	return nil
}

func (slow) Check(context.Context, string, netip.Addr) error { return nil }
func (slow) Locked(context.Context) (bool, error)            { return false, nil }

func nobody(context.Context, string) (incident.Incident, error) {
	return incident.Incident{}, problem.New(problem.NotFound, "no such incident")
}

// engine is a portal with a door for one, and what answers its routes.
func engine(t *testing.T, r Resets) (*Portal, http.Handler) {
	t.Helper()
	p, err := New(Options{Resets: r, Notice: nobody, PublicURL: "http://reset.example", Minimum: 15, Maximum: 256})
	if err != nil {
		t.Fatal(err)
	}
	p.door = make(door, 1)
	e, err := server.New(server.Options{Logger: slog.New(slog.DiscardHandler), Render: p.Problem})
	if err != nil {
		t.Fatal(err)
	}
	p.Routes(e)
	return p, e
}

func request(e http.Handler, method, path, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://reset.example"+path, strings.NewReader(form))
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

// TestWhoWaitsInsideTheDoor holds that with the door full what needs no database is answered, and the rest is told honestly, with the form kept.
func TestWhoWaitsInsideTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		_, e := engine(t, slow{let: let})
		first := make(chan int)
		go func() { first <- request(e, "POST", "/reset", "token=t&password=x&confirm=x").Code }()
		synctest.Wait()
		for _, path := range []string{"/", "/done", "/proof", "/robots.txt"} {
			if w := request(e, "GET", path, ""); w.Code != http.StatusOK {
				t.Errorf("GET %s: %d", path, w.Code)
			}
		}
		for _, c := range []struct{ method, path, form, kept string }{
			{"GET", "/reset", "", ""}, {"GET", "/incidents/one", "", ""}, {"POST", "/reset", "token=the-token&password=x&confirm=x", "the-token"},
			{"POST", "/forgot", "email=ann@example.com", "ann@example.com"}, {"POST", "/reissue", "token=the-token", "the-token"}, {"POST", "/reset/check", "token=t", ""},
		} {
			w := request(e, c.method, c.path, c.form)
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "10" || !strings.Contains(w.Body.String(), c.kept) {
				t.Errorf("%s %s: %d, Retry-After %q, %s", c.method, c.path, w.Code, w.Header().Get("Retry-After"), w.Body)
			}
		}
		close(let)
		if code := <-first; code != http.StatusSeeOther {
			t.Errorf("the one inside: %d", code)
		}
		if w := request(e, "GET", "/reset", ""); w.Code != http.StatusOK {
			t.Errorf("afterwards: %d", w.Code)
		}
	})
}

// TestWhoWaitsBehindTheDoor holds that who waits for something slow keeps nobody out.
func TestWhoWaitsBehindTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		_, e := engine(t, slow{behind: true, let: let})
		first := make(chan int)
		go func() { first <- request(e, "POST", "/reset", "token=t&password=x&confirm=x").Code }()
		synctest.Wait()
		if w := request(e, "GET", "/reset", ""); w.Code != http.StatusOK {
			t.Errorf("GET /reset: %d", w.Code)
		}
		if w := request(e, "POST", "/reset/check", "token=t"); w.Code != http.StatusNoContent {
			t.Errorf("POST /reset/check: %d", w.Code)
		}
		close(let)
		if code := <-first; code != http.StatusSeeOther {
			t.Errorf("the one behind: %d", code)
		}
	})
}

// TestSlowReaders holds that who does not read the answer keeps nobody out.
func TestSlowReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, e := engine(t, slow{})
		deaf := &deafWriter{ResponseRecorder: httptest.NewRecorder(), let: make(chan struct{})}
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.ServeHTTP(deaf, httptest.NewRequest("GET", "http://reset.example/forgot", nil))
		}()
		synctest.Wait()
		if w := request(e, "GET", "/forgot", ""); w.Code != http.StatusOK {
			t.Errorf("beside one who does not read: %d", w.Code)
		}
		close(deaf.let)
		<-done
	})
}

// deafWriter takes nothing until it is let.
type deafWriter struct {
	*httptest.ResponseRecorder
	let chan struct{}
}

func (w *deafWriter) Write(b []byte) (int, error) {
	<-w.let
	return w.ResponseRecorder.Write(b)
}
