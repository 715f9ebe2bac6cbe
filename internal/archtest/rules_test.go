package archtest

// groups gives each package, by its path in the module, its place. A package below a listed one has the same place.
// A package without a place is itself a violation: whoever adds one says here where it belongs.
var groups = map[string][]string{
	"cmd":      {"cmd"},
	"audience": {"internal/portal", "internal/console", "internal/api"},
	"server":   {"internal/server"},
	"pages":    {"web"},
	"demo":     {"internal/demo"},
	"delivery": {"internal/delivery"},
	"store":    {"internal/store"},
	"desk":     {"internal/desk"},
	"schema":   {"migrations"},
	"config":   {"internal/config"},
	"noun":     {"internal/account", "internal/incident", "internal/campaign", "internal/operator", "internal/client", "internal/approval", "internal/progress", "internal/support"},
	"reset":    {"internal/reset"},
	"base":     {"internal/token", "internal/password", "internal/breached", "internal/pow", "internal/ratelimit", "internal/audit"},
	"floor":    {"internal/problem", "internal/secret", "internal/csvsafe"},
	"shared":   {"internal/ratelimit/redis", "internal/password/process"},
	"bench":    {"cmd/bench", "internal/bench"},
	"testing":  {"internal/testdb", "internal/storetest", "internal/browsertest", "internal/ratelimit/limittest", "internal/archtest"},
}

// imports says which packages of the module a group may import directly: groups, or single packages by path. Imports run
// down this list only, so the use cases never learn about HTTP or SQL, and the web never learns about the store.
// Packages of the same group may import each other only where the group names itself.
var imports = map[string][]string{
	"cmd": {"shared", "audience", "desk", "server", "pages", "demo", "delivery", "store", "schema", "config", "noun", "reset", "base", "floor"},
	"bench": {"cmd", "audience", "server", "pages", "demo", "delivery", "store", "schema", "config", "noun", "reset", "base", "floor",
		"bench", "testing"},
	"demo":     {"audience", "server", "pages", "delivery", "config", "noun", "reset", "base", "floor"},
	"audience": {"server", "pages", "desk", "noun", "reset", "internal/pow", "internal/ratelimit", "internal/audit", "internal/problem"},
	"server":   {"pages", "internal/ratelimit", "internal/audit", "internal/problem"},
	"delivery": {"pages", "noun", "reset", "base", "floor"},
	"store":    {"schema", "delivery", "noun", "reset", "base", "floor"},
	"desk":     {"noun", "reset", "base", "floor"},
	"reset":    {"noun", "base", "floor"},
	"noun":     {"noun", "base", "floor"},
	"config":   {"base", "floor"},
	"base":     {"floor"},
	"floor":    {"internal/problem"},
	"shared":   {"internal/ratelimit", "internal/password", "internal/problem"},
	"pages":    {},
	"schema":   {},
	"testing":  {"store", "internal/ratelimit", "testing"},
}

// forTests are the groups whose own code is test code, and which only tests and benchmarks may import.
const forTests = "testing"

// vendors confines what is imported from outside to the places that own it. Tests are free of it, except where sealed.
var vendors = []vendor{
	{path: "gorm.io", places: []string{"store"}, sealed: true},
	{path: "modernc.org/sqlite", places: []string{"store"}},
	{path: "database/sql", places: []string{"store", "bench", "testing"}},
	{path: "github.com/jackc/pgx", places: []string{"store", "bench", "testing"}},
	{path: "github.com/pressly/goose", places: []string{"store"}},
	{path: "github.com/gin-gonic/gin", places: []string{"server", "audience", "demo", "cmd", "bench"}},
	{path: "github.com/danielgtaylor/huma", places: []string{"internal/api"}},
	{path: "github.com/golang-jwt/jwt", places: []string{"internal/token"}},
	{path: "github.com/MicahParks/jwkset", places: []string{"internal/token"}},
	{path: "golang.org/x/crypto/argon2", places: []string{"internal/password"}},
	{path: "golang.org/x/crypto/bcrypt", places: []string{"internal/password"}},
	{path: "github.com/ccojocar/zxcvbn-go", places: []string{"internal/password"}},
	{path: "github.com/FastFilter/xorfilter", places: []string{"internal/breached"}},
	{path: "github.com/go-crypt", places: []string{"internal/password"}},
	{path: "github.com/throttled/throttled", places: []string{"internal/ratelimit"}},
	{path: "github.com/redis/go-redis", places: []string{"shared"}},
	{path: "github.com/go-webauthn/webauthn", places: []string{"internal/operator"}},
	{path: "github.com/pquerna/otp", places: []string{"internal/operator"}},
	{path: "github.com/alexedwards/scs", places: []string{"internal/console"}},
	{path: "github.com/coreos/go-oidc", places: []string{"internal/console"}},
	{path: "golang.org/x/oauth2", places: []string{"internal/console"}},
	{path: "github.com/wneessen/go-mail", places: []string{"delivery"}},
	{path: "github.com/emersion/go-smtp", places: []string{"demo", "bench"}},
	{path: "github.com/alecthomas/kong", places: []string{"cmd", "config"}},
	{path: "golang.org/x/mod/sumdb", places: []string{"internal/audit", "store", "cmd"}},
	{path: "github.com/chromedp", places: nil},
	{path: "pgregory.net/rapid", places: nil},
	{path: "github.com/google/go-cmp", places: []string{"testing"}},
}

type vendor struct {
	path   string   // an import path and everything below it
	places []string // groups or packages that may import it; none: tests alone
	sealed bool     // holds for tests too
}
