package account

import (
	"strings"
	"testing"
)

func TestEmailKey(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64)
	domain := strings.Repeat(strings.Repeat("d", 59)+".", 3) + "example.x" // 189 bytes
	tests := []struct{ name, address, want string }{
		{"plain", "plain@example.com", "plain@example.com"},
		{"ASCII letters fold", "UPPER@Example.COM", "upper@example.com"},
		{"plus stays", "tag+breach@example.com", "tag+breach@example.com"},
		{"dots stay", "a.b.c@gmail.com", "a.b.c@gmail.com"},
		{"every sign of an atom", "!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
		{"dotless i is its own letter", "mıke@example.org", "mıke@example.org"},
		{"capital dotted I is not lowered", "MİKE@example.org", "mİke@example.org"},
		{"Kelvin sign is not k", "\u212aelvin@example.org", "\u212aelvin@example.org"},
		{"long s is not s", "\u017fue@example.org", "\u017fue@example.org"},
		{"Greek letters keep their case", "ΔΟΚΙΜΉ@example.org", "ΔΟΚΙΜΉ@example.org"},
		{"decomposed becomes composed", "ju\u0308rgen@example.org", "j\u00fcrgen@example.org"},
		{"decomposed behind a Kelvin sign", "\u212aju\u0308@example.org", "\u212aj\u00fc@example.org"},
		{"full-width letters are not folded", "ａ@example.org", "ａ@example.org"},
		{"Greek domain", "δοκιμή@παράδειγμα.δοκιμή", "δοκιμή@xn--hxajbheg2az3al.xn--jxalpdlp"},
		{"Chinese domain", "用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"},
		{"domain in A-labels", "a@XN--fsqu00a.XN--4rr70v", "a@xn--fsqu00a.xn--4rr70v"},
		{"capital umlaut in the domain", "a@BÜCHER.example", "a@xn--bcher-kva.example"},
		{"sharp s stays", "a@straße.example", "a@xn--strae-oqa.example"},
		{"ideographic full stop", "a@例子。广告", "a@xn--fsqu00a.xn--4rr70v"},
		{"full-width domain", "a@ｅｘａｍｐｌｅ.com", "a@example.com"},
		{"two hyphens", "a@r3---sn.example.com", "a@r3---sn.example.com"},
		{"one label", "root@localhost", "root@localhost"},
		{"digits", "1@2.example", "1@2.example"},
		{"quoted", `"quoted local"@example.com`, `"quoted local"@example.com`},
		{"quoted with a quoted quote", `"a\"B"@example.com`, `"a\"b"@example.com`},
		{"longest local part", long + "@example.com", long + "@example.com"},
		{"longest address", long + "@" + domain, long + "@" + domain},

		{"empty", "", ""},
		{"no at", "no-at-sign.example.com", ""},
		{"two ats", "two@@example.com", ""},
		{"an at in the local part", "a@b@example.com", ""},
		{"a quoted at", `"a@b"@example.com`, ""},
		{"no local part", "@example.com", ""},
		{"no domain", "a@", ""},
		{"space in the local part", "=cmd|'/c calc'!A1@example.com", ""},
		{"space in the domain", "a@exam ple.com", ""},
		{"surrounding space", " a@example.com", ""},
		{"full-width at", "a＠example.com", ""},
		{"full-width at beside a real one", "a＠b@example.com", ""},
		{"small at beside a real one", "a﹫b@example.com", ""},
		{"line feed", "a\nBcc: v@example.net", ""},
		{"line feed quoted", "\"a\nb\"@example.com", ""},
		{"carriage return in the domain", "a@example.com\r", ""},
		{"NUL", "a\x00@example.com", ""},
		{"DEL", "a\x7f@example.com", ""},
		{"next line", "a\u0085b@example.com", ""},
		{"zero width space", "a\u200bb@example.com", ""},
		{"right-to-left override", "a\u202eb@example.com", ""},
		{"no-break space", "a\u00a0b@example.com", ""},
		{"private use", "a\ue000b@example.com", ""},
		{"invalid UTF-8", "a\xff@example.com", ""},
		{"invalid UTF-8 in the domain", "a@ex\xffample.com", ""},
		{"leading dot", ".a@example.com", ""},
		{"trailing dot", "a.@example.com", ""},
		{"double dot", "a..b@example.com", ""},
		{"comment", "a(c)@example.com", ""},
		{"angle brackets", "<a@example.com>", ""},
		{"display name", "A <a@example.com>", ""},
		{"list", "a@example.com,b@example.com", ""},
		{"quote not closed", `"a@example.com`, ""},
		{"quote in an atom", `a"b@example.com`, ""},
		{"empty quotes", `""@example.com`, ""},
		{"quote ends early", `"a"b@example.com`, ""},
		{"backslash before the end", `"a\"@example.com`, ""},
		{"address literal", "a@[127.0.0.1]", ""},
		{"underscore in the domain", "a@ex_ample.com", ""},
		{"hyphen first", "a@-example.com", ""},
		{"hyphen last", "a@example-.com", ""},
		{"empty label", "a@example..com", ""},
		{"root dot", "a@example.com.", ""},
		{"A-label that is none", "a@xn--0.example", ""},
		{"mixed directions", "a@אa.example", ""},
		{"label of 64", "a@" + strings.Repeat("d", 64) + ".com", ""},
		{"local part of 65", long + "a@example.com", ""},
		{"local part of 33 two-byte letters", strings.Repeat("é", 33) + "@example.com", ""},
		{"255 bytes", long + "@" + domain + "x", ""},
	}
	for _, tt := range tests {
		got, err := EmailKey(tt.address)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s: EmailKey(%q) = %q, %v; want %q", tt.name, tt.address, got, err, tt.want)
		}
		if err != nil && len(tt.address) > 3 && strings.Contains(err.Error(), tt.address) {
			t.Errorf("%s: the error quotes the address", tt.name)
		}
	}
}

// The short way of plain domains must say what UTS 46 says.
func TestPlainDomainsAgreeWithUTS46(t *testing.T) {
	t.Parallel()
	for _, d := range []string{"example.com", "EXAMPLE.Com", "a-b.c1", "1.2.3", "x", strings.Repeat("d", 63) + ".org"} {
		short, err := foldDomain(d)
		mapped, errMapped := domains.ToASCII(d)
		if err != nil || errMapped != nil || short != mapped {
			t.Errorf("%q: short way %q (%v), UTS 46 %q (%v)", d, short, err, mapped, errMapped)
		}
	}
}

func FuzzEmailKey(f *testing.F) {
	f.Add("UPPER@Example.COM")
	f.Add("δοκιμή@παράδειγμα.δοκιμή")
	f.Add(`"quoted local"@example.com`)
	f.Fuzz(func(t *testing.T, address string) {
		key, err := EmailKey(address)
		if err != nil {
			return
		}
		if strings.ContainsAny(key, "\r\n\x00") || strings.Count(key, "@") != 1 || len(key) > maxAddress {
			t.Errorf("EmailKey(%q) = %q", address, key)
		}
	})
}
