// Package config is Rekey's settings: one documented struct filled from flags, REKEY_* variables, a file and secret files.
// It promises that an error names the setting and never shows a secret; only cmd and the demo call it.
package config

import (
	"net/netip"
	"time"
)

// Settings is everything that can be set. Each field is a flag (DatabaseURL: --database-url), a variable (REKEY_DATABASE_URL)
// and a line in the settings file; its tags are its documentation, of which Markdown makes docs/settings.md.
type Settings struct {
	Config string `group:"Settings file" placeholder:"FILE" range:"a file" help:"More settings, one a line as in REKEY_LISTEN=:8080. Flags and the environment win over it."`

	Database  `embed:"" group:"Database"`
	Web       `embed:"" group:"Web"`
	Console   `embed:"" group:"Operators"`
	Mail      `embed:"" group:"Mail"`
	Passwords `embed:"" group:"Passwords"`
	Breached  `embed:"" group:"Breached passwords"`
	Audit     `embed:"" group:"Audit log"`
	Log       `embed:"" group:"Log and limits"`
}

// Database is where everything is kept.
type Database struct {
	DatabaseURL     Secret `placeholder:"URL" secret:"" range:"sqlite:PATH or postgres://…" unset:"sqlite:$REKEY_DATA_DIR/rekey.db" help:"The database: one embedded file, or Postgres 14 or newer."`
	DatabaseURLFile string `placeholder:"FILE" range:"a file" help:"A file that holds the database URL, so that its password is in no environment."`
	DataDir         string `placeholder:"DIR" unset:"the directory of the SQLite file if REKEY_DATABASE_URL names one, else rekey-data" range:"a directory" help:"Where the embedded database and its master key are. Made with mode 0700 if missing."`
	DBConnections   int    `placeholder:"N" default:"0" range:"0 to 1000" help:"Most database connections at once. 0: 20 on Postgres, 8 on SQLite."`
}

// Web is how the pages and the API are reached.
type Web struct {
	Listen         string         `placeholder:"ADDR" default:"127.0.0.1:8080" range:"host:port" help:"Where members' pages and the login service's API are served, as plain HTTP: TLS ends in front."`
	AdminListen    string         `placeholder:"ADDR" default:"127.0.0.1:8081" range:"host:port, another than REKEY_LISTEN" help:"Where the operators' console, health and metrics are served, as plain HTTP: TLS ends in front. Keep it off the internet."`
	PublicURL      string         `placeholder:"URL" default:"http://localhost:8080" range:"http(s)://host, no path" help:"Where members reach the pages. Every link is built from it, and it is in every token: changing it ends all links."`
	TrustedProxies []netip.Prefix `placeholder:"CIDR" range:"CIDRs, not 0.0.0.0/0" help:"Proxies whose X-Forwarded-For is believed. Without the right ones all members behind a proxy share one limit."`
	ReturnURL      string         `placeholder:"URL" range:"http(s)://…" help:"Where members log in; the last page leads there."`
	ServiceName    string         `placeholder:"TEXT" range:"1 to 80 characters" unset:"the host of the public URL" help:"The service as members know it, in pages and mails."`
	Contact        string         `placeholder:"TEXT" range:"an address, URL or sentence" help:"How members reach a person."`
	Colour         string         `placeholder:"#RRGGBB" range:"#rrggbb" help:"The colour of buttons and links, shifted until it can be read."`
	Logo           string         `placeholder:"FILE" range:"an SVG or PNG file" help:"A picture beside the name."`
	Locales        string         `placeholder:"DIR" range:"a directory" help:"Own page texts, one file a language, over or beside the built-in ones."`
}

// Mail is how members are written to.
type Mail struct {
	SMTPURL         Secret        `name:"smtp-url" placeholder:"URL" secret:"" unset:"smtp://localhost:25" range:"smtp://[user:password@]host[:port][?tls=require] or smtps://…" help:"The mail server. smtp:// uses STARTTLS where offered, ?tls=require insists."`
	SMTPURLFile     string        `name:"smtp-url-file" placeholder:"FILE" range:"a file" help:"A file that holds the mail server's URL, so that its password is in no environment."`
	MailFrom        string        `placeholder:"NAME-ADDR" range:"address or Name <address>" unset:"no-reply@ the host of the public URL" help:"Who the mails come from. Set it to an address that your mail server may send as."`
	MailReplyTo     string        `placeholder:"NAME-ADDR" range:"address or Name <address>" help:"Where answers go."`
	MailTemplates   string        `placeholder:"DIR" range:"a directory" help:"Own mail templates, one folder a locale; those it does not hold are the built-in ones."`
	MailRate        float64       `placeholder:"N" default:"0" range:"0 to 100000" help:"Most campaign mails a second in this process. 0: as fast as the server takes them."`
	MailConnections int           `placeholder:"N" default:"8" range:"1 to 256" help:"Connections to the mail server at once."`
	CampaignLife    time.Duration `placeholder:"DURATION" default:"24h" range:"5m to 24h" help:"How long a campaign's link and code live, from hand-off to the mail server."`
	AskedLife       time.Duration `placeholder:"DURATION" default:"1h" range:"5m to 24h" help:"How long a link and code live that a member just asked for."`
}

// Passwords is how new passwords are judged and hashed.
type Passwords struct {
	MasterKey      Secret        `placeholder:"BASE64" secret:"" range:"32 bytes in base64" unset:"on SQLite: $REKEY_DATA_DIR/master.key, made if missing" help:"The secret under which signing keys are sealed and typed codes made, the same for every process on one database. Make one: openssl rand -base64 32"`
	MasterKeyFile  string        `placeholder:"FILE" range:"a file" help:"A file that holds the master key."`
	PasswordMin    int           `placeholder:"N" default:"15" range:"15 to 64; 8 where every account has a second factor" help:"Least length of a new password, in characters."`
	PasswordScheme string        `placeholder:"SCHEME" default:"argon2id" range:"argon2id or bcrypt" help:"How new passwords are hashed. bcrypt is for login services that know nothing else; it refuses passwords over 72 bytes."`
	Argon2Memory   uint32        `name:"argon2-memory" placeholder:"KIB" default:"19456" range:"7168 to 262144" help:"Memory of one argon2id hash in KiB."`
	Argon2Time     uint32        `name:"argon2-time" placeholder:"N" default:"2" range:"1 to 16; 2 or more below 47104 KiB, more below 19456" help:"Passes of argon2id."`
	Argon2Threads  uint8         `name:"argon2-threads" placeholder:"N" default:"1" range:"1 to 4" help:"Lanes of argon2id."`
	BcryptCost     int           `placeholder:"N" default:"12" range:"10 to 15" help:"Cost of bcrypt, the base-2 logarithm of its rounds."`
	HashMemory     Bytes         `placeholder:"SIZE" default:"256MiB" range:"at least one hash" help:"Memory that hashing may take at once. Who finds it full waits, then gets 503 with Retry-After."`
	HashQueue      int           `placeholder:"N" default:"200" range:"0 to 100000" help:"How many may wait for hashing."`
	HashWait       time.Duration `placeholder:"DURATION" default:"10s" range:"1s to 25s" help:"How long one may wait for hashing."`
	HashProcess    bool          `default:"true" negatable:"" range:"true or false" help:"Hash in a process of its own, which serve starts and watches: logins and gate wait less for the processors beside a rush of resets. It takes some 20 MiB."`
	UpgradeHashes  bool          `default:"true" negatable:"" range:"true or false" help:"Replace a legacy hash by a new one of the same password when its member logs in. Turn it off where the login service still reads the hashes."`
}

// Breached is where passwords from breaches elsewhere are looked up, beside the built-in list, and what holds when that cannot be.
type Breached struct {
	BreachedFilter   string        `placeholder:"FILE" range:"a file made by rekey breached build; not with REKEY_BREACHED_RANGE_URL" help:"Refuse the passwords in this filter, and with them one in 65,536 others (at 16 bits an entry) unless REKEY_BREACHED_SORTED confirms."`
	BreachedSorted   string        `placeholder:"FILE" range:"a file; not with REKEY_BREACHED_RANGE_URL" help:"The Pwned Passwords download in one file ordered by hash: confirms the filter's hits, or is the list where there is no filter."`
	BreachedRangeURL string        `name:"breached-range-url" placeholder:"URL" range:"https://…, or http:// to this machine" help:"Ask this range API or mirror, as https://api.pwnedpasswords.com/range: five digits of the password's hash go there, nothing else."`
	BreachedTimeout  time.Duration `placeholder:"DURATION" default:"2s" range:"100ms to 10s" help:"How long the range API may take to answer."`
	BreachedMinCount uint64        `placeholder:"N" default:"0" range:"0 or more" help:"Refuse passwords found in at least so many places. 0: as the filter was built, else 1."`
	BreachedDown     string        `placeholder:"WHAT" default:"builtin" range:"builtin or refuse" help:"When the list cannot be read: judge by the built-in list alone, which is logged and counted, or refuse every new password with 503."`
}

// Log is what is written down, and what is kept in memory against floods.
type Log struct {
	LogLevel   string `placeholder:"LEVEL" default:"info" range:"debug, info, warn or error" help:"The least level that is logged, as JSON lines on standard error."`
	LogSQL     bool   `name:"log-sql" range:"true or false" help:"Log the text of each statement at level debug, never its values."`
	LogAddress string `placeholder:"HOW" default:"network" range:"network, none or full" help:"How much of a client's address the access log keeps; network is IPv4 /24 and IPv6 /48."`
	LimitKeys  int    `placeholder:"N" default:"200000" range:"1000 to 10000000" help:"How many rate limit keys are kept in memory, some 60 bytes each."`

	Proof     string `placeholder:"WHEN" default:"auto" range:"auto, always or never" help:"When members' browsers do a proof of work for a form, which costs a member nothing to do and an attacker much: under pressure, always, or never. Forms without one then share one narrow limit."`
	ProofBits int    `placeholder:"N" default:"16" range:"12 to 20" help:"The least work of a proof: some 2^N hashes. Pressure adds up to 3."`

	RedisURL     Secret `name:"redis-url" placeholder:"URL" secret:"" range:"redis://…, rediss://… with TLS, or unix:///…" unset:"limits are counted in the database" help:"Count the rate limits that all processes share in this Redis (5 or newer, or Valkey) and not in the database, which steps in when it is down. A cluster: redis://host:port?addr=host:port, with more addr to choose from."`
	RedisURLFile string `name:"redis-url-file" placeholder:"FILE" range:"a file" help:"A file that holds the URL of Redis, so that its password is in no environment."`
}
