package outside

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/seed-1c168855/rekey/internal/audit"
)

// Webhook posts checkpoints to an HTTPS address, in the form of Standard Webhooks: headers webhook-id, which stays the same when
// a checkpoint is sent again, webhook-timestamp in Unix seconds, and webhook-signature, "v1," and the base64 of HMAC-SHA-256 over
// id, timestamp and body joined by dots.
type Webhook struct {
	url    string
	secret []byte
	client *http.Client
	now    func() time.Time
}

// NewWebhook connects to public addresses alone unless private ones are allowed, follows no redirect and uses no proxy.
func NewWebhook(address string, secret []byte, private bool) *Webhook {
	return &Webhook{url: address, secret: secret, now: time.Now, client: &http.Client{
		Transport: &http.Transport{
			DialContext: dialer(private).DialContext, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 15 * time.Second,
			DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, MaxResponseHeaderBytes: 16 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       sendLimit,
	}}
}

// payload is what is posted.
type payload struct {
	Type      string    `json:"type"` // audit.checkpoint
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Origin string `json:"origin"`
		Size   int64  `json:"size"`
		Root   string `json:"root"`
		Note   string `json:"note"` // the signed note; the rest is in it
	} `json:"data"`
}

// Send posts a checkpoint. Any answer of 200 to 299 is taken for yes.
func (w *Webhook) Send(ctx context.Context, c audit.Checkpoint) error {
	p := payload{Type: "audit.checkpoint", Timestamp: c.At}
	p.Data.Origin, p.Data.Size, p.Data.Root, p.Data.Note = c.Origin, c.Head.Size, c.Head.Root.String(), c.Note
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encoding a checkpoint: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("the webhook's URL cannot be asked")
	}
	w.sign(request.Header, c, body)
	response, err := w.client.Do(request)
	if err != nil {
		return fmt.Errorf("posting the checkpoint: %w", withoutURL(err))
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 4<<10) // what it says does not matter
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("the webhook answered %d", response.StatusCode)
	}
	return nil
}

func (w *Webhook) sign(h http.Header, c audit.Checkpoint, body []byte) {
	digest := sha256.Sum256([]byte(c.Note))
	id, stamp := "checkpoint_"+hex.EncodeToString(digest[:12]), strconv.FormatInt(w.now().Unix(), 10)
	mac := hmac.New(sha256.New, w.secret)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "rekey")
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", stamp)
	h.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// withoutURL is what went wrong without the address, whose path may be a secret.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
