package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
	"github.com/seed-1c168855/rekey/internal/server"
)

// IntrospectForm is the body of POST /v1/introspect (RFC 7662 §2.1). It is read by name, not bound.
type IntrospectForm struct {
	Token         string `json:"token" minLength:"1" doc:"The reset token."`
	TokenTypeHint string `json:"token_type_hint,omitempty" doc:"Taken and not used, as RFC 7662 allows."`
}

// IntrospectActive is the answer for a token that would set a password now (RFC 7662 §2.2).
type IntrospectActive struct {
	Active    bool   `json:"active" enum:"true"`
	Subject   string `json:"sub" doc:"Your own id of the account."`
	Issuer    string `json:"iss" doc:"The public URL."`
	Audience  string `json:"aud" doc:"The page that takes it."`
	IssuedAt  int64  `json:"iat" doc:"Seconds since 1970."`
	ExpiresAt int64  `json:"exp" doc:"Seconds since 1970. Ask again before acting: a reset or a newer campaign ends a token sooner."`
	ID        string `json:"jti"`
	TokenType string `json:"token_type" enum:"reset+jwt"`
	Campaign  int64  `json:"cid,omitempty" doc:"The campaign whose mail it was in; absent when the member asked for it."`
}

// IntrospectInactive is the answer for any other: unknown, expired, used, superseded, of somebody else.
type IntrospectInactive struct {
	Active bool `json:"active" enum:"false"`
}

const tokenType = "reset+jwt"

func (a *API) introspect(ctx context.Context, who call, form url.Values) (any, error) {
	text := form.Get("token")
	if text == "" {
		return nil, &problem.Error{Kind: problem.Invalid, Code: codeMissing, Text: "token is missing."}
	}
	if err := a.chargeCalls(ctx, who); err != nil {
		return nil, err
	}
	found, err := a.o.Introspector.Introspect(ctx, text)
	if err != nil {
		return nil, err
	}
	if !found.Active {
		return IntrospectInactive{}, nil
	}
	claims := found.Claims
	return IntrospectActive{
		Active: true, Subject: found.Subject, Issuer: a.o.PublicURL, Audience: a.o.PublicURL + "/reset", ID: claims.ID, TokenType: tokenType,
		IssuedAt: claims.IssuedAt.Unix(), ExpiresAt: claims.ExpiresAt.Unix(), Campaign: claims.Campaign,
	}, nil
}

// jwks publishes the keys that sign reset tokens.
func (a *API) jwks(c *gin.Context) {
	keys, err := a.o.JWKS(c.Request.Context())
	if err != nil {
		server.Fail(c, withWait(err))
		return
	}
	public(c, int(keysAge.Seconds()), keysType, keys)
}

func (a *API) description(c *gin.Context) {
	public(c, int(descriptionAge.Seconds()), jsonType, a.openapi)
}

func public(c *gin.Context, age int, contentType string, text []byte) {
	c.Header("Cache-Control", "public, max-age="+strconv.Itoa(age))
	c.Data(http.StatusOK, contentType, text)
}
