package console

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// openProvider is an OpenID Connect provider for tests: discovery, authorisation with PKCE, a token endpoint that takes each code once, and its keys.
// Whoever comes is signed in as who it is told to say.
type openProvider struct {
	t   *testing.T
	url string
	key *ecdsa.PrivateKey

	mu       sync.Mutex
	says     jwt.MapClaims // over the claims of every ID token
	signedIn time.Time     // when the person last proved themself there
	grants   map[string]url.Values
	asked    []url.Values // authorisation requests
	down     bool
}

const (
	oidcClient = "rekey"
	oidcSecret = "hush/with+signs"
)

func newOpenProvider(t *testing.T) *openProvider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	p := &openProvider{t: t, key: key, says: jwt.MapClaims{}, signedIn: time.Now().Add(-time.Hour), grants: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /keys", p.keys)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.down {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(site.Close)
	p.url = site.URL
	return p
}

// change does something to the provider between requests.
func (p *openProvider) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *openProvider) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Error(err)
	}
}

func (p *openProvider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.answer(w, http.StatusOK, map[string]any{
		"issuer": p.url, "authorization_endpoint": p.url + "/authorize", "token_endpoint": p.url + "/token", "jwks_uri": p.url + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
	})
}

func (p *openProvider) keys(w http.ResponseWriter, _ *http.Request) {
	b64 := base64.RawURLEncoding.EncodeToString
	public, err := p.key.PublicKey.Bytes() // 4 || X || Y (SEC 1 §2.3.3)
	if err != nil {
		p.t.Error(err)
	}
	p.answer(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1", "x": b64(public[1:33]), "y": b64(public[33:65]),
	}}})
}

// authorize signs the person in anew where max_age asks for it, and sends them back with a code (OpenID Connect Core §3.1.2).
func (p *openProvider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.asked = append(p.asked, q)
	if q.Get("response_type") != "code" || q.Get("client_id") != oidcClient || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("scope") == "" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	if q.Get("max_age") == "0" {
		p.signedIn = time.Now()
	}
	code := rand.Text()
	p.grants[code] = q
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		p.t.Error(err)
	}
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.url}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *openProvider) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.t.Error(err)
	}
	id, secret, basic := r.BasicAuth()
	if unescaped, err := url.QueryUnescape(secret); err == nil { // RFC 6749 §2.3.1
		secret = unescaped
	}
	grant, live := p.grants[r.PostForm.Get("code")]
	delete(p.grants, r.PostForm.Get("code"))
	challenge := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if !basic || id != oidcClient || secret != oidcSecret || !live || grant.Get("redirect_uri") != r.PostForm.Get("redirect_uri") ||
		grant.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]) {
		p.answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	claims := jwt.MapClaims{"iss": p.url, "aud": oidcClient, "sub": "u-1", "nonce": grant.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "auth_time": p.signedIn.Unix()}
	for name, value := range p.says {
		claims[name] = value
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	unsigned.Header["kid"] = "1"
	signed, err := unsigned.SignedString(p.key)
	if err != nil {
		p.t.Error(err)
	}
	p.answer(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 60, "id_token": signed})
}
