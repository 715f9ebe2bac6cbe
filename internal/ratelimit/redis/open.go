package redis

import (
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// errURL repeats nothing of the URL, which may hold a password in any of its parts if it was written wrongly.
var errURL = errors.New("must be redis://[user:password@]host[:port][/database], rediss:// for TLS, unix:///path/of/socket[?db=database], " +
	"or for a cluster redis://host:port?addr=host:port with at least one more addr; special characters of a password are written as %XX")

// Open makes a source of a URL and connects to nothing yet: Redis may come up later. No decision takes longer than the timeout, connecting included. With addr in its query, which may name the same host again, it is
// a cluster. TLS is checked against the system's certificates. The error names no part of the URL.
func Open(text string, timeout time.Duration) (*Source, error) {
	u, err := url.Parse(text)
	if err != nil || u.Fragment != "" || u.Opaque != "" {
		return nil, errURL
	}
	for name := range u.Query() { // the rest of what go-redis takes would undo what is set below
		if !slices.Contains([]string{"db", "addr"}, name) {
			return nil, errURL
		}
	}
	logging.Disable() // it writes lines of its own to standard error; whoever calls a source is told the error
	if u.Query().Has("addr") {
		return openCluster(u, timeout)
	}
	if u.Scheme != "unix" && (u.Hostname() == "" || u.Query().Has("db")) {
		return nil, errURL
	}
	o, err := redis.ParseURL(text)
	if err != nil || o.DB < 0 {
		return nil, errURL
	}
	return &Source{redis.NewClient(bounded(o, timeout)), timeout}, nil
}

// bounded sets what keeps a decision within its time. Nothing is retried: the next decision is a try of its own, and whoever falls back
// must not wait.
func bounded(o *redis.Options, timeout time.Duration) *redis.Options {
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = timeout, timeout, timeout, timeout
	o.ContextTimeoutEnabled = true
	o.MaxRetries, o.DialerRetries = -1, 1
	o.ConnMaxIdleTime = 5 * time.Minute
	o.PipelinePoolSize = -1
	o.Protocol, o.DisableIdentity = 2, true // nothing of the newer protocol is used, and managed Redis does not always have it
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.ReadBufferSize, o.WriteBufferSize = 4<<10, 4<<10
	return o
}

// openCluster follows redirections, within the time of the decision.
func openCluster(u *url.URL, timeout time.Duration) (*Source, error) {
	if u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Query().Has("db") {
		return nil, errURL
	}
	o, err := redis.ParseClusterURL(u.String())
	if err != nil {
		return nil, errURL
	}
	o.MaxRetries, o.ContextTimeoutEnabled = -1, true
	o.NewClient = func(node *redis.Options) *redis.Client { return redis.NewClient(bounded(node, timeout)) }
	return &Source{redis.NewClusterClient(o), timeout}, nil
}
