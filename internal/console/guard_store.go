package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/operator"
)

const memoryKey = "memory"

// codec writes sessions as JSON: the absolute end, and the memory.
type codec struct{}

type encoded struct {
	Ends   time.Time `json:"ends"`
	Memory memory    `json:"memory"`
}

// Encode implements scs.Codec.
func (codec) Encode(ends time.Time, values map[string]any) ([]byte, error) {
	m, _ := values[memoryKey].(memory)
	data, err := json.Marshal(encoded{ends, m})
	if err != nil {
		return nil, fmt.Errorf("writing a session: %w", err)
	}
	return data, nil
}

// Decode implements scs.Codec.
func (codec) Decode(data []byte) (time.Time, map[string]any, error) {
	var e encoded
	if err := json.Unmarshal(data, &e); err != nil {
		return time.Time{}, nil, fmt.Errorf("reading a session: %w", err)
	}
	return e.Ends, map[string]any{memoryKey: e.Memory}, nil
}

// shelf is operator.SessionStore as scs knows stores: by token, of which the database sees the SHA-256 alone. It learns from the context's visit what scs does not tell.
type shelf struct{ store operator.SessionStore }

// FindCtx implements scs.CtxStore.
func (s *shelf) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	found, live, err := s.store.FindSession(ctx, operator.HashToken(token))
	if err != nil || !live {
		return nil, false, err
	}
	visitOf(ctx).found = found
	return found.Data, true, nil
}

// CommitCtx implements scs.CtxStore.
func (s *shelf) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	var e encoded
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("saving a session: %w", err)
	}
	v := visitOf(ctx)
	session := operator.Session{Operator: e.Memory.Operator, Data: data, Client: v.client, Agent: v.agent, ExpiresAt: expiry}
	was := v.was
	v.was = nil
	if len(was) == 0 {
		return s.store.SaveSession(ctx, operator.HashToken(token), session)
	}
	return s.store.RenewSession(ctx, was, operator.HashToken(token), session)
}

// DeleteCtx implements scs.CtxStore. Of a session under renewal nothing is deleted here: the save does it, in one step with the new one.
func (s *shelf) DeleteCtx(ctx context.Context, token string) error {
	if token == "" || visitOf(ctx).was != nil {
		return nil
	}
	return s.store.DeleteSession(ctx, operator.HashToken(token))
}

var errNoContext = errors.New("console: sessions need a context")

// Find implements scs.Store, which scs does not use beside CtxStore.
func (s *shelf) Find(string) ([]byte, bool, error) { return nil, false, errNoContext }

// Commit is as unused as Find.
func (s *shelf) Commit(string, []byte, time.Time) error { return errNoContext }

// Delete is as unused as Find.
func (s *shelf) Delete(string) error { return errNoContext }

// savingWriter saves the session before the answer's first byte, while a cookie can still be set.
type savingWriter struct {
	gin.ResponseWriter
	save  func()
	saved bool
}

func (w *savingWriter) once() {
	if !w.saved {
		w.saved = true
		w.save()
	}
}

// Write implements io.Writer.
func (w *savingWriter) Write(b []byte) (int, error) { w.once(); return w.ResponseWriter.Write(b) }

// WriteString implements io.StringWriter.
func (w *savingWriter) WriteString(s string) (int, error) {
	w.once()
	return w.ResponseWriter.WriteString(s)
}

// WriteHeaderNow implements gin.ResponseWriter.
func (w *savingWriter) WriteHeaderNow() { w.once(); w.ResponseWriter.WriteHeaderNow() }

// Flush implements http.Flusher.
func (w *savingWriter) Flush() { w.once(); w.ResponseWriter.Flush() }

// Unwrap is for http.ResponseController.
func (w *savingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
