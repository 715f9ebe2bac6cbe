package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/seed-1c168855/rekey/internal/problem"
)

// probeEvery bounds how often strangers can make us ask the database, probeDeadline how long one answer may take.
const probeEvery, probeDeadline = time.Second, 2 * time.Second

// Health adds /livez (the process answers) and /readyz (ready says nil: schema and database) to an engine or group.
// Neither is ever cached by anybody; readyz's own answer is kept for a second and shared by all who ask meanwhile.
func Health(r gin.IRoutes, ready func(context.Context) error) {
	p := &probe{check: ready}
	Get(r, "/livez", func(c *gin.Context) { answerHealth(c, nil) })
	Get(r, "/readyz", func(c *gin.Context) { answerHealth(c, p.result()) })
}

func answerHealth(c *gin.Context, err error) {
	c.Header("Cache-Control", "no-store")
	if err != nil {
		Fail(c, problem.Wrap(problem.Unavailable, "Not ready.", err))
		return
	}
	c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

type probe struct {
	check func(context.Context) error
	mu    sync.Mutex
	at    time.Time
	err   error
}

// result does not use the request's context: one caller who hangs up must not make all others unready.
func (p *probe) result() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.at.IsZero() && time.Since(p.at) < probeEvery {
		return p.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeDeadline)
	defer cancel()
	p.err = p.check(ctx)
	p.at = time.Now()
	return p.err
}
