package console

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/account"
	"github.com/seed-1c168855/rekey/internal/approval"
	"github.com/seed-1c168855/rekey/internal/audit"
	"github.com/seed-1c168855/rekey/internal/campaign"
	"github.com/seed-1c168855/rekey/internal/desk"
	"github.com/seed-1c168855/rekey/internal/operator"
	"github.com/seed-1c168855/rekey/internal/operator/signin"
	"github.com/seed-1c168855/rekey/internal/password"
	"github.com/seed-1c168855/rekey/internal/ratelimit"
	"github.com/seed-1c168855/rekey/internal/reset"
	"github.com/seed-1c168855/rekey/internal/secret"
	"github.com/seed-1c168855/rekey/internal/server"
	"github.com/seed-1c168855/rekey/internal/store"
	"github.com/seed-1c168855/rekey/internal/storetest"
	"github.com/seed-1c168855/rekey/internal/token"
)

func TestMain(m *testing.M) { storetest.Main(m) }

var tester = audit.Actor{Kind: audit.KindCLI, Name: "tester"}

// world is the console on a real server and a real store, with one operator of each role, named after it, and a second approver named "second".
type world struct {
	t       *testing.T
	url     string // http://localhost:port
	store   *store.Store
	people  *operator.People
	door    *signin.Door
	desk    *desk.Desk
	console *Console
	staff   map[string]operator.Operator
	invites map[string]string // tokens of the staff's invitations
	log     *lockedBuffer
	alarms  chan string
	coder   *token.Coder
	keys    *audit.Keys // of the audit log
}

// fitting changes what a world is made with.
type fitting struct {
	console *Options
	desk    *desk.Options
	door    *signin.Options
}

// newWorld is worldOn an embedded database.
func newWorld(t *testing.T, change ...func(fitting)) *world {
	t.Helper()
	return worldOn(t, storetest.SQLite(t, store.Options{}), change...)
}

// worldOn puts the console on a store.
func worldOn(t *testing.T, s *store.Store, change ...func(fitting)) *world {
	t.Helper()
	w := &world{t: t, store: s, people: operator.NewPeople(s), staff: map[string]operator.Operator{}, invites: map[string]string{}, log: &lockedBuffer{}, alarms: make(chan string, 10)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w.url = "http://localhost:" + port
	w.build(change)
	w.hire()
	engine, err := server.New(server.Options{Logger: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Render: server.ForBrowsers(w.console.Problem)})
	if err != nil {
		t.Fatal(err)
	}
	w.console.Routes(engine)
	site := httptest.NewUnstartedServer(engine)
	if err := site.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	site.Listener = listener
	site.Start()
	t.Cleanup(site.Close)
	return w
}

func (w *world) build(change []func(fitting)) {
	w.t.Helper()
	master, s := secret.NewMaster(), w.store
	hasher, err := password.NewHasher(password.DefaultParams())
	must(w.t, err)
	admission, err := password.NewAdmission(256<<20, hasher.Memory(), 100, 10*time.Second)
	must(w.t, err)
	keys := reset.NewKeys(s, master, "https://reset.example.org")
	must(w.t, keys.Ensure(w.t.Context(), tester))
	door := signin.Options{
		Store: s, Hasher: hasher, Admission: admission, Policy: password.DefaultPolicy(), Limits: ratelimit.NewMemory(10_000, nil),
		LimitKeys: ratelimit.NewKeyer(func(parts ...string) []byte { return master.MAC(secret.LimitKey, parts...) }), Master: master, AdminURL: w.url, Service: "Example",
	}
	acts := desk.Options{
		Campaigns: campaign.On(s, account.EmailKey, slog.New(slog.DiscardHandler)), Incidents: s, Clients: s, Keys: keys, Approvals: approval.On(s, 0), People: w.people,
		Directory: account.NewDirectory(s), Log: s, Alarm: func(_ context.Context, text string) error { w.alarms <- text; return nil },
	}
	w.help(master, door.Limits, &acts)
	acts.Progress = campaign.NewCounter(s).Read
	site := Options{
		Operators: s, PublicURL: "https://reset.example.org", AdminURL: w.url, Name: "Example",
	}
	for _, f := range change {
		f(fitting{&site, &acts, &door})
	}
	door.Issuer = site.Provider.Issuer
	w.door, err = signin.New(door)
	must(w.t, err)
	w.desk, err = desk.New(acts)
	must(w.t, err)
	site.Desk, site.Door = w.desk, w.door
	w.console, err = New(site)
	must(w.t, err)
}

// hire adds one operator of each role, and a second approver who is an administrator too.
func (w *world) hire() {
	w.t.Helper()
	staff := map[string]operator.Roles{"second": {operator.Approver, operator.Admin}}
	for _, role := range operator.AllRoles() {
		staff[string(role)] = operator.Roles{role}
	}
	for name, roles := range staff {
		o, token, err := w.people.Create(w.t.Context(), operator.CreateRequest{Name: name, Email: name + "@example.org", Roles: roles}, tester)
		must(w.t, err)
		w.staff[name], w.invites[name] = o, token
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// visitorClient is a browser without scripts: it keeps cookies and follows nothing by itself.
type visitorClient struct {
	w    *world
	http *http.Client
}

// nobody is somebody who is not signed in.
func (w *world) nobody() *visitorClient {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	must(w.t, err)
	return &visitorClient{w: w, http: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// as is somebody of the staff, signed in with a second factor that was just shown.
func (w *world) as(name string) *visitorClient { return w.signedIn(name, true) }

// signedIn puts a session into the store; fresh says whether the second factor counts as just shown.
func (w *world) signedIn(name string, fresh bool) *visitorClient {
	w.t.Helper()
	o, ok := w.staff[name]
	if !ok {
		w.t.Fatalf("nobody is called %s", name)
	}
	v := w.nobody()
	v.cookie(w.session(o, fresh))
	return v
}

// session makes one in the store, and gives its token.
func (w *world) session(o operator.Operator, fresh bool) string {
	w.t.Helper()
	m := memory{Operator: o.ID}
	if fresh {
		m.FreshUntil = time.Now().Add(operator.FreshFor)
	}
	data, err := codec{}.Encode(time.Now().Add(time.Hour), map[string]any{memoryKey: m})
	must(w.t, err)
	token := rand.Text()
	must(w.t, w.store.SaveSession(w.t.Context(), operator.HashToken(token), operator.Session{Operator: o.ID, Data: data, Client: "192.0.2.1", Agent: "test", ExpiresAt: time.Now().Add(time.Hour)}))
	return token
}

// cookie gives the browser a session's token.
func (v *visitorClient) cookie(token string) {
	u, err := url.Parse(v.w.url)
	must(v.w.t, err)
	v.http.Jar.SetCookies(u, []*http.Cookie{{Name: "rekey", Value: token, Path: "/"}})
}

// token is the session's as the browser knows it, "" for none.
func (v *visitorClient) token() string {
	u, err := url.Parse(v.w.url)
	must(v.w.t, err)
	for _, c := range v.http.Jar.Cookies(u) {
		if c.Name == "rekey" {
			return c.Value
		}
	}
	return ""
}

// reply is an answer, read.
type reply struct {
	status int
	to     string // Location
	body   string
	header http.Header
}

func (v *visitorClient) get(path string) reply {
	v.w.t.Helper()
	return v.send(http.MethodGet, path, nil)
}

// post sends a form as the console's own pages do, with pairs of name and value.
func (v *visitorClient) post(path string, pairs ...string) reply {
	v.w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.send(http.MethodPost, path, form)
}

func (v *visitorClient) send(method, path string, form url.Values, change ...func(*http.Request)) reply {
	v.w.t.Helper()
	request, err := http.NewRequestWithContext(v.w.t.Context(), method, v.w.url+path, strings.NewReader(form.Encode()))
	must(v.w.t, err)
	request.Header.Set("Accept", "text/html")
	if method != http.MethodGet {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", v.w.url)
	}
	for _, f := range change {
		f(request)
	}
	answer, err := v.http.Do(request)
	must(v.w.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(v.w.t, err)
	return reply{answer.StatusCode, answer.Header.Get("Location"), string(body), answer.Header}
}

// entries are those of the audit log with the action, the newest first.
func (w *world) entries(action audit.Action) []audit.Entry {
	w.t.Helper()
	found, _, err := w.store.AuditSearch(w.t.Context(), audit.Query{Action: string(action), Limit: 100})
	must(w.t, err)
	return found
}

// id is an operator's number, as addresses have it.
func id(o operator.Operator) string { return strconv.FormatInt(o.ID, 10) }
