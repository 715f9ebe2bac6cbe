package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Attack 1: host-header poisoning. Whatever a request says about the host, it is served or refused, and no mail and no answer names
// anything but the configured public URL.
func TestAttack01HostHeader(t *testing.T) {
	t.Parallel()
	const form, length = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", "POST /forgot HTTP/1.1\r\n"
	requests := []struct {
		name, head string
		status     int
	}{
		{"host", length + "Host: evil.example\r\n", 200},
		{"port", length + "Host: reset.example.org:4444\r\n", 200},
		{"user", length + "Host: reset.example.org@evil.example\r\n", 400},
		{"forwarded-host", length + "Host: reset.example.org\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: evil\r\nX-Forwarded-Port: 666\r\n", 200},
		{"x-host", length + "Host: reset.example.org\r\nX-Host: evil.example\r\nX-Original-Host: evil.example\r\nX-Rewrite-URL: //evil.example/\r\n", 200},
		{"forwarded", length + "Host: reset.example.org\r\nForwarded: for=10.9.9.9;host=evil.example;proto=https\r\n", 200},
		{"absolute", "POST http://evil.example/forgot HTTP/1.1\r\nHost: reset.example.org\r\n", 200},
		{"referer", length + "Host: reset.example.org\r\nReferer: https://evil.example/\r\nX-Original-URL: https://evil.example/\r\n", 200},
		{"two", length + "Host: reset.example.org\r\nHost: evil.example\r\n", 400},
		{"no-host", length, 400},
		{"strange", length + "Host: evil.example/reset\r\n", 400},
	}
	var members []member
	for _, r := range requests {
		members = append(members, member{email: r.name + "@example.net", safe: true})
	}
	attacked(t, members, func(a *target) {
		for i, r := range requests {
			body := encoded("email", r.name+"@example.net")
			status, answer := a.raw(r.head + fmt.Sprintf("X-Forwarded-For: 10.1.1.%d\r\n", i+1) + fmt.Sprintf(form, len(body), body))
			if status != r.status || strings.Contains(answer, "evil") {
				t.Errorf("%s: %d, want %d, and nothing of theirs in %s", r.name, status, r.status, answer)
			}
			if r.status == 200 {
				a.mailTo(r.name+"@example.net", 0)
			}
		}
		a.drained()
		same(t, "mails", int64(7), a.box.Total())
		a.mailsNameOnlyUs()
	})
}

// raw sends bytes and gives status and whole answer.
func (a *target) raw(request string) (status int, answer string) {
	a.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(a.public, "http://"))
	if err != nil {
		a.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		a.t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return response.StatusCode, fmt.Sprint(response.Header) + string(body)
}

var anyURL = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"'<>)]*`)

// mailsNameOnlyUs fails where any mail so far has a URL that is not the public one's, or a word of the attacker.
func (a *target) mailsNameOnlyUs() {
	a.t.Helper()
	for _, m := range a.box.Find("", 1000) {
		letter, err := m.Read()
		if err != nil {
			a.t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(m.Raw), "\r\n\r\n")
		all := head + letter.Subject + letter.From + letter.Text + letter.HTML
		if strings.Contains(all, "evil") || letter.Token() == "" {
			a.t.Errorf("the mail to %s: %s", m.To, all)
		}
		for _, u := range anyURL.FindAllString(all, -1) {
			if !strings.HasPrefix(u, theirs+"/") && u != theirs {
				a.t.Errorf("the mail to %s leads to %s", m.To, u)
			}
		}
	}
}

// Attack 8: parameter pollution. Each body that two readers could read in two ways is refused, and at most one mail comes of all of
// them, to the address on file.
func TestAttack08ParameterPollution(t *testing.T) {
	t.Parallel()
	const victim, thief = "victim@example.net", "thief@evil.example"
	form, json := "application/x-www-form-urlencoded", "application/json"
	attacked(t, []member{{email: victim, safe: true}, {email: thief, safe: true}}, func(a *target) {
		for _, c := range []struct{ path, media, body string }{
			{"/forgot", form, "email=" + victim + "&email=" + thief},
			{"/forgot", form, "email=" + thief + "&email=" + victim},
			{"/forgot", form, "email=" + victim + "&Email=" + thief},
			{"/forgot", form, "email=" + victim + "&e%6Dail=" + thief},
			{"/forgot", form, "EMAIL=" + thief},
			{"/forgot?email=" + thief, form, "email=" + victim},
			{"/forgot?EMAIL=" + thief, form, "email=" + victim},
			{"/forgot", form, "email=" + victim + ";email=" + thief},
			{"/forgot", json, `{"email":["` + victim + `","` + thief + `"]}`},
			{"/forgot", json, `{"email":"` + victim + `","email":"` + thief + `"}`},
			{"/forgot", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\n" + thief + "\r\n--x--\r\n"},
			{"/reset/check", json, `{"token":"a","Token":"b"}`},
			{"/reset", form, "token=a&token=b&password=c&confirm=c"},
			{"/reissue", form, "token=a&token=b"},
		} {
			a.wants(c.path+" "+c.body, a.send("POST", c.path, c.body, with("Content-Type", c.media)), 400)
		}
		for _, c := range []string{victim + "," + thief, victim + ";" + thief, victim + " " + thief, victim + "\r\ncc: " + thief, victim + "\ncc:" + thief, victim + "%0acc:" + thief,
			victim + "\x00" + thief, "<" + victim + ">," + thief, "\"" + thief + "\" <" + victim + ">", victim + "|" + thief, victim + "&email=" + thief} {
			a.wants(c, a.forgot(c), 200) // the answer to everything that is one value
		}
		// A field that is not read, whatever it holds, and list names are not the field's.
		a.wants("others", a.send("POST", "/forgot", "email="+victim+"&email[]="+thief+"&email[0]="+thief+"&to="+thief), 200)
		a.mailTo(victim, 0)
		a.drained()
		same(t, "mails", int64(1), a.box.Total())
		same(t, "who got it", 0, len(a.box.Find("evil", 10)))
	})
}

// Attack 9: Unicode and case collisions. A mail goes to an address on file or nowhere, never to what was typed, and letters that only
// look or fold alike are not the same.
func TestAttack09Unicode(t *testing.T) {
	t.Parallel()
	members := []member{{email: "Mike@example.org", safe: true}, {email: "file@example.org", safe: true}, {email: "kelvin@example.org", safe: true}}
	attacked(t, members, func(a *target) {
		for _, typed := range []string{
			"mıke@example.org", "MİKE@example.org", "miḱe@example.org", "mi\u212ae@example.org", "ﬁle@example.org", "ＦＩＬＥ@example.org", "file＠example.org",
			"\u212aelvin@example.org", "kelv\u0131n@example.org", "kelvin@ex\u00e4mple.org", "mike\u200b@example.org", "\u202emike@example.org", "mike@example.org.evil.example",
			"mike+evil@example.org", "m.ike@example.org", "mike@EXAMPLE.org\u0000.evil.example", "\"mike@example.org\"@evil.example", "mike@evil.example@example.org",
		} {
			a.wants(typed, a.forgot(typed), 200)
		}
		a.drained()
		same(t, "mails to collisions", int64(0), a.box.Total())
		// The one folding there is: ASCII letters, and a domain by UTS 46. What is written on the envelope is the stored address.
		a.forgot("MIKE@ｅｘａｍｐｌｅ。ORG")
		m, _ := a.mailTo("Mike@example.org", 0)
		same(t, "envelope", "Mike@example.org", m.To)
		same(t, "header", "Mike@example.org", addressIn(t, m.Raw))
		a.forgot("FILE@Example.Org")
		a.mailTo("file@example.org", 0)
		a.drained()
		same(t, "mails", int64(2), a.box.Total())
	})
}

// addressIn is the address in a mail's To.
func addressIn(t *testing.T, raw []byte) string {
	t.Helper()
	header, err := textproto.NewReader(bufio.NewReader(strings.NewReader(string(raw)))).ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Trim(header.Get("To"), "<>")
}

// Attack 10: homographs and punycode. Domains that look alike are different, the two spellings of one domain are the same, and who asks
// for one never makes a mail to the other.
func TestAttack10Homographs(t *testing.T) {
	t.Parallel()
	const latin, cyrillic = "ann@apple.example", "bob@\u0430pple.example" // the second begins with U+0430
	const puny = "xn--pple-43d.example"                                   // that second domain in A-labels
	attacked(t, []member{{email: latin, safe: true}, {email: cyrillic, safe: true}}, func(a *target) {
		for _, typed := range []string{
			"ann@\u0430pple.example", "ann@" + puny, "bob@apple.example", "ann@appl\u0435.example", "ann@app\u04cfe.example", "ann@\U0001d41apple.example2", "bob@xn--pple-43c.example",
			"ann@xn--apple.example", "ann@xn--apple-.example", "ann@apple\u3002evil.example", "ann@a\u0440\u0440le.example",
		} {
			a.wants(typed, a.forgot(typed), 200)
		}
		a.drained()
		same(t, "mails to homographs", int64(0), a.box.Total())
		for i, typed := range []string{"bob@" + puny, "BOB@XN--pple-43D.Example", "bob@\uff41pple.example", "bob@\u0410PPLE.example"} {
			a.wants(typed, a.forgot(typed), 200)
			a.drained()
			want := []int64{1, 2, 2, 3}[i] // full-width a is the Latin one: another domain, nobody's bob
			same(t, "mails after "+typed, want, a.box.Total())
		}
		a.forgot("ANN@ａｐｐｌｅ.example") // and in full width all of it is the Latin one
		a.mailTo(latin, 0)
		for _, m := range a.box.Find("", 10) {
			if to := []string{latin, "bob@" + puny, cyrillic}; !slices.Contains(to, m.To) {
				t.Errorf("a mail to %s", m.To)
			}
		}
		same(t, "accounts stay apart", 2, a.count("SELECT count(DISTINCT email_key) FROM accounts"))
		same(t, "the operator sees A-labels", 1, a.count("SELECT count(*) FROM accounts WHERE email_key = 'bob@"+puny+"'"))
	})
}
