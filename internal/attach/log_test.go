package attach_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/layout"
)

// logged is a logger's output, a line a record.
type logged struct{ bytes.Buffer }

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

// next returns the oldest line not taken yet.
func (l *logged) next(t *testing.T) map[string]any {
	t.Helper()
	line, err := l.ReadBytes('\n')
	require.NoError(t, err, "nothing is logged")
	var v map[string]any
	require.NoError(t, json.Unmarshal(line, &v))
	delete(v, "time")
	return v
}

// A participant that recovers another tells which and what it did, once. One that leaves in
// order is no news.
func TestLoggerIsToldOfTheDead(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	var log logged
	me, err := attach.To(q, shmq.Consumer, &attach.Options{Logger: log.logger()})
	require.NoError(t, err)
	defer me.Detach()
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a", "b", "c")
	c.Lease(1)
	c.Lease(2)
	p.Do("reserve 200")
	me.Recover()
	require.Empty(t, log.String(), "both live")
	commands := map[int]string{p.PID(): commandOf(p), c.PID(): commandOf(c)}
	p.Kill()
	c.Kill()
	me.Recover()
	died := func(pid, seat int, role string, claims, records int) map[string]any {
		return map[string]any{
			"level": "WARN", "msg": "shmq: a participant died", "queue": q, "seat": float64(seat), "role": role, "pid": float64(pid),
			"command": commands[pid], "claims_skipped": float64(claims), "records_redelivered": float64(records),
		}
	}
	require.Equal(t, died(p.PID(), 1, "producer", 1, 0), log.next(t))
	require.Equal(t, died(c.PID(), 2, "consumer", 0, 3), log.next(t))
	me.Recover()
	require.Empty(t, log.String(), "once")

	orderly := testagent.Consumer(t, q)
	orderly.Do("close")
	me.Recover()
	require.Empty(t, log.String())
}

// A participant that attaches may get a dead one's own seat.
func TestLoggerIsToldWhoseSeatIsTakenOver(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	p := testagent.Producer(t, q)
	p.Do("reserve 10")
	p.Kill()
	var log logged
	me, err := attach.To(q, shmq.Consumer, &attach.Options{Logger: log.logger()})
	require.NoError(t, err)
	defer me.Detach()
	require.Zero(t, me.Seat())
	got := log.next(t)
	require.EqualValues(t, p.PID(), got["pid"])
	require.EqualValues(t, 1, got["claims_skipped"])
	require.Empty(t, log.String())
}

// commandOf is what a seat keeps of the name of an agent's program.
func commandOf(a *testagent.Agent) string {
	return fmt.Sprintf("%.*s", layout.SeatCommandN-1, a.Command())
}

// panicking is a logger's handler that has a bug.
type panicking struct{ slog.Handler }

func (panicking) Enabled(context.Context, slog.Level) bool  { return true }
func (panicking) Handle(context.Context, slog.Record) error { panic("mine") }

// An attachment that nobody gets keeps neither role nor seat.
func TestLoggerThatPanicsWhileAttaching(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Single)
	testagent.Producer(t, q).Kill()
	require.PanicsWithValue(t, "mine", func() {
		_, _ = attach.To(q, shmq.Producer, &attach.Options{Logger: slog.New(panicking{})})
	})
	testagent.Attach(t, q, shmq.Producer)
}
