package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The functions here say what is wrong with a value, "" if nothing is; none of them repeats the value.

var colour = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

func unless(ok bool, wrong string) string {
	if ok {
		return ""
	}
	return wrong
}

func between(n, low, high int) string {
	return unless(n >= low && n <= high, fmt.Sprintf("must be %d to %d", low, high))
}

func oneOf(value string, allowed ...string) string {
	for _, a := range allowed {
		if value == a {
			return ""
		}
	}
	return "must be one of " + strings.Join(allowed, ", ")
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func life(d time.Duration) string {
	return unless(d >= 5*time.Minute && d <= 24*time.Hour && d%time.Second == 0, "must be 5m to 24h in whole seconds")
}

func text(value string, longest int) string {
	clean := utf8.ValidString(value) && !strings.ContainsAny(value, "\r\n\x00")
	return unless(clean && utf8.RuneCountInString(value) <= longest, fmt.Sprintf("must be one line of at most %d characters", longest))
}

func nameAddr(value string) string {
	if value == "" {
		return ""
	}
	_, err := mail.ParseAddress(value)
	return unless(err == nil, "must be an address, or Name <address>")
}

func address(value string) string {
	_, port, err := net.SplitHostPort(value)
	n, bad := strconv.Atoi(port)
	return unless(err == nil && bad == nil && n >= 0 && n <= 65535, "must be host:port, as 127.0.0.1:8080 or :8080")
}

// webURL parses an absolute http(s) URL with a host and no user, or gives nil.
func webURL(value string) *url.URL {
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil {
		return nil
	}
	return u
}

func publicURL(value string) string {
	u := webURL(value)
	ok := u != nil && u.Path == "" && u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" && value == u.Scheme+"://"+u.Host
	return unless(ok, "must be an absolute http(s) URL without a path")
}

// rangeURL keeps whoever stands between here and the list from answering for it.
func rangeURL(value string) string {
	u := webURL(value)
	if value == "" || u != nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" && (u.Scheme == "https" || loopback(u.Hostname())) {
		return ""
	}
	return "must be an https URL without a query, or http to this machine"
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// The URLs that may hold a password are looked at by their beginning; whoever connects with them says the rest, as carefully.
func databaseURL(value string) string {
	path, sqlite := strings.CutPrefix(value, "sqlite:")
	ok := sqlite && path != "" || strings.HasPrefix(value, "postgres://") || strings.HasPrefix(value, "postgresql://")
	return unless(ok, "must begin with sqlite: or postgres://")
}

func smtpURL(value string) string {
	return unless(strings.HasPrefix(value, "smtp://") || strings.HasPrefix(value, "smtps://"), "must begin with smtp:// or smtps://")
}

func redisURL(value string) string {
	ok := value == "" || strings.HasPrefix(value, "redis://") || strings.HasPrefix(value, "rediss://") || strings.HasPrefix(value, "unix://")
	return unless(ok, "must begin with redis://, rediss:// or unix://")
}
