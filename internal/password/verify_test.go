package password

import (
	"strings"
	"testing"
	"time"

	"github.com/go-crypt/crypt/algorithm/shacrypt"
	"github.com/google/go-cmp/cmp"
)

// vectors are published ones, by source; none was made by this package.
var vectors = []struct{ label, encoded, pw string }{
	// phc-winner-argon2, src/test.c
	{"argon2id:m=256,t=2,p=1", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"},
	{"argon2id:m=256,t=2,p=2", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
	{"argon2id:m=65536,t=2,p=1", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
	{"argon2id:m=65536,t=1,p=1", "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg", "password"},
	{"argon2i:m=256,t=2,p=1", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8", "password"},
	{"argon2i:m=256,t=2,p=2", "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E", "password"},
	// crypt_blowfish, wrapper.c, and PHP's own prefix
	{"bcrypt:5", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
	{"bcrypt:5", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"},
	{"bcrypt:5", "$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"},
	{"bcrypt:5", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", ""},
	{"bcrypt:5", bcrypt72, letters72},
	{"bcrypt:5", "$2y$05$kIgcIMyL7mW1phrQ3of4P.Tr7hV/hf9/wxx9sbTSc86rUkyL0AzO.", "p\xa3ss\xffword"},
	// RFC 6070, RFC 7914 §11 and §12, written as passlib and PHC write them; SHA-512 by OpenSSL
	{"pbkdf2-sha1:4096", "$pbkdf2-sha1$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE", "password"},
	{"pbkdf2-sha1:4096", "$pbkdf2$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE", "password"},
	{"pbkdf2-sha256:1,l=64", "$pbkdf2-sha256$i=1,l=64$c2FsdA$VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLxJypzM8Xm2RZkWZLOdd+8xfHG4RbHjC9UJESBB06GXgw", "passwd"},
	{"pbkdf2-sha512:1000", "$pbkdf2-sha512$i=1000$c2FsdFNBTFRzYWx0U0FMVA$L+vjhfY5mqKiCpkm0YIuL0mdqnbOXhYw/v74SUJEEwd4SPdh7srb8v5uXaGkjMc/LwzXWI4VCj9tRfIFZqlllw", "password"},
	{"scrypt:ln=10,r=8,p=16", "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA", "password"},
	// FreeBSD's MD5 crypt by glibc; Drepper's SHA-crypt specification; musl's libc-test
	{"md5-crypt", "$1$oKnN0HHt$Aul2g/J4edgga3WE/03cN/", "hello"},
	{"md5-crypt", "$1$oKnN0HHt$KtM1JhHfFNyQOq5OgbGo.1", "this is a password longer than 16 characters"},
	{"sha256-crypt:5000", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
	{"sha256-crypt:10000", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!"},
	{"sha256-crypt:1400", "$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1", "a very much longer text to encrypt.  This one even stretches over morethan one line."},
	{"sha512-crypt:5000", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1", "Hello world!"},
	{"sha512-crypt:10000", "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.", "Hello world!"},
	{"sha512-crypt:1000", "$6$rounds=1000$$hETGMQQ5sXu1md3PrmRCM4AxTgbNpYQaIhk4xQzvCiNfeogfCR9PZGSRXghUOxMAPFU2wuz/ZLafIHrHopO.60", "a"},
	// Django, tests/auth_tests/test_hashers.py; the RFC 6070 value in Django's form
	{"django-pbkdf2-sha256:24000", "pbkdf2_sha256$24000$seasalt$V9DfCAVoweeLwxC/L2mb+7swhzF0XYdyQMqmusZqiTc=", "lètmein"},
	{"django-pbkdf2-sha1:1", "pbkdf2_sha1$1$salt$DGDID5YfDnHzqbUkr2ASBi/gN6Y=", "password"},
	{"django-sha1", "sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8", "lètmein"},
	{"django-md5", "md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3", "lètmein"},
	{"django-md5", "md5$$5f4dcc3b5aa765d61d8327deb882cf99", "password"},
	// Openwall phpass, test.php; passlib's tests
	{"phpass:11", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "test12345"},
	{"phpass:11", "$H$9aaaaaSXBjgypwqm.JsMssPLiS8YQ00", "test1"},
	{"phpass:8", "$P$612345678si5M0DDyPpmRCmcltU/YW/", "JohnRipper"},
	{"phpass:13", "$P$B12345678L6Lpt4BxNotVIMILOa9u81", "JohnRipper"},
	// RFC 2307's forms: passlib's documentation; the SHA-2 ones by OpenSSL
	{"ldap-sha", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "password"},
	{"ldap-ssha", "{SSHA}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ", "password"},
	{"ldap-ssha", "{ssha}pKqkNr1tq3wtQqk+UcPyA3HnA2NsU5NJ", "password"},
	{"ldap-ssha256", "{SSHA256}oBmrdHcA6OZEkkCLeXh71YAerbvhXz1qqwjrPsXmEtNzYWx0c2FsdA==", "secret"},
	{"ldap-ssha512", "{SSHA512}aCu7JRc+kLsuEmFs1zTY+AiP7DSGnjjG+dH28Dp+E5usqoAixeTPihKqZmkWal4mUfp63tqvCAkFV1LKTDFH6XNhbHRzYWx0", "secret"},
}

const (
	letters72 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	bcrypt72  = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
)

func verify(t *testing.T, encoded, pw string) bool {
	t.Helper()
	ok, err := Verify(encoded, pw)
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return ok
}

func TestVerifyPublishedVectors(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, v := range vectors {
		info := Identify(v.encoded)
		seen[info.Scheme] = true
		if !info.Verifiable || info.Label != v.label || info.Memory <= 0 || info.Work <= 0 {
			t.Errorf("Identify(%s) = %+v, want label %s", v.encoded, info, v.label)
		}
		if !verify(t, v.encoded, v.pw) {
			t.Errorf("%s does not match its password", v.encoded)
		}
		for _, wrong := range []string{v.pw + "x", "x" + v.pw, strings.ToUpper(v.pw) + "?"} {
			if verify(t, v.encoded, wrong) {
				t.Errorf("%s matches %q", v.encoded, wrong)
			}
		}
	}
	for _, s := range schemes {
		if !seen[s.name] {
			t.Errorf("no vector for %s", s.name)
		}
	}
}

func TestVerifyBcryptReadsTheWholePassword(t *testing.T) {
	t.Parallel()
	h, err := NewHasher(Params{Scheme: Bcrypt, Cost: 10})
	if err != nil {
		t.Fatal(err)
	}
	ab, err := h.Hash("ab")
	if err != nil {
		t.Fatal(err)
	}
	if verify(t, bcrypt72, letters72+"x") {
		t.Error("73 bytes match a hash of the first 72")
	}
	if verify(t, ab, "ab\x00ab") || verify(t, ab, "ab\x00") {
		t.Error("a NUL repeats the key")
	}
	if !verify(t, ab, "ab") {
		t.Error("the password itself does not match")
	}
}

func TestVerifyCryptTakesNoMoreThanCryptDoes(t *testing.T) {
	t.Parallel()
	const byLibxcrypt = "$5$rounds=1000$saltstring$b8jfihVxUWloctpFOWlfPXwPsee33rIBjX3A.Bd.bVA"
	if !verify(t, byLibxcrypt, strings.Repeat("a", 511)) {
		t.Error("511 bytes do not match")
	}
	maker, err := shacrypt.New(shacrypt.WithSHA256(), shacrypt.WithIterations(1000))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := maker.Hash(strings.Repeat("a", 512))
	if err != nil {
		t.Fatal(err)
	}
	if !digest.Match(strings.Repeat("a", 512)) || !Identify(digest.Encode()).Verifiable {
		t.Fatal("the hash to refuse is not one")
	}
	if verify(t, digest.Encode(), strings.Repeat("a", 512)) {
		t.Error("512 bytes were taken")
	}
}

func TestVerifyRefusesInputsTheSchemeCannotTakeAfterTheSameWork(t *testing.T) {
	t.Parallel()
	var asked []string
	match := within(usableByBcrypt, bcryptBytes, func(pw string) (bool, error) { asked = append(asked, pw); return true, nil })
	for _, pw := range []string{"good", strings.Repeat("a", 73), "a\x00b"} {
		ok, err := match(pw)
		if err != nil || ok != (pw == "good") {
			t.Errorf("match(%q) = %v, %v", pw, ok, err)
		}
	}
	if diff := cmp.Diff([]string{"good", strings.Repeat("x", 72), "xxx"}, asked); diff != "" {
		t.Errorf("hash calls (-want +got):\n%s", diff)
	}
}

// never lists what must be refused before any of it is computed: each would take from minutes to for ever, or panic.
func TestIdentifyRefusesBombsAndMalformedHashes(t *testing.T) {
	t.Parallel()
	const tail = "$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	const digest43 = "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"
	const pbkdf2Tail = "$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE"
	const scryptTail = "$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWI"
	refused := map[string][]string{
		"unknown": {"", "x", "$", "$$", "$9$whatisthis$abcdef", "5f4dcc3b5aa765d61d8327deb882cf99", "$argon2d$v=19$m=256,t=2,p=1" + tail, "{CRYPT}$1$a$b", "!", "*"},
		"argon2id": {
			"$argon2id$v=19$m=4294967295,t=4294967295,p=255" + tail, "$argon2id$v=19$m=262145,t=1,p=1" + tail,
			"$argon2id$v=19$m=262144,t=5,p=1" + tail, "$argon2id$v=19$m=256,t=17,p=1" + tail, "$argon2id$v=19$m=256,t=1,p=9" + tail,
			"$argon2id$v=19$m=256,t=0,p=1" + tail, "$argon2id$v=19$m=256,t=1,p=0" + tail, "$argon2id$v=19$m=7,t=1,p=1" + tail,
			"$argon2id$v=19$m=0,t=1,p=1" + tail, "$argon2id$v=19$m=18446744073709551615,t=2,p=1" + tail,
			"$argon2id$v=16$m=256,t=2,p=1" + tail, "$argon2id$m=256,t=2,p=1" + tail, "$argon2id$v=19$t=2,m=256,p=1" + tail,
			"$argon2id$v=19$m=0256,t=2,p=1" + tail, "$argon2id$v=19$m=+256,t=2,p=1" + tail, "$argon2id$v=19$m=256,t=2,p=1,p=1" + tail,
			"$argon2id$v=19$m=256,t=2,p=1,keyid=AAAA" + tail, "$argon2id$v=19$m=256,t=2" + tail, "$argon2id$v=19$m=256,t=2,p=1" + tail + "=",
			"$argon2id$v=19$m=256,t=2,p=1" + tail + "$", "$argon2id$v=19$m=256,t=2,p=1$c29tZXN\nhbHQ" + tail[12:],
			"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHR" + tail[12:], "$argon2id$v=19$m=256,t=2,p=1$c2FsdA$" + tail[13:],
			"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$AAAA", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$" + strings.Repeat("A", 4096), "$argon2id$",
		},
		"bcrypt": {
			"$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$2a$16$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
			"$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$2a$99$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
			"$2a$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
			"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWx", "$2a$05$CCCCCCCCCCCCCCCCCCCCC=E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$2b$",
			"$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "$2$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		},
		"pbkdf2-sha1":          {"$pbkdf2$5000001" + pbkdf2Tail, "$pbkdf2$0" + pbkdf2Tail, "$pbkdf2$-1" + pbkdf2Tail, "$pbkdf2$i=1,l=21" + pbkdf2Tail, "$pbkdf2$1$c2FsdA$AAAA"},
		"pbkdf2-sha256":        {"$pbkdf2-sha256$99999999999999999999" + pbkdf2Tail, "$pbkdf2-sha256$1$$" + pbkdf2Tail[9:]},
		"scrypt":               {"$scrypt$ln=31,r=8,p=1" + scryptTail, "$scrypt$ln=19,r=8,p=1" + scryptTail, "$scrypt$ln=21,r=1048576,p=1" + scryptTail, "$scrypt$ln=29,r=268435456,p=1" + scryptTail, "$scrypt$ln=18,r=8,p=5" + scryptTail, "$scrypt$ln=10,r=8,p=17" + scryptTail, "$scrypt$ln=10,r=0,p=1" + scryptTail, "$scrypt$ln=0,r=8,p=1" + scryptTail, "$scrypt$ln=10,p=1,r=8" + scryptTail},
		"md5-crypt":            {"$1$", "$1$toolongsalt$Aul2g/J4edgga3WE/03cN/", "$1$oKnN0HHt$Aul2g/J4edgga3WE/03cN", "$1$oKnN0HHt$Aul2g/J4edgga3WE/03cN/$x"},
		"sha256-crypt":         {"$5$rounds=1000001$salt$" + digest43, "$5$rounds=999999999$salt$" + digest43, "$5$rounds=999$salt$" + digest43, "$5$rounds=0$salt$" + digest43, "$5$rounds=010000$salt$" + digest43, "$5$rounds=$salt$" + digest43, "$5$salt", "$5$seventeenletters.$" + digest43},
		"sha512-crypt":         {"$6$salt$" + digest43, "$6$rounds=999999999$salt$" + strings.Repeat(".", 86)},
		"django-pbkdf2-sha256": {"pbkdf2_sha256$5000001$seasalt$V9DfCAVoweeLwxC/L2mb+7swhzF0XYdyQMqmusZqiTc=", "pbkdf2_sha256$24000$$V9DfCAVoweeLwxC/L2mb+7swhzF0XYdyQMqmusZqiTc=", "pbkdf2_sha256$1$a$AAAA"},
		"django-sha1":          {"sha1$", "sha1$salt", "sha1$salt$abcd", "sha1$salt$zff36ea83f5706ce9aa7454e63e431fc726b2dc8"},
		"django-md5":           {"md5$5f4dcc3b5aa765d61d8327deb882cf99", "md5$a$5f4dcc3b5aa765d61d8327deb882cf99aa"},
		"phpass":               {"$P$HIQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "$P$zIQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "$P$4IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L", "$P$"},
		"ldap-sha":             {"{SHA}", "{SHA}AAAA", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g"},
		"ldap-ssha":            {"{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "{SSHA}%%%"},
	}
	for scheme, all := range refused {
		for _, encoded := range all {
			info := Identify(encoded)
			if info.Verifiable || info.Scheme != scheme || info.Reason == "" || info.Memory != 0 {
				t.Errorf("Identify(%.80s) = %+v, want a refused %s", encoded, info, scheme)
			}
			if _, ok := Sample(info.Label); ok {
				t.Errorf("a sample for %s", info.Label)
			}
			if verify(t, encoded, "password") || !NeedsUpgrade(encoded, DefaultParams()) {
				t.Errorf("%.80s verifies or needs no upgrade", encoded)
			}
		}
	}
}

func TestIdentifyAcceptsTheDearestAllowed(t *testing.T) {
	t.Parallel()
	for _, label := range []string{
		"argon2id:m=262144,t=4,p=8", "argon2id:m=65536,t=16,p=4", "argon2i:m=262144,t=4,p=1", "bcrypt:15", "pbkdf2-sha256:5000000",
		"scrypt:ln=18,r=8,p=4", "scrypt:ln=21,r=1,p=1", "sha512-crypt:1000000", "phpass:18",
	} {
		encoded, ok := Sample(label)
		if info := Identify(encoded); !ok || !info.Verifiable || info.Memory > maxMemory || info.Work > 4*time.Second {
			t.Errorf("%s: %v, %+v", label, ok, info)
		}
	}
}

func TestSampleHasItsLabel(t *testing.T) {
	t.Parallel()
	labels := map[string]string{}
	for _, v := range vectors {
		labels[v.label] = v.pw
	}
	for label := range labels {
		encoded, ok := Sample(label)
		if !ok || Identify(encoded).Label != label {
			t.Errorf("Sample(%s) = %s, %v", label, encoded, ok)
		}
	}
	for _, none := range []string{"", "unknown", "bcrypt", "bcrypt:05", "bcrypt:31", "bcrypt:x", "phpass:99", "md5-crypt:7", "argon2id:m=1,t=1,p=1", "argon2id", "sha256-crypt:", "scrypt:ln=99,r=8,p=1", "pbkdf2-sha256:1,l=32", "pbkdf2-sha256:1,l=9999999"} {
		if encoded, ok := Sample(none); ok {
			t.Errorf("Sample(%q) = %s", none, encoded)
		}
	}
	if encoded, _ := Sample("sha256-crypt:5000"); verify(t, encoded, "") {
		t.Error("a sample is somebody's password")
	}
}

// TestTrickyHashes holds the hash strings of the tricky import file.
func TestTrickyHashes(t *testing.T) {
	t.Parallel()
	rows := []struct {
		id, encoded string
		want        Info
		pw          string
	}{
		{"t-001", "md5$$5f4dcc3b5aa765d61d8327deb882cf99", Info{Scheme: "django-md5", Label: "django-md5", Verifiable: true}, "password"},
		{"t-020", "", Info{Scheme: "unknown", Label: "unknown"}, ""},
		{"t-021", "$9$whatisthis$abcdef", Info{Scheme: "unknown", Label: "unknown"}, ""},
		{"t-022", "$argon2id$v=19$m=4294967295,t=4294967295,p=255$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", Info{Scheme: "argon2id", Label: "argon2id:refused"}, ""},
		{"t-023", "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", Info{Scheme: "bcrypt", Label: "bcrypt:refused"}, ""},
		{"t-024", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", Info{Scheme: "bcrypt", Label: "bcrypt:5", Verifiable: true}, "U*U"},
	}
	for _, row := range rows {
		got := Identify(row.encoded)
		got.Memory, got.Work, got.Reason = 0, 0, ""
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.id, diff)
		}
		if verify(t, row.encoded, row.pw) != row.want.Verifiable {
			t.Errorf("%s: wrong verdict", row.id)
		}
	}
}

// FuzzVerify holds Identify and Verify to never panicking, to agreeing with each other, and to bounds on what is computed.
func FuzzVerify(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.encoded, v.pw)
	}
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "x")
	f.Fuzz(func(t *testing.T, encoded, pw string) {
		info := Identify(encoded)
		if info.Memory > maxMemory || info.Verifiable == (info.Reason != "") {
			t.Fatalf("%+v", info)
		}
		if info.Work > 50*time.Millisecond {
			return
		}
		ok, err := Verify(encoded, pw)
		if err != nil || ok && !info.Verifiable {
			t.Fatalf("%v, %v, %+v", ok, err, info)
		}
		if !info.Verifiable {
			return
		}
		if sample, made := Sample(info.Label); !made || Identify(sample).Work < info.Work {
			t.Fatalf("no sample as dear as %+v", info)
		}
	})
}
