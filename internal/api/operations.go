package api

import "net/http"

// operations describes every route of Routes; a test holds the two together.
var operations = []operation{
	{
		method: http.MethodPost, path: "/v1/login/verify", id: "verify", tag: tagLogin, scope: loginScope, errors: writeErrors,
		summary: "Is this password right and alive?",
		about: "Hands the checking of passwords over to Rekey. Every result costs the same work and `invalid` the same time, whether the account exists or not.\n\n" +
			"* `ok`: begin a session and keep `authenticated_at` with it.\n" +
			"* `reset_required`: right, but exposed in a breach. Begin no session. Tell the member and offer `reset_url`.\n" +
			"* `invalid`: anything else: unknown, wrong, disabled, no password. Say \"address or password wrong\".\n" +
			"* `locked`: the whole service is closed for now. Say so.\n\n" +
			"429 is about this login, whoever it belongs to: tell the member to wait for Retry-After.",
		request: []sample{
			{"login", "by e-mail address", VerifyRequest{Login: "ann@example.org", Password: "correct horse battery staple", ClientIP: "192.0.2.7"}},
			{"subject", "by your own id", VerifyRequest{Subject: "u-1042", Password: "correct horse battery staple"}},
		},
		answers: []sample{
			{"ok", "right and alive", VerifyOK{Result: "ok", Subject: "u-1042", CredentialVersion: 3, AuthenticatedAt: 1308297601, NotBefore: 1308297600}},
			{"reset_required", "right and dead", VerifyResetRequired{"reset_required", "breach", "june-2011", "https://rekey.example/forgot"}},
			{"invalid", "everything else", VerifyInvalid{"invalid"}},
			{"locked", "lockdown", VerifyLocked{"locked"}},
		},
	},
	{
		method: http.MethodPost, path: "/v1/gate", id: "gate", tag: tagLogin, scope: loginScope, errors: writeErrors,
		summary: "Is this credential, is this session dead?",
		about: "Ask per request, or once a minute per session; one row is read. End a session that is `dead`; let nobody sign in while `locked` is true. " +
			"A `dead` credential beside a `live` session means: this session may go on, but the password is to be reset before the next one.",
		request: []sample{
			{"session", "credential and session", GateRequest{Subject: "u-1042", SessionIssuedAt: ptr(int64(1308297601))}},
			{"credential", "credential alone", GateRequest{Subject: "u-1042"}},
		},
		answers: []sample{
			{"live", "all is well", GateAnswer{Subject: "u-1042", Credential: "live", Session: "live"}},
			{"dead", "exposed", GateAnswer{Subject: "u-1042", Credential: "dead", Session: "dead", NotBefore: 1308297600, Reason: "breach", Incident: "june-2011", CoveredBy: 7}},
		},
	},
	{
		method: http.MethodPost, path: "/v1/gate/batch", id: "gateBatch", tag: tagLogin, scope: loginScope, errors: writeErrors,
		summary: "The gate for up to 1,000 at once",
		about:   "For a sweep over your session table. Answers stand in the order of the checks, and all of them are of the same moment.",
		request: []sample{{"sweep", "", GateBatchRequest{[]GateRequest{{Subject: "u-1042", SessionIssuedAt: ptr(int64(1308297601))}, {Subject: "u-1043"}}}}},
		answers: []sample{{"sweep", "", GateBatchAnswer{[]GateAnswer{
			{Subject: "u-1042", Credential: "live", Session: "live", NotBefore: 1308297600, CoveredBy: 7}, {Subject: "u-1043", Credential: "unknown"}}}}},
	},
	{
		method: http.MethodPost, path: "/v1/introspect", id: "introspect", tag: tagLogin, scope: loginScope, errors: formErrors, requestType: formType,
		summary: "Would this reset token set a password now?",
		about: "RFC 7662. Looks at signature, times, the credential's version and the campaigns since; using it costs nothing and changes nothing. " +
			"Whatever is not live is `{\"active\":false}` and nothing else.",
		request: []sample{{"token", "", IntrospectForm{Token: "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"}}},
		answers: []sample{
			{"active", "live", IntrospectActive{Active: true, Subject: "u-1042", Issuer: "https://rekey.example", Audience: "https://rekey.example/reset",
				IssuedAt: 1308297601, ExpiresAt: 1308384001, ID: "2Vf0rM9LZ1m0Q8yJ4tXb3w", TokenType: tokenType, Campaign: 7}},
			{"inactive", "anything else", IntrospectInactive{}},
		},
	},
	{
		method: http.MethodPut, path: "/v1/accounts/{subject}", id: "putAccount", tag: tagAccounts, scope: importScope, errors: writeErrors,
		summary: "An account was opened, or its address or language changed",
		about: "One row of an import. What is left out stays as it is. A hash replaces the stored one only if its date is strictly later and the member has not set one in Rekey. " +
			"What would make a dead password live is refused as a whole (422, `dead_password`); leave the hash out and send the rest again. " +
			"Sending the same twice changes nothing the second time.",
		request: []sample{{"sign-up", "", AccountRequest{Email: ptr("ann@example.org"), Locale: ptr("en-GB"),
			PasswordHash: ptr("$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"), PasswordSetAt: ptr(int64(1308297601)), CreatedAt: ptr(int64(1308297601))}}},
		answers: []sample{{"inserted", "", AccountChange{Subject: "u-1042", Outcome: "inserted", CredentialVersion: 1, Warnings: []AccountWarning{}}}},
	},
	{
		method: http.MethodGet, path: "/v1/accounts/{subject}", id: "getAccount", tag: tagAccounts, scope: importScope, errors: readErrors,
		summary: "What Rekey knows of an account",
		about:   "Everything but the hash. An account that is not known is `\"credential\":\"unknown\"`.",
		answers: []sample{
			{"known", "", AccountProfile{Subject: "u-1042", Credential: "live", Email: "ann@example.org", CreatedAt: ptr(int64(1308297601)), PasswordScheme: "bcrypt cost=12",
				PasswordSetAt: ptr(int64(1308297601)), PasswordSource: "import", CredentialVersion: 1}},
			{"unknown", "", AccountProfile{Subject: "u-1044", Credential: "unknown"}},
		},
	},
	{
		method: http.MethodDelete, path: "/v1/accounts/{subject}", id: "deleteAccount", tag: tagAccounts, scope: importScope, errors: readErrors,
		summary: "An account was closed",
		about:   "Address, language and password go, sessions die. The subject stays, so that an old file brings nothing back. Deleting twice, or what never was, is no error.",
		answers: []sample{{"deleted", "", AccountChange{Subject: "u-1042", Outcome: "deleted", CredentialVersion: 2, Warnings: []AccountWarning{}}}},
	},
	{
		method: http.MethodPut, path: "/v1/accounts/{subject}/password", id: "putPassword", tag: tagAccounts, scope: importScope, errors: writeErrors,
		summary: "A member changed the password with you",
		about: "The later of two passwords stands, also against one set in Rekey. A dead password is not replaced (422, `dead_password`) unless `allow_revive` says that the member proved who they are by something else. " +
			"A subject that is not known becomes an account without an address.",
		request: []sample{{"change", "", PasswordRequest{PasswordHash: "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW", PasswordSetAt: ptr(int64(1308297999))}}},
		answers: []sample{{"updated", "", AccountChange{Subject: "u-1042", Outcome: "updated", CredentialVersion: 2, Warnings: []AccountWarning{}}}},
	},
	{
		method: http.MethodGet, path: "/.well-known/jwks.json", id: "keys", tag: tagPublic, errors: openErrors, answerType: keysType,
		summary: "The public keys of reset tokens",
		about:   "RFC 7517. While keys rotate, the old one stays as long as its tokens live. A good signature alone does not make a token live: ask introspect.",
		cached:  "public, max-age=60",
		answers: []sample{{"one", "", KeySet{[]Key{{Type: "EC", Curve: "P-256", X: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
			Y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", Use: "sig", Algorithm: "ES256", ID: "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"}}}}},
	},
	{
		method: http.MethodGet, path: "/openapi.json", id: "description", tag: tagPublic, errors: []int{http.StatusTooManyRequests},
		summary: "This description",
		about:   "OpenAPI 3.1, made from the types that the handlers take and give.",
		cached:  "public, max-age=300",
		answers: []sample{{"start", "", Description{OpenAPI: "3.1.0"}}},
	},
}

// KeySet is the answer of GET /.well-known/jwks.json, as the token package writes it (RFC 7517 §5).
type KeySet struct {
	Keys []Key `json:"keys" nullable:"false"`
}

// Key is one public key (RFC 7518 §6.2.1).
type Key struct {
	Type      string `json:"kty" enum:"EC"`
	Curve     string `json:"crv" enum:"P-256"`
	X         string `json:"x"`
	Y         string `json:"y"`
	Use       string `json:"use" enum:"sig"`
	Algorithm string `json:"alg" enum:"ES256"`
	ID        string `json:"kid" doc:"The key's SHA-256 thumbprint (RFC 7638)."`
}

// Description stands for the OpenAPI document, whose own specification says the rest.
type Description struct {
	OpenAPI string `json:"openapi"`
}

const keysType = "application/jwk-set+json"

func ptr[T any](v T) *T { return &v }
