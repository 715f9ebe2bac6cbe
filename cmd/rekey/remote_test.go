package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
)

// tokenOf makes an operator, as the console would, and a token of theirs.
func (r *terminal) tokenOf(name string, fresh bool, roles ...operator.Role) string {
	r.t.Helper()
	url := r.env["REKEY_DATABASE_URL"]
	if url == "" {
		url = "sqlite:" + filepath.Join(r.env["REKEY_DATA_DIR"], "rekey.db")
	}
	db, err := store.Open(r.t.Context(), store.Options{URL: url})
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	who := operator.CommandLine("test", "")
	o, _, err := operator.NewPeople(db).Create(r.t.Context(), operator.CreateRequest{Name: name, Email: name + "@example.org", Roles: roles}, who.Actor())
	if err != nil {
		r.t.Fatal(err)
	}
	t, token, err := operator.CreateToken(r.t.Context(), db, o.Person(time.Time{}), "cli", time.Hour)
	if err == nil && fresh {
		_, err = operator.FreshenToken(r.t.Context(), db, o.Person(time.Time{}), t.ID)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return token
}

// at is the same person's terminal elsewhere: no database, no master key, a token for a server.
func (r *terminal) at(server, token string) *terminal {
	return &terminal{t: r.t, env: map[string]string{"REKEY_SERVER": server, "REKEY_TOKEN": token, "REKEY_DATA_DIR": filepath.Join(r.t.TempDir(), "none")}}
}

// The course of a campaign from two laptops: asked for on one, approved on the other.
func TestServerTwoPeople(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]func(*terminal){
		"sqlite": func(*terminal) {},
		"postgres": func(r *terminal) {
			r.env["REKEY_DATABASE_URL"], r.env["REKEY_MASTER_KEY"] = storetest.PostgresURL(t), masterKey()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := atTerminal(t)
			env(r)
			if name == "postgres" {
				r.ok("migrate")
			}
			r.imported()
			anns, bobs := r.tokenOf("ann", true, operator.Responder, operator.Admin), r.tokenOf("bob", true, operator.Approver, operator.Admin)
			admin := r.serve("--no-delivery").admin
			ann, bob := r.at(admin, anns), r.at(admin, bobs)

			ann.ok("incident", "set", "june", "--title", "Data was copied", "--found", "2011-06-16", "--classes", "names,passwords")
			list := filepath.Join(t.TempDir(), "list.csv")
			if err := os.WriteFile(list, []byte("subject\nt-003\nt-004\n"+strings.Repeat("nobody\n", 50_000)), 0o600); err != nil {
				t.Fatal(err)
			}
			same(t, "create", numbers{"id": 1.0, "state": "draft", "list_column": "subject"},
				pick(ann.object("campaign", "create", "--incident", "june", "--scope", "list", "--list", list), "id", "state", "list_column"))
			same(t, "prepare", numbers{"listed": 50002.0, "matched": 2.0, "unmatched": 50000.0}, pick(ann.object("campaign", "prepare", "1"), "listed", "matched", "unmatched"))
			if lines := ann.ok("campaign", "lines", "1", "--outcome", "unmatched"); !strings.Contains(lines, "nobody") {
				t.Error(lines)
			}
			dry := bob.object("campaign", "activate", "1") // who may not preview may see what they will be asked for
			expect := fmt.Sprint(dry["would_die"])
			same(t, "dry", true, dry["dry_run"])

			asked := ann.object("campaign", "activate", "1", "--expect", expect, "--reason", "confirmed", "--yes")
			same(t, "asked", numbers{"state": "pending", "act": "campaign.activate", "requester": "ann", "reason": "confirmed"}, pick(asked, "state", "act", "requester", "reason"))
			same(t, "still", "prepared", ann.object("campaign", "show", "1")["state"])
			id := fmt.Sprint(asked["id"])
			if text := bob.ok("approval", "approve", id); !strings.Contains(text, "passwords die at once") || !strings.Contains(text, "Nothing was done.") {
				t.Error(text)
			}
			if why := ann.fails(exitFailed, "approval", "approve", id, "--yes"); !strings.Contains(why, "Somebody else has to decide") {
				t.Error(why)
			}
			same(t, "approved", numbers{"state": "approved", "decider": "bob"}, pick(bob.object("approval", "approve", id, "--yes", "--note", "checked"), "state", "decider"))
			same(t, "status", "active", ann.object("campaign", "status", "1")["state"])
			same(t, "dead", "dead", ann.object("accounts", "show", "t-003")["state"])

			if why := ann.fails(exitFailed, "audit", "export"); !strings.Contains(why, "second person") {
				t.Error(why)
			}
			export := ann.object("audit", "export", "--reason", "for the regulator")
			bob.ok("approval", "approve", fmt.Sprint(export["id"]), "--yes")
			if log := ann.ok("audit", "export"); !strings.Contains(log, "campaign.activate") {
				t.Error(log)
			}
			hashes := ann.object("accounts", "export", "--reason", "hand-back")
			bob.ok("approval", "approve", fmt.Sprint(hashes["id"]), "--yes")
			same(t, "exported", 0.0, ann.object("accounts", "export", "--output", filepath.Join(t.TempDir(), "new.csv"))["rows"])
		})
	}
}

// What a command prints is the same through the server, but for parts of seconds.
func TestServerPrintsTheSame(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.active()
	r.ok("incident", "set", "breach", "--title", "Data was copied", "--found", "2011-06-16", "--unexposed", "payment data")
	r.ok("client", "create", "shop", "--scope", "login", "--expires", "2999-01-01")
	kept := fmt.Sprint(r.object("audit", "checkpoint")["size"])
	token := r.tokenOf("ann", false, operator.AllRoles()...)
	far := r.at(r.serve("--no-delivery").admin, token)
	for _, c := range [][]string{
		{"incident", "show", "breach"}, {"incident", "list"}, {"campaign", "list"}, {"campaign", "show", "1"}, {"campaign", "status", "1"}, {"campaign", "close", "1"},
		{"campaign", "cancel", "1"}, {"campaign", "remind", "1"}, {"lockdown", "status"}, {"client", "list"}, {"client", "revoke", "shop"}, {"key", "list"}, {"operator", "list"},
		{"accounts", "show", "t-003"}, {"approval", "list"}, {"audit", "list", "--action", "campaign", "--until", "2999-01-01"},
		{"audit", "checkpoint"}, {"audit", "checkpoint", "--list", "--limit", "1"}, {"audit", "prove", "3"}, {"audit", "prove", "3", "--size", kept}, {"audit", "prove", "--consistency", "2"},
		{"audit", "prove", "--consistency", kept},
	} {
		what := strings.Join(c, " ")
		same(t, what, r.ok(c...), far.ok(c...))
		same(t, what+" in JSON", roughly(r.object(c...)), roughly(far.object(c...)))
	}
	for _, c := range [][]string{{"campaign", "show", "99"}, {"audit", "prove", "999"}, {"audit", "prove", "1", "--size", "2"}, {"incident", "show", "july"}, {"campaign", "prepare", "1"}, {"campaign", "create", "--incident", "x", "--scope", "list"}} {
		near, _, _ := r.run(c...)
		if status, _, why := far.run(c...); status != near || why == "" {
			t.Errorf("%v: exit %d, beside the database %d: %s", c, status, near, why)
		}
	}
	if why := far.fails(exitFailed, "key", "rotate"); !strings.Contains(why, "Freshen this token") {
		t.Error(why)
	}
}

// roughly cuts the parts of seconds off every time.
func roughly(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Collect(maps.Keys(v)) {
			v[name] = roughly(v[name])
		}
	case []any:
		for i := range v {
			v[i] = roughly(v[i])
		}
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return t.UTC().Format(time.RFC3339)
		}
	}
	return v
}

// Where a token may go, and what needs the database.
func TestServerIsRefused(t *testing.T) {
	t.Parallel()
	const token = "rko_secret-token-of-nobody"
	r := atTerminal(t).at("https://127.0.0.1:1", token)
	for _, c := range [][]string{{"serve"}, {"migrate"}, {"demo", "--once"}, {"accounts", "import", "x.csv"}, {"accounts", "delete", "x", "--yes"}, {"key", "rewrap", "--to", "x"},
		{"audit", "verify"}, {"audit", "key"}, {"audit", "export", "--checkpoint", "x"}} {
		if why := r.fails(exitUsage, c...); !strings.Contains(why, "beside the database") {
			t.Errorf("%v: %s", c, why)
		}
	}
	r.ok("version")
	for _, bad := range []string{"http://rekey.example.org", "rekey.example.org", "https://user:pw@rekey.example.org", "https://rekey.example.org/console", "ftp://127.0.0.1", "https://"} {
		r.env["REKEY_SERVER"] = bad
		r.fails(exitUsage, "campaign", "list")
	}
	delete(r.env, "REKEY_TOKEN")
	r.fails(exitUsage, "campaign", "list", "--server", "https://127.0.0.1:1")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.env["REKEY_TOKEN_FILE"] = file
	if why := r.fails(exitFailed, "campaign", "list", "--server", "http://127.0.0.1:1"); strings.Contains(why, token) {
		t.Error(why)
	}
}

// Whatever answers in the server's place gets the token once at most, and cannot make a command say that something was done.
func TestServerIsAnotherOne(t *testing.T) {
	t.Parallel()
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer elsewhere.Close()
	for name, answer := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"page":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello")) },
		"error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"problem": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusConflict)
			_ = json.NewEncoder(w).Encode(map[string]any{"title": "Conflict", "status": 409, "detail": "the service is \x1b[31mlocked down already"})
		},
	} {
		server := httptest.NewServer(answer)
		r := atTerminal(t).at(server.URL, "rko_x")
		if why := r.fails(exitFailed, "lockdown", "on", "--reason", "x"); name == "problem" && !strings.Contains(why, "locked down already") || strings.Contains(why, "\x1b") {
			t.Errorf("%s: %q", name, why)
		}
		server.Close()
	}
	if asked != 0 {
		t.Error("a redirect was followed")
	}
}

// Whoever must stop everything at once may not have the master key at hand: only what signs needs it.
func TestCommandsWithoutMasterKey(t *testing.T) {
	t.Parallel()
	r := atTerminal(t)
	r.env["REKEY_DATABASE_URL"] = storetest.PostgresURL(t)
	r.ok("migrate")
	same(t, "lockdown", true, r.object("lockdown", "on", "--reason", "attacker inside")["on"])
	same(t, "campaigns", []any{}, r.object("campaign", "list")["campaigns"])
	if why := r.fails(exitUsage, "key", "list"); !strings.Contains(why, "REKEY_MASTER_KEY") {
		t.Error(why)
	}
}

// A list is followed page by page to its end, and a page that fails fails all of it.
func TestWholeListsComeInPages(t *testing.T) {
	t.Parallel()
	pages := map[int64][]int64{0: {9, 8}, 8: {5, 4}, 4: {1}}
	all, err := throughout(func(before int64) ([]int64, int64, error) {
		page := pages[before]
		if len(page) < 2 {
			return page, 0, nil
		}
		return page, page[1], nil
	})
	if diff := cmp.Diff([]int64{9, 8, 5, 4, 1}, all); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	all, err = throughout(func(before int64) ([]int64, int64, error) {
		if before != 0 {
			return nil, 0, io.ErrUnexpectedEOF
		}
		return []int64{3}, 3, nil
	})
	if !errors.Is(err, io.ErrUnexpectedEOF) || all != nil {
		t.Errorf("%v, %v", all, err)
	}
	next := int64(7)
	for got, want := range map[string]string{pageOf(0, url.Values{}): "limit=1000", pageOf(following(&next), url.Values{"state": {"void"}}): "before=7&limit=1000&state=void"} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if following(nil) != 0 {
		t.Error("a list goes on that ended")
	}
}
