package delivery

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
	"github.com/seed-1c168855/rekey/internal/token"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// world is a database, a key ring and a mail server.
type world struct {
	t     testing.TB
	s     *store.Store
	raw   *sql.DB // beside the store, to seed and to look
	lite  bool
	smtpd *smtpd
	coder *token.Coder
	ring  *token.Ring
}

const publicURL = "https://reset.example.org"

// each runs f in a world of its own on both databases.
func each(t *testing.T, f func(t *testing.T, w *world)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, newWorld(t, "sqlite")) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); f(t, newWorld(t, "postgres")) })
}

func newWorld(t testing.TB, database string) *world {
	t.Helper()
	w := &world{t: t, lite: database == "sqlite", smtpd: &smtpd{}}
	driver := "pgx"
	var dsn, target string
	if w.lite {
		path := filepath.Join(t.TempDir(), "rekey.db")
		driver, dsn, target = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)", "sqlite:"+path
	} else {
		dsn = storetest.PostgresURL(t)
		target = dsn
	}
	s, err := store.Open(context.Background(), store.Options{URL: target})
	if err != nil {
		t.Fatal(err)
	}
	w.s = s
	t.Cleanup(func() { s.Close() })
	if w.lite {
		if _, _, err := s.Migrate(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if w.raw, err = sql.Open(driver, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.raw.Close() })
	key, err := token.NewKey(time.Now().Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if w.ring, err = token.NewRing(publicURL, []token.Key{key}); err != nil {
		t.Fatal(err)
	}
	w.coder = token.NewCoder(secret.NewMaster())
	w.exec(`INSERT INTO incidents (id, slug, title, data_classes, created_at, updated_at) VALUES (1, 'pass-2011', 'Pass break-in', '["names","dates of birth"]', ` + w.time(0) + `, ` + w.time(0) + `)`)
	return w
}

// time is an instant from now as SQL.
func (w *world) time(ahead time.Duration) string {
	at := time.Now().Add(ahead).UTC()
	if w.lite {
		return fmt.Sprint(at.UnixMicro())
	}
	return "'" + at.Format("2006-01-02 15:04:05.000000Z07:00") + "'::timestamptz"
}

func (w *world) exec(statement string) {
	w.t.Helper()
	if _, err := w.raw.Exec(statement); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

func (w *world) text(query string) string {
	w.t.Helper()
	var s sql.NullString
	if err := w.raw.QueryRow(query).Scan(&s); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	return s.String
}

// account adds one with an exposed password; hash ” has none.
func (w *world) account(id int, email, hash string) {
	w.t.Helper()
	null := func(s string) string {
		if s == "" {
			return "NULL"
		}
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	scheme := ""
	if hash != "" {
		scheme = "test"
	}
	w.exec(fmt.Sprintf(`INSERT INTO accounts (id, subject, email, email_key, created_at, password_hash, password_scheme, password_set_at) VALUES (%d, 'user-%d', %s, %s, %s, %s, %s, %s)`,
		id, id, null(email), null(strings.ToLower(email)), w.time(-48*time.Hour), null(hash), null(scheme), w.time(-24*time.Hour)))
}

// accounts adds n with ids 1 to n.
func (w *world) accounts(n int) {
	w.t.Helper()
	var b strings.Builder
	for id := 1; id <= n; id++ {
		if id > 1 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "(%d,'user-%d','m%d@example.net','m%d@example.net',%s,'h','test',%s)", id, id, id, id, w.time(-48*time.Hour), w.time(-24*time.Hour))
	}
	w.exec(`INSERT INTO accounts (id, subject, email, email_key, created_at, password_hash, password_scheme, password_set_at) VALUES ` + b.String())
}

// activate makes campaign 1 active over all accounts.
func (w *world) activate(scope string) {
	w.t.Helper()
	if !w.lite {
		w.exec(`CREATE TABLE campaign_members_1 PARTITION OF campaign_members FOR VALUES IN (1)`)
	}
	w.exec(`INSERT INTO campaign_members (campaign_id, account_id) SELECT 1, id FROM accounts`)
	w.exec(fmt.Sprintf(`INSERT INTO campaigns (id, incident_id, scope, state, epoch, cutoff, activated_at, created_at, members_through)
		VALUES (1, 1, '%s', 'active', 1, %s, %s, %s, (SELECT max(id) FROM accounts))`, scope, w.time(-time.Hour), w.time(-time.Minute), w.time(-time.Hour)))
	w.exec(`ANALYZE`)
}

// ask puts a single mail into the outbox.
func (w *world) ask(kind string, account int, key string) {
	w.t.Helper()
	who, typed := fmt.Sprint(account), "NULL"
	if account == 0 {
		who, typed = "NULL", "'"+key+"'"
	}
	w.exec(fmt.Sprintf(`INSERT INTO outbox (kind, account_id, email_key, next_attempt_at, created_at) VALUES ('%s', %s, %s, %s, %s)`, kind, who, typed, w.time(-time.Second), w.time(-time.Second)))
}

func (w *world) options() Options {
	return Options{
		Store: w.s, Ring: func(context.Context) (*token.Ring, error) { return w.ring, nil }, Coder: w.coder,
		Dialer:     dialer(w.t, w.smtpd, "smtp://", "?tls=none"),
		Letterhead: Letterhead{From: "Example <security@example.org>", PublicURL: publicURL, Contact: "help@example.org"},
		Poll:       10 * time.Millisecond, Watch: 50 * time.Millisecond, Sweep: 100 * time.Millisecond,
		Retry: Retry{Base: time.Millisecond, Cap: time.Millisecond}, Session: 5 * time.Second,
	}
}

// run starts a worker. What it returns stops it and waits.
func (w *world) run(o Options) (stop func()) {
	w.t.Helper()
	worker, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := worker.Run(ctx); err != nil {
			w.t.Errorf("the worker: %v", err)
		}
	})
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); running.Wait() }) }
	w.t.Cleanup(stop)
	return stop
}

// until waits for the database to say so.
func (w *world) until(query, want string) {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		got := w.text(query)
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%s gives %q, not %q", query, got, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

const (
	sentMembers = `SELECT count(*) FROM campaign_members WHERE state = 'sent'`
	openMembers = `SELECT count(*) FROM campaign_members WHERE state IN ('pending', 'leased')`
	openSingles = `SELECT count(*) FROM outbox WHERE state IN ('pending', 'leased')`
)
