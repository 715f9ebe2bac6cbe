//go:build timing

package bench_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/portal"
	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/server"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
	"github.com/seed-1c168855/rekey/internal/token"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const (
	publicURL     = "https://reset.example.org"
	rightPassword = "orchid tractor lemon violin"
	wrongPassword = "orchid tractor lemon trumpet"
)

// service is the members' and the login service's web on Postgres, with the parts and settings that serve has.
type service struct {
	url, key string
	postgres string // the database
	keys     *reset.Keys
	clients  atomic.Uint32
}

// newService has n accounts of each class.
func newService(t *testing.T, n int) *service {
	t.Helper()
	ctx := t.Context()
	postgres := storetest.PostgresURL(t)
	db, err := store.Open(ctx, store.Options{URL: postgres})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	hasher, err := password.NewHasher(password.DefaultParams())
	must(t, err)
	seed(t, postgres, hasher, n)
	engine, keys := wire(t, db, hasher)
	web := httptest.NewServer(engine)
	t.Cleanup(web.Close)
	s := &service{url: web.URL, postgres: postgres, keys: keys}
	_, s.key, err = client.Create(ctx, db, "timing", client.ScopeLogin, audit.Actor{Kind: audit.KindSystem, Name: "timing"})
	must(t, err)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// seed makes the accounts: each class's share one stored hash, and their addresses begin with its name.
func seed(t *testing.T, postgres string, hasher *password.Hasher, n int) {
	t.Helper()
	argon2id, err := hasher.Hash(rightPassword)
	must(t, err)
	conn, err := pgx.Connect(t.Context(), postgres)
	must(t, err)
	defer conn.Close(context.Background())
	for name, hash := range map[string]string{
		"argon2id": argon2id, "disabled": argon2id, "nopassword": "",
		"md5": sample(t, "django-md5"), "phpass": sample(t, "phpass:13"), "bcrypt": sample(t, "bcrypt:10"),
	} {
		_, err := conn.Exec(t.Context(), `INSERT INTO accounts (subject, email, email_key, created_at, password_hash, password_scheme, password_set_at, disabled_at)
			SELECT $1 || '-' || i, $1 || '-' || i || '@example.net', $1 || '-' || i || '@example.net', '2010-01-01', nullif($2, ''),
			       CASE WHEN $2 <> '' THEN $3 END, CASE WHEN $2 <> '' THEN '2010-01-01'::timestamptz END, CASE WHEN $1 = 'disabled' THEN '2011-01-01'::timestamptz END
			  FROM generate_series(0, $4::int) i`, name, hash, password.Identify(hash).Label, n)
		must(t, err)
		_, err = conn.Exec(t.Context(), "INSERT INTO password_schemes (label) VALUES ($1) ON CONFLICT DO NOTHING", password.Identify(hash).Label)
		must(t, err)
	}
	_, err = conn.Exec(t.Context(), "ANALYZE")
	must(t, err)
}

// sample is a stored hash of a scheme that no password fits.
func sample(t *testing.T, label string) string {
	t.Helper()
	encoded, ok := password.Sample(label)
	if !ok {
		t.Fatalf("there is no scheme %s", label)
	}
	return encoded
}

// wire puts the parts together as serve does.
func wire(t *testing.T, db *store.Store, hasher *password.Hasher) (http.Handler, *reset.Keys) {
	t.Helper()
	master := secret.NewMaster()
	keyer := ratelimit.NewKeyer(func(parts ...string) []byte { return master.MAC(secret.LimitKey, parts...) })
	limits := ratelimit.NewLayered(ratelimit.NewMemory(200_000, time.Now), db.Limits(), nil)
	admission, err := password.NewAdmission(256<<20, hasher.Memory(), 200, 10*time.Second)
	must(t, err)
	floor := account.NewFloor(hasher, admission)
	labels, err := db.Schemes(t.Context())
	must(t, err)
	must(t, floor.Learn(t.Context(), labels))
	keys := reset.NewKeys(db, master, publicURL)
	must(t, keys.Ensure(t.Context(), audit.Actor{Kind: audit.KindSystem, Name: "timing"}))
	resets := &reset.Service{
		Store: db, Keys: keys, Coder: token.NewCoder(master), Hasher: hasher, Admission: admission, Policy: password.DefaultPolicy(), Limits: limits,
		LimitKeys: keyer, Fold: account.EmailKey, Failures: func(id int64) []byte { return account.FailureKey(master, id) },
		Lives: []time.Duration{24 * time.Hour, time.Hour}, Name: "Example",
	}
	calls, err := api.New(api.Options{
		Verifier: &account.Verifier{Store: db, Upgrade: db, Hasher: hasher, Admission: admission, Floor: floor, Limits: limits, Keys: keyer,
			Master: master, ResetURL: publicURL + "/forgot"},
		Gater: &account.Gater{Store: db, Limits: limits, Keys: keyer}, Introspector: resets, Accounts: account.NewDirectory(db), Clients: db,
		JWKS: func(context.Context) ([]byte, error) { return nil, nil }, Limits: limits, LimitKeys: keyer, PublicURL: publicURL,
	})
	must(t, err)
	pages, err := portal.New(portal.Options{
		Resets: resets, PublicURL: publicURL, Minimum: 15, Maximum: password.MaxCodePoints, Name: "Example",
		Notice: func(context.Context, string) (incident.Incident, error) {
			return incident.Incident{}, problem.New(problem.NotFound, "There is no such notice.")
		},
	})
	must(t, err)
	engine, err := server.New(server.Options{Logger: slog.New(slog.DiscardHandler), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	must(t, err)
	calls.Routes(engine)
	pages.Routes(engine)
	return engine, keys
}

// verify is a login from an address of its own.
func (s *service) verify(login, password string) *http.Request {
	body := fmt.Sprintf(`{"login":%q,"password":%q,"client_ip":%q}`, login, password, s.address())
	r, err := http.NewRequest("POST", s.url+"/v1/login/verify", strings.NewReader(body))
	if err != nil {
		panic(err) // the URL is httptest's own
	}
	r.Header.Set("Authorization", "Bearer "+s.key)
	r.Header.Set("Content-Type", "application/json")
	return r
}

// aftermath makes of some classes what becomes of accounts when links are out: a campaign kills all passwords of 2010, some were set anew or
// were never so old, some accounts are deleted.
func (s *service) aftermath(t *testing.T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.postgres)
	must(t, err)
	defer conn.Close(context.Background())
	for _, statement := range []string{
		`INSERT INTO incidents (slug, created_at, updated_at) VALUES ('breach', now(), now())`,
		`INSERT INTO campaigns (incident_id, scope, cutoff, state, epoch, created_at, activated_at) SELECT id, 'everyone', '2011-01-01', 'active', 1, now(), now() FROM incidents`,
		`UPDATE accounts SET credential_version = credential_version + 1, password_set_at = now() WHERE subject LIKE 'md5-%'`,
		`UPDATE accounts SET password_set_at = '2012-01-01' WHERE subject LIKE 'bcrypt-%'`,
		`UPDATE accounts SET deleted_at = now(), email = NULL, email_key = NULL, locale = NULL, password_hash = NULL, password_scheme = NULL,
			credential_version = credential_version + 1 WHERE subject LIKE 'phpass-%'`,
		`ANALYZE`,
	} {
		_, err := conn.Exec(t.Context(), statement)
		must(t, err)
	}
}

// links are well-signed tokens of a class's accounts, as they were before the aftermath; of accounts that never were for a class that is none.
func (s *service) links(t *testing.T, class string, n int, age time.Duration) (tokens []string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.postgres)
	must(t, err)
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), `SELECT id FROM accounts WHERE subject LIKE $1 ORDER BY id`, class+"-%")
	must(t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	must(t, err)
	ring, err := s.keys.Ring(t.Context())
	must(t, err)
	for i := range n {
		id := int64(1)<<40 + int64(i)
		if len(ids) > 0 {
			id = ids[i]
		}
		text, _, err := ring.Mint(id, 1, 1, 1, time.Now().Add(-age), time.Hour)
		must(t, err)
		tokens = append(tokens, text)
	}
	return tokens
}

// form is a form from an address of its own.
func (s *service) form(path string, values url.Values) *http.Request {
	r, err := http.NewRequest("POST", s.url+path, strings.NewReader(values.Encode()))
	if err != nil {
		panic(err) // the URL is httptest's own
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", s.address())
	return r
}

// address is one that nobody used yet: the limits of addresses are not what is timed.
func (s *service) address() string {
	n := s.clients.Add(1)
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String()
}
