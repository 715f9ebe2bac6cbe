package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// forger has our very signing key, so that what it writes fails for its form alone.
type forger struct {
	t   testing.TB
	key Key
}

func (f forger) header() string { return headerStart + f.key.ID + headerEnd }

func (f forger) payload(changes ...string) string {
	f.t.Helper()
	text := fmt.Sprintf(`{"iss":"%s","aud":"%[1]s/reset","sub":"42","jti":"AAAAAAAAAAAAAAAAAAAAAA","iat":%d,"exp":%d,"cid":7,"ver":3,"epoch":5}`, issuer, now.Unix(), now.Unix()+3600)
	return f.change(text, changes...)
}

// change replaces pairs of old and new, each old exactly once.
func (f forger) change(text string, changes ...string) string {
	f.t.Helper()
	for i := 0; i < len(changes); i += 2 {
		if strings.Count(text, changes[i]) != 1 {
			f.t.Fatalf("%q is not exactly once in %s", changes[i], text)
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	return text
}

func (f forger) sign(header, payload string) string {
	f.t.Helper()
	signed := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(payload))
	signature, err := jwt.SigningMethodES256.Sign(signed, f.key.Private)
	if err != nil {
		f.t.Fatal(err)
	}
	lowerS(signature)
	return signed + "." + b64.EncodeToString(signature)
}

// refusal fails unless the token is refused by both parsers with the one error and no claims.
func refusal(t *testing.T, ring *Ring, name, token string) {
	t.Helper()
	for parser, parse := range map[string]func(string, time.Time) (Claims, error){"Parse": ring.Parse, "ParseForReissue": ring.ParseForReissue} {
		claims, err := parse(token, now)
		if err != error(ErrNotOurs) || claims != (Claims{}) {
			t.Errorf("%s: %s gave %+v, %v", name, parser, claims, err)
		}
	}
}

func newForger(t *testing.T) (forger, *Ring) {
	t.Helper()
	f := forger{t, newKey(t, now.Add(-time.Hour))}
	ring := newRing(t, f.key)
	if _, err := ring.Parse(f.sign(f.header(), f.payload()), now); err != nil {
		t.Fatalf("the forger does not know the form, its failures prove nothing: %v", err)
	}
	return f, ring
}

// Attack 33: everything a header can be made to say.
func TestHeaderAttacks(t *testing.T) {
	t.Parallel()
	f, ring := newForger(t)
	jwkText, err := f.key.JWK()
	if err != nil {
		t.Fatal(err)
	}
	member := func(text string) string { return f.change(f.header(), `,"typ"`, `,`+text+`,"typ"`) }
	for name, header := range map[string]string{
		"alg none":              f.change(f.header(), "ES256", "none"),
		"alg nOnE":              f.change(f.header(), "ES256", "nOnE"),
		"alg empty":             f.change(f.header(), "ES256", ""),
		"alg missing":           f.change(f.header(), `"alg":"ES256",`, ""),
		"alg HS256":             f.change(f.header(), "ES256", "HS256"),
		"alg ES384":             f.change(f.header(), "ES256", "ES384"),
		"alg RS256":             f.change(f.header(), "ES256", "RS256"),
		"alg es256":             f.change(f.header(), "ES256", "es256"),
		"alg twice":             member(`"alg":"ES256"`),
		"alg and Alg":           member(`"Alg":"none"`),
		"alg a list":            f.change(f.header(), `"ES256"`, `["ES256"]`),
		"typ JWT":               f.change(f.header(), "reset+jwt", "JWT"),
		"typ of a SET":          f.change(f.header(), "reset+jwt", "secevent+jwt"),
		"typ of an access":      f.change(f.header(), "reset+jwt", "at+jwt"),
		"typ in capitals":       f.change(f.header(), "reset+jwt", "RESET+JWT"),
		"typ as a media type":   f.change(f.header(), "reset+jwt", "application/reset+jwt"),
		"typ missing":           f.change(f.header(), `,"typ":"reset+jwt"`, ""),
		"typ null":              f.change(f.header(), `"reset+jwt"`, "null"),
		"crit":                  member(`"crit":["exp"]`),
		"unknown crit":          member(`"crit":["x"],"x":1`),
		"embedded jwk":          member(`"jwk":` + string(jwkText)),
		"jku":                   member(`"jku":"https://evil.example/jwks.json"`),
		"x5u":                   member(`"x5u":"https://evil.example/cert.pem"`),
		"x5c":                   member(`"x5c":["MIIB"]`),
		"b64 false":             member(`"b64":false`),
		"zip":                   member(`"zip":"DEF"`),
		"cty, nested":           member(`"cty":"JWT"`),
		"JWE":                   member(`"enc":"A256GCM"`),
		"unknown member":        member(`"x":1`),
		"kid twice":             member(`"kid":"` + f.key.ID + `"`),
		"kid missing":           f.change(f.header(), `"kid":"`+f.key.ID+`",`, ""),
		"kid a path":            f.change(f.header(), f.key.ID, "../../../../dev/null"),
		"kid SQL":               f.change(f.header(), f.key.ID, "x' UNION SELECT 'k'--"),
		"kid with NUL":          f.change(f.header(), f.key.ID, f.key.ID+`\u0000`),
		"kid too short":         f.change(f.header(), f.key.ID, "AAAA"),
		"kid escaped":           f.change(f.header(), f.key.ID, fmt.Sprintf(`\u%04x`, f.key.ID[0])+f.key.ID[1:]),
		"white space":           f.change(f.header(), `,"typ"`, `, "typ"`),
		"other order":           `{"typ":"reset+jwt","alg":"ES256","kid":"` + f.key.ID + `"}`,
		"after the end":         f.header() + " ",
		"byte order mark":       "\ufeff" + f.header(),
		"empty":                 "",
		"a list":                "[" + f.header() + "]",
		"deep":                  strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60),
		"longer than any token": member(`"x":"` + strings.Repeat("x", MaxBytes) + `"`),
	} {
		refusal(t, ring, name, f.sign(header, f.payload()))
	}
}

// Attack 35: everything claims can be made to say, and attack 13: tokens of other kinds, other installations.
func TestClaimAttacks(t *testing.T) {
	t.Parallel()
	f, ring := newForger(t)
	iat, exp := fmt.Sprintf(`"iat":%d`, now.Unix()), fmt.Sprintf(`"exp":%d`, now.Unix()+3600)
	attacks := map[string][]string{
		"other issuer":            {`"iss":"https://reset`, `"iss":"https://other`},
		"other audience":          {`example.org/reset"`, `example.org/other"`},
		"audience of the issuer":  {`example.org/reset"`, `example.org"`},
		"two audiences":           {`"` + issuer + `/reset"`, `["` + issuer + `/reset","x"]`},
		"one audience in a list":  {`"` + issuer + `/reset"`, `["` + issuer + `/reset"]`},
		"subject of nobody":       {`"42"`, `"0"`},
		"negative subject":        {`"42"`, `"-42"`},
		"subject with a sign":     {`"42"`, `"+42"`},
		"subject with a zero":     {`"42"`, `"042"`},
		"subject a number":        {`"42"`, `42`},
		"subject beyond int64":    {`"42"`, `"9223372036854775808"`},
		"subject with white":      {`"42"`, `"42 "`},
		"subject a name":          {`"42"`, `"admin"`},
		"subject escaped":         {`"42"`, `"\u0034\u0032"`},
		"id too short":            {`"AAAAAAAAAAAAAAAAAAAAAA"`, `"AAAAAAAAAAAAAAAAAAAA"`},
		"id with loose bits":      {`"AAAAAAAAAAAAAAAAAAAAAA"`, `"AAAAAAAAAAAAAAAAAAAAAB"`},
		"id with a line break":    {`"AAAAAAAAAAAAAAAAAAAAAA"`, `"AAAAAAAAAAA\nAAAAAAAAAAA"`},
		"id of other symbols":     {`"AAAAAAAAAAAAAAAAAAAAAA"`, `"AAAAAAAAAAAAAAAAAAAA/A"`},
		"exp in capitals":         {`"exp"`, `"EXP"`},
		"exp twice":               {exp, exp + `,"exp":9999999999`},
		"exp then EXP":            {exp, exp + `,"EXP":9999999999`},
		"exp of every spelling":   {exp, `"EXP":9999999999,` + exp},
		"exp a string":            {exp, fmt.Sprintf(`"exp":"%d"`, now.Unix()+3600)},
		"exp a fraction":          {exp, exp + ".5"},
		"exp a fraction of zero":  {exp, exp + ".0"},
		"exp with exponent":       {exp, fmt.Sprintf(`"exp":%de0`, now.Unix()+3600)},
		"exp null":                {exp, `"exp":null`},
		"exp missing":             {"," + exp, ""},
		"exp huge":                {exp, `"exp":9000000000000000000`},
		"exp beyond int64":        {exp, `"exp":9223372036854775808`},
		"exp 1e300":               {exp, `"exp":1e300`},
		"exp a second too late":   {exp, fmt.Sprintf(`"exp":%d`, now.Unix()+86401)},
		"exp at iat":              {exp, fmt.Sprintf(`"exp":%d`, now.Unix())},
		"exp before iat":          {exp, fmt.Sprintf(`"exp":%d`, now.Unix()-1)},
		"exp negative":            {exp, `"exp":-1`},
		"times that overflow":     {iat, `"iat":-9223372036854775808`, exp, `"exp":9223372036854775807`},
		"iat missing":             {"," + iat, ""},
		"iat null":                {iat, `"iat":null`},
		"iat zero":                {iat, `"iat":0`, exp, `"exp":3600`},
		"iat beyond the leeway":   {iat, fmt.Sprintf(`"iat":%d`, now.Unix()+31)},
		"iat true":                {iat, `"iat":true`},
		"nbf":                     {iat, iat + `,"nbf":0`},
		"campaign negative":       {`"cid":7`, `"cid":-7`},
		"campaign missing":        {`"cid":7,`, ``},
		"version negative":        {`"ver":3`, `"ver":-3`},
		"version a string":        {`"ver":3`, `"ver":"3"`},
		"version twice":           {`"ver":3`, `"ver":2,"ver":3`},
		"version miscased":        {`"ver":3`, `"Ver":3`},
		"version with a zero":     {`"ver":3`, `"ver":03`},
		"version minus zero":      {`"ver":3`, `"ver":-0`},
		"version missing":         {`"ver":3,`, ``},
		"epoch null":              {`"epoch":5`, `"epoch":null`},
		"epoch missing":           {`,"epoch":5`, ``},
		"epoch with a long s":     {`"iss"`, `"iſs"`}, // U+017F folds to s in encoding/json
		"unknown claim":           {`"ver":3`, `"ver":3,"role":"admin"`},
		"claim after the end":     {`"epoch":5}`, `"epoch":5,"x":1}`},
		"text after the end":      {`"epoch":5}`, `"epoch":5}{}`},
		"white space":             {`,"ver"`, `, "ver"`},
		"line break at the end":   {`"epoch":5}`, "\"epoch\":5}\n"},
		"nested":                  {`"epoch":5`, `"epoch":{"epoch":5}`},
		"invalid UTF-8 in issuer": {`"iss":"h`, "\"iss\":\"\xffh"},
	}
	for name, changes := range attacks {
		refusal(t, ring, name, f.sign(f.header(), f.payload(changes...)))
	}
	for name, payload := range map[string]string{
		"empty": "", "null": "null", "a list": "[]", "an empty object": "{}", "a string": `"x"`,
		"deep": strings.Repeat("[", 300) + strings.Repeat("]", 300), "binary": "\x00\x01\xff",
	} {
		refusal(t, ring, name, f.sign(f.header(), payload))
	}
}

// Attacks 33 and 34: what can be done to a good token's text and signature without our key.
func TestSignatureAttacks(t *testing.T) {
	t.Parallel()
	f, ring := newForger(t)
	token := f.sign(f.header(), f.payload())
	cut := strings.LastIndexByte(token, '.')
	signed, encoded := token[:cut], token[cut+1:]
	signature, err := b64.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	deny := func(name, token string) { t.Helper(); refusal(t, ring, name, token) }
	with := func(name string, signature []byte) { t.Helper(); deny(name, signed+"."+b64.EncodeToString(signature)) }

	with("no signature", nil)
	with("psychic: zeros", make([]byte, 64))
	n := order.FillBytes(make([]byte, 32))
	with("psychic: r = n, s = 0", append(bytes.Clone(n), make([]byte, 32)...))
	with("psychic: r = 0, s = 1", append(make([]byte, 63), 1))
	with("psychic: r = n, s = 1", append(bytes.Clone(n), append(make([]byte, 31), 1)...))
	with("a byte short", signature[:63])
	with("a byte long", append(bytes.Clone(signature), 0))
	with("swapped halves", append(bytes.Clone(signature[32:]), signature[:32]...))
	der, err := ecdsa.SignASN1(rand.Reader, f.key.Private, digest(signed))
	if err != nil {
		t.Fatal(err)
	}
	with("DER", der)
	mirrored := bytes.Clone(signature)
	new(big.Int).Sub(order, new(big.Int).SetBytes(signature[32:])).FillBytes(mirrored[32:])
	if err := jwt.SigningMethodES256.Verify(signed, mirrored, f.key.Public); err != nil {
		t.Fatalf("the mirrored signature should be good but for its s: %v", err)
	}
	with("mirrored s", mirrored)

	last := strings.IndexByte(base64url, encoded[len(encoded)-1])
	deny("other last symbol, same bytes", token[:len(token)-1]+base64url[last^1:][:1])
	for i, c := range map[int]byte{5: '\n', cut - 3: '\r', cut + 20: '\n', len(token): '\n', 0: '\n', cut: '\n'} {
		deny(fmt.Sprintf("line break at %d", i), token[:i]+string(c)+token[i:])
	}
	deny("line break and carriage return", token+"\r\n")
	deny("space before", " "+token)
	deny("space after", token+" ")
	deny("NUL after", token+"\x00")
	deny("padded", token+"==")
	deny("standard alphabet", strings.NewReplacer("-", "+", "_", "/").Replace(token)+"+/")
	deny("Bearer", "Bearer "+token)
	deny("empty", "")
	deny("two parts", signed)
	deny("four parts", token+".")
	deny("five parts, a JWE", token+".."+encoded)
	deny("JSON serialisation", `{"payload":"x","signatures":[]}`)
	deny("two tokens", token+token)
	deny("long", token+strings.Repeat("A", MaxBytes))

	stranger := forger{t, newKey(t, now)}
	deny("another key under our kid", stranger.sign(f.header(), f.payload()))
	deny("claims of another token", f.sign(f.header(), f.payload(`"42"`, `"43"`))[:cut]+"."+encoded)
}

// Attack 34: a text longer than any token costs nothing. Not parallel, because allocations are counted for the whole process.
func TestLongTextIsNotRead(t *testing.T) {
	f, ring := newForger(t)
	token := f.sign(f.header(), f.payload())
	for name, text := range map[string]string{
		"dots":    strings.Repeat(".", 50<<20),
		"payload": strings.Replace(token, ".", "."+strings.Repeat("A", 50<<20), 1),
		"breaks":  strings.Repeat("\n", 50<<20),
	} {
		if n := testing.AllocsPerRun(3, func() { _, _ = ring.Parse(text, now) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func digest(text string) []byte { sum := sha256.Sum256([]byte(text)); return sum[:] }

// Attack 33: the public key, which everybody has, as an HMAC secret, in each form it is published or held in.
func TestKeyConfusion(t *testing.T) {
	t.Parallel()
	f, ring := newForger(t)
	der, err := x509.MarshalPKIXPublicKey(f.key.Public)
	if err != nil {
		t.Fatal(err)
	}
	jwkText, err := f.key.JWK()
	if err != nil {
		t.Fatal(err)
	}
	point, err := f.key.Public.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	armoured := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for name, key := range map[string][]byte{"PEM": armoured, "DER": der, "JWK": jwkText, "point": point, "empty": nil} {
		for _, alg := range []string{"HS256", "ES256"} {
			header := f.change(f.header(), "ES256", alg)
			signed := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(f.payload()))
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(signed))
			sum := mac.Sum(nil)
			refusal(t, ring, name+" as "+alg, signed+"."+base64.RawURLEncoding.EncodeToString(sum))
			refusal(t, ring, name+" twice as "+alg, signed+"."+base64.RawURLEncoding.EncodeToString(append(sum, sum...)))
		}
	}
}

// Attack 12 and 13: a good token of another installation that was given our key by mistake, and of another ring.
func TestTokenOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	key := newKey(t, now)
	for _, other := range []string{"https://reset.example.com", "http://reset.example.org", issuer + ":443", issuer + "/a"} {
		ring, err := NewRing(other, []Key{key})
		if err != nil {
			t.Fatal(err)
		}
		token, _ := mint(t, ring, now, time.Hour)
		refusal(t, newRing(t, key), other, token)
	}
}

// Attack 36: no second is given beyond exp, and no more than the stated leeway before iat.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, now))
	token, _ := mint(t, ring, now, time.Hour)
	for _, c := range []struct {
		at   time.Duration
		want error
	}{
		{-Leeway - 1, ErrNotOurs}, {-Leeway, nil}, {0, nil}, {time.Hour - 1, nil}, {time.Hour, ErrExpired}, {time.Hour + 1, ErrExpired}, {time.Hour + Leeway, ErrExpired},
	} {
		claims, err := ring.Parse(token, now.Add(c.at))
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("at %v: %v, want %v", c.at, err, c.want)
		}
		if c.want == ErrExpired && claims.Account != 42 {
			t.Errorf("at %v: expired without its claims", c.at)
		}
	}
}
