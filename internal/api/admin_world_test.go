package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/api"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/client"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/incident"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/server"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/support"
	"github.com/seed-1c168855/rekey/internal/token"
)

const adminURL = "https://admin.example.org"

// bureau is the admin API on real parts, with people who have tokens.
type bureau struct {
	*testing.T
	store  *store.Store
	api    *api.Admin
	engine *gin.Engine
	log    *safeLog
	mailed []desk.TestMail
	keys   *audit.Keys // of the log's checkpoints; none yet
}

// safeLog is written to by requests at once.
type safeLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// staffed makes the API on a store; change may set how the desk decides.
func staffed(t *testing.T, s *store.Store, change func(*desk.Options)) *bureau {
	t.Helper()
	b := &bureau{T: t, store: s, log: &safeLog{}}
	master := secret.NewMaster()
	keys := reset.NewKeys(s, master, publicURL)
	b.must(keys.Ensure(t.Context(), tester))
	o := desk.Options{
		Campaigns: campaign.On(s, account.EmailKey, nil), Incidents: s, Clients: s, Keys: keys, Approvals: approval.On(s, 0),
		People: operator.NewPeople(s), Directory: account.NewDirectory(s), Log: s,
		SendTestMail: func(_ context.Context, _ campaign.Campaign, _ incident.Incident, m desk.TestMail) error {
			b.mailed = append(b.mailed, m)
			return nil
		},
		WriteTestMail: func(k campaign.Campaign, _ incident.Incident, m desk.TestMail) (desk.Mail, error) {
			return desk.Mail{From: "x@example.org", Subject: m.Kind + " of " + k.Incident, Text: m.Locale, Languages: []string{"en", "de"}}, nil
		},
		Progress: campaign.NewCounter(s).Read,
	}
	b.keys = audit.NewKeys(s, master)
	b.help(master, &o)
	if change != nil {
		change(&o)
	}
	d, err := desk.New(o)
	b.must(err)
	b.api, err = api.NewAdmin(api.AdminOptions{Desk: d, Tokens: s, Clients: s, Limits: ratelimit.NewMemory(10_000, nil), AdminURL: adminURL, Version: "test"})
	b.must(err)
	logger := slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b.engine, err = server.New(server.Options{Logger: logger})
	b.must(err)
	b.api.Routes(b.engine)
	return b
}

// help gives the desk what it helps single members and keeps reports with.
func (b *bureau) help(master secret.Master, o *desk.Options) {
	s := b.store
	o.Records = &desk.Records{
		File: s, Reports: s, Mails: s, Seals: s, Verifiers: b.keys.Verifiers,
		Sign: func(ctx context.Context) (audit.Checkpoint, error) {
			c, _, err := audit.NewKeeper(s, b.keys).Make(ctx)
			return c, err
		},
		Page: func(e desk.Evidence) ([]byte, error) {
			return fmt.Appendf(nil, "<!doctype html>\n<p>Version %d: é\r\n%s", e.Version, e.Facts[0].Value), nil
		},
	}
	o.Support = &support.Service{
		Store: s, Coder: token.NewCoder(master), Limits: ratelimit.NewMemory(1000, nil), Fold: account.EmailKey, Lives: support.CodeLives, Locked: s.Locked,
		LimitKeys: ratelimit.NewKeyer(func(parts ...string) []byte { return master.MAC(secret.LimitKey, parts...) }),
	}
}

func (b *bureau) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// person has the roles, and gives a token of theirs.
func (b *bureau) person(name string, fresh bool, roles ...operator.Role) (token string) {
	b.Helper()
	o, _, err := operator.NewPeople(b.store).Create(b.Context(), operator.CreateRequest{Name: name, Email: name + "@example.org", Roles: roles}, tester)
	b.must(err)
	t, token, err := operator.CreateToken(b.Context(), b.store, o.Person(time.Time{}), "test", time.Hour)
	b.must(err)
	if fresh {
		_, err = operator.FreshenToken(b.Context(), b.store, o.Person(time.Time{}), t.ID)
		b.must(err)
	}
	return token
}

// program has a key of a scope.
func (b *bureau) program(name, scope string) (key string) {
	b.Helper()
	_, key, err := client.Create(b.Context(), b.store, name, scope, tester)
	b.must(err)
	return key
}

// accounts puts n accounts in, u1@example.org and so on, with passwords.
func (b *bureau) accounts(n int) {
	b.Helper()
	var rows strings.Builder
	rows.WriteString("subject,email,password_hash,password_set_at\n")
	for i := range n {
		fmt.Fprintf(&rows, "u%d,u%d@example.org,$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW,2011-01-01\n", i, i)
	}
	_, err := account.Import(b.Context(), b.store, strings.NewReader(rows.String()), account.ImportOptions{
		Format: account.FormatCSV, Source: "test", Actor: tester, RejectsPath: b.TempDir() + "/rejects.csv"})
	b.must(err)
}

// call sends a request and gives the answer.
func (b *bureau) call(method, path, token, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	b.Helper()
	return send(b.engine, method, "/v1/admin"+path, token, body, change...)
}

// gets sends a request that must have the status, and reads its answer.
func gets[T any](b *bureau, status int, method, path, token, body string) T {
	b.Helper()
	w := b.call(method, path, token, body)
	if w.Code != status {
		b.Fatalf("%s %s: %d %s, want %d", method, path, w.Code, w.Body, status)
	}
	var answer T
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		b.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
	}
	return answer
}

// refusals are the refused entries of the audit log, as "actor action reason".
func (b *bureau) refusals() []string {
	b.Helper()
	entries, _, err := b.store.AuditSearch(b.Context(), audit.Query{Outcome: audit.Refused, Limit: audit.MaxPage})
	b.must(err)
	var list []string
	for _, e := range entries {
		list = append(list, fmt.Sprintf("%s %s %s %v", e.Actor, e.Action, e.Object, e.Detail["refused"]))
	}
	return list
}

// seal does what the sequencer of a serving process does all the time.
func (b *bureau) seal() {
	b.Helper()
	_, err := audit.NewSequencer(b.store, nil).SealOnce(b.Context())
	b.must(err)
}

// killed has a campaign for everybody in force, number 1 of the incident.
func (b *bureau) killed(slug string) {
	b.Helper()
	campaigns := campaign.On(b.store, account.EmailKey, nil)
	k, err := campaigns.Create(b.Context(), campaign.CreateRequest{Incident: slug, Scope: campaign.Everyone}, tester)
	b.must(err)
	_, err = campaigns.Prepare(b.Context(), k.ID, tester)
	b.must(err)
	_, err = campaigns.Activate(b.Context(), k.ID, campaign.ActivateRequest{}, tester)
	b.must(err)
}
