package breached

import (
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func digitsOf(pw string) string {
	h := hashOf(pw)
	return strings.ToUpper(hex.EncodeToString(h[:]))
}

// api is a mirror whose every answer holds the rows, and counts what it is asked.
func api(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) (*Range, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	r := NewRange(server.URL+"/range/", 2, 5*time.Second)
	t.Cleanup(func() { _ = r.Close() })
	return r, &asked
}

// Only five digits go out; rows of padding and those found in too few places do not count; case and line ends do not matter.
func TestRange(t *testing.T) {
	t.Parallel()
	const pw = "cafe\u0301 under the chestnut"
	digits := digitsOf(pw)
	for name, c := range map[string]struct {
		body  string
		found bool
	}{
		"found":      {"%s:2\r\n", true},
		"often":      {"0018A45C4D1DEF81644B54AB7F969B88D65:10\r\n%s:730\r\nFFFFFF4D1DEF81644B54AB7F969B88D6512:1", true},
		"padding":    {"%s:0\r\n0018A45C4D1DEF81644B54AB7F969B88D65:0\r\n", false},
		"too few":    {"%s:1\r\n", false},
		"LF":         {"%s:2\n", true},
		"not there":  {"0018A45C4D1DEF81644B54AB7F969B88D65:10\r\n", false},
		"lower case": {strings.ToLower("0018A45C4D1DEF81644B54AB7F969B88D65:10\r\n") + "%s:2", true},
	} {
		body := strings.Replace(c.body, "%s", digits[5:], 1)
		if name == "lower case" {
			body = strings.ToLower(body)
		}
		r, _ := api(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/range/"+digits[:5] || r.URL.RawQuery != "" || r.Header.Get("Add-Padding") != "true" || r.Method != http.MethodGet || r.ContentLength != 0 {
				t.Errorf("asked %s %s %v", r.Method, r.URL, r.Header)
			}
			fmt.Fprint(w, body)
		})
		if got := ask(t, r, pw); got != c.found {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whatever is no whole answer is an error, which shows no digit of the hash.
func TestRangeAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	const pw = "exposed number 1"
	row := digitsOf(pw)[5:] + ":5\r\n"
	for name, answer := range map[string]http.HandlerFunc{
		"500":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, row, http.StatusInternalServerError) },
		"429":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, row, http.StatusTooManyRequests) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"empty":    func(http.ResponseWriter, *http.Request) {},
		"a page":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Please log in to this network") },
		"NTLM":     func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, row[8:]) },
		"cut short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9999")
			fmt.Fprint(w, row)
		},
		"too long": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.Repeat(row, longestRange/len(row)+1))
		},
		"hangs up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		r, _ := api(t, answer)
		found, err := r.Breached(pw)
		if err == nil || found || strings.Contains(strings.ToUpper(err.Error()), digitsOf(pw)[:5]) {
			t.Errorf("%s: %v %v", name, found, err)
		}
	}
}

func TestRangeTimesOut(t *testing.T) {
	t.Parallel()
	r, _ := api(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	r.timeout = 30 * time.Millisecond
	begun := time.Now()
	if _, err := r.Breached("exposed number 1"); err == nil || !strings.Contains(err.Error(), "deadline") || time.Since(begun) > 3*time.Second {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
}

// A server that anybody could have put there is not believed.
func TestRangeVerifiesCertificates(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	r := NewRange(server.URL, 1, 5*time.Second)
	if _, err := r.Breached("exposed number 1"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority: %v", err)
	}
}

// Trying again asks nobody for an hour; the cache does not grow on and on.
func TestRangeIsCached(t *testing.T) {
	t.Parallel()
	r, asked := api(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "0018A45C4D1DEF81644B54AB7F969B88D65:10\r\n")
	})
	now := time.Now()
	r.cache.now = func() time.Time { return now }
	for range 3 {
		ask(t, r, "exposed number 1")
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
	now = now.Add(cachedFor)
	if ask(t, r, "exposed number 1"); asked.Load() != 2 {
		t.Errorf("an hour later asked %d times", asked.Load())
	}
	for i := range 3 * cachedRanges {
		r.cache.put(fmt.Sprintf("%05X", i), nil)
	}
	if len(r.cache.ranges) != cachedRanges || len(r.cache.order) != cachedRanges {
		t.Errorf("%d ranges are kept", len(r.cache.ranges))
	}
}
