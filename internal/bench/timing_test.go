//go:build timing

package bench_test

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-1c168855/rekey/internal/bench"
)

// runs is how often a difference must show before it is believed.
const runs = 3

// tries is how many answers a class gives in a run: TRIES, 1,000 unless set.
func tries(t *testing.T) int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("TRIES"), "1000"))
	if err != nil || n < 1 {
		t.Fatalf("TRIES=%q is no number of tries", os.Getenv("TRIES"))
	}
	return n
}

// class is a kind of request; all classes of a test must be answered alike. The first one is what the others are compared with.
type class struct {
	name    string
	request func(i int) *http.Request
}

// These are the tests of attack 7, enumeration by time; that all classes cost the same work is a test of every run.

// TestTimingVerify holds that no answer "invalid" tells by its time what was wrong (design §6.3).
func TestTimingVerify(t *testing.T) {
	s := newService(t, tries(t))
	verify := func(name, password string) class {
		return class{name, func(i int) *http.Request {
			return s.verify(fmt.Sprintf("%s-%d@example.net", name, i), password)
		}}
	}
	alike(t, `{"result":"invalid"}`, []class{
		verify("unknown", wrongPassword),
		verify("argon2id", wrongPassword),
		verify("md5", wrongPassword),
		verify("phpass", wrongPassword),
		verify("bcrypt", wrongPassword),
		verify("disabled", rightPassword),
		verify("nopassword", wrongPassword),
	})
}

// TestTimingForgot holds the same for whoever asks for a link.
func TestTimingForgot(t *testing.T) {
	s := newService(t, tries(t))
	forgot := func(name string) class {
		return class{name, func(i int) *http.Request {
			return s.form("/forgot", url.Values{"email": {fmt.Sprintf("%s-%d@example.net", name, i)}})
		}}
	}
	alike(t, "", []class{forgot("unknown"), forgot("md5"), forgot("disabled"), forgot("nopassword")})
}

// TestTimingCode holds the same for whoever guesses a typed code.
func TestTimingCode(t *testing.T) {
	s := newService(t, tries(t))
	code := func(name string) class {
		return class{name, func(i int) *http.Request {
			return s.form("/reset", url.Values{"email": {fmt.Sprintf("%s-%d@example.net", name, i)}, "code": {"ABCD-EFGH-JKMN"},
				"password": {rightPassword}, "confirm": {rightPassword}})
		}}
	}
	alike(t, "", []class{code("unknown"), code("md5"), code("disabled"), code("nopassword")})
}

// TestTimingReissue holds the same for whoever has an old link and asks for a fresh one: it tells nothing of what became of the account.
func TestTimingReissue(t *testing.T) {
	s := newService(t, tries(t))
	reissue := func(name, of string, age time.Duration) class {
		links := s.links(t, of, tries(t), age)
		return class{name, func(i int) *http.Request { return s.form("/reissue", url.Values{"token": {links[i]}}) }}
	}
	classes := []class{
		reissue("dead", "argon2id", 0), reissue("expired", "argon2id", 48*time.Hour), reissue("used", "md5", 0), reissue("live", "bcrypt", 0),
		reissue("deleted", "phpass", 0), reissue("disabled", "disabled", 0), reissue("nopassword", "nopassword", 0), reissue("never there", "nobody", 0),
	}
	s.aftermath(t)
	alike(t, "", classes)
}

// alike tries all classes in turn and fails if a median lies off the first one's in every one of the runs. The answers themselves must be
// one and the same in each try; want, if not empty, says which.
func alike(t *testing.T, want string, classes []class) {
	t.Helper()
	off := map[string]int{}
	for run := range runs {
		times := measure(t, want, classes)
		far := false
		for _, c := range classes[1:] {
			if differs(t, c.name, times[c.name], times[classes[0].name]) {
				off[c.name]++
				far = true
			}
		}
		if !far {
			return
		}
		t.Logf("run %d of %d shows a difference", run+1, runs)
	}
	for name, n := range off {
		if n == runs {
			t.Errorf("%s can be told from %s by its time", name, classes[0].name)
		}
	}
}

// differs says whether two medians are further apart than chance and the network hide.
func differs(t *testing.T, name string, class, reference bench.Durations) bool {
	t.Helper()
	allowed := max(time.Millisecond, reference.Median()/20)
	difference := class.Median() - reference.Median()
	interval := bench.MedianDifference(class, reference, 1)
	t.Logf("%-11s median %9v, difference %9v, 95%% interval %v to %v, allowed %v", name, class.Median().Round(time.Microsecond),
		difference.Round(time.Microsecond), interval.Low.Round(time.Microsecond), interval.High.Round(time.Microsecond), allowed.Round(time.Microsecond))
	return difference.Abs() > allowed
}

// measure sends all tries in random order, as many at once as there are processors. Random also among neighbours: with one place at the hashing each waits for
// what its neighbour is, and no class may have other neighbours than the rest.
func measure(t *testing.T, want string, classes []class) map[string]bench.Durations {
	t.Helper()
	type try struct {
		class class
		i     int
	}
	var all []try
	for i := range tries(t) {
		for _, c := range classes {
			all = append(all, try{c, i})
		}
	}
	rand.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	times := map[string]bench.Durations{}
	var seen string
	var mu sync.Mutex
	next := make(chan try)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for n := range next {
				began := time.Now()
				answer, err := send(n.class.request(n.i))
				took := time.Since(began)
				mu.Lock()
				times[n.class.name] = append(times[n.class.name], took)
				seen = cmp.Or(seen, answer)
				if err != nil || answer != seen || want != "" && !strings.HasSuffix(answer, want) {
					t.Errorf("%s: %v %.200q, not %.200q", n.class.name, err, answer, cmp.Or(want, seen))
				}
				mu.Unlock()
			}
		})
	}
	for _, n := range all {
		if t.Failed() {
			break
		}
		next <- n
	}
	close(next)
	workers.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return times
}

// browser keeps its connections and follows no redirect.
var browser = &http.Client{
	Timeout:       time.Minute,
	Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// typed is what somebody typed as an address; a page gives it back.
var typed = regexp.MustCompile(`[a-z0-9]+-[0-9]+@example\.net`)

// send gives status, where the answer leads, and body without the address that was typed.
func send(r *http.Request) (answer string, err error) {
	response, err := browser.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	page := typed.ReplaceAllString(strings.TrimSpace(string(body)), "")
	return fmt.Sprint(response.StatusCode, " ", response.Header.Get("Location"), " ", page), err
}
