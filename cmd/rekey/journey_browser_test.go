package main

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/chromedp/chromedp"

	"github.com/seed-1c168855/rekey/internal/demo"
)

// pace is how many keys a second people type on a telephone: 36 words of 5 a minute (Palin and others, How do People Type on Mobile Devices, 2019).
const pace = 3

// effort is what a way costs a member.
type effort struct {
	keys, clicks int
	began        time.Time
}

// measured tells the effort of a way that has just ended. It must be over in a minute, typing included.
func (b *browser) measured(way string) {
	b.T.Helper()
	machine := time.Since(b.effort.began)
	whole := machine + time.Duration(b.effort.keys)*time.Second/pace
	b.T.Logf("%s: %d clicks, %d keys; %.1f s of machine, %.0f s with typing at %d keys a second", way, b.effort.clicks, b.effort.keys, machine.Seconds(), whole.Seconds(), pace)
	if whole > time.Minute {
		b.T.Errorf("%s takes %v", way, whole)
	}
}

func (b *browser) begin() { b.effort = effort{began: time.Now()} }

func (e *effort) typed(text string) { e.keys += utf8.RuneCountInString(text) }

// byCode asks for a message and goes by the typed code, as who trusts no link does.
func (b *browser) byCode(at sites, password string) {
	b.T.Helper()
	b.Open(at.Rekey + "/forgot")
	b.typeInto("email", at.Email)
	b.click("button[type=submit]")
	b.Says(heading, "Please look into your mailbox")
	b.untilMail(at, 3)
	b.Open(at.Mailbox + "/?to=" + at.Email)
	b.click(".mails a")
	b.Says("document.querySelectorAll('.letter').length", "1")
	code, err := chromedp.Run(b.Ctx, chromedp.Evaluate[string](`/[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(document.body.textContent)?.[0] || ''`))
	if err != nil || code == "" {
		b.T.Fatalf("the mail has no code (%v)", err)
	}
	b.begin()
	b.effort.typed(strings.TrimPrefix(at.Rekey, "http://") + "/code\n") // the address, by hand
	b.Open(at.Rekey + "/code")
	b.typeInto("email", at.Email)
	b.typeInto("code", strings.ToLower(strings.ReplaceAll(code, "-", "")))
	b.typeInto("password", password)
	b.typeInto("confirm", password)
	b.click("#submit")
	b.Says("location.pathname", "/done")
	b.measured("by code, from its address to done")
}

// serverTimes prints what a page takes from request to last byte over one connection, nothing compressed in between: the median of 50.
func serverTimes(t *testing.T, at sites) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	token := url.Values{"token": {"eyJhbGciOiJFUzI1NiJ9.eyJleHAiOjEwMDAwMDAwMDB9.c2lnbmF0dXJl"}}.Encode()
	for _, row := range [][2]string{{"/"}, {"/reset"}, {"/code"}, {"/forgot"}, {"/done"}, {"/incidents/" + demo.Slug}, {"/nowhere"}, {"/reset/check", token}} {
		var took []time.Duration
		for range 50 {
			fetch := func() (*http.Response, error) { return client.Get(at.Rekey + row[0]) }
			if row[1] != "" {
				fetch = func() (*http.Response, error) {
					return client.Post(at.Rekey+row[0], "application/x-www-form-urlencoded", strings.NewReader(row[1]))
				}
			}
			began := time.Now()
			resp, err := fetch()
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode >= 500 {
				t.Fatal(row[0], resp.Status, err)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		t.Logf("server time of %-22s median %7v, worst %7v", row[0], took[25].Round(10*time.Microsecond), took[49].Round(10*time.Microsecond))
		if took[25] > time.Second {
			t.Errorf("%s takes %v", row[0], took[25])
		}
	}
}
