package attach

import (
	"context"
	"errors"
	"log/slog"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/seat"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/ring"
)

func (a *Participant) logDead(dead *seat.Dead) {
	if a.log == nil {
		return
	}
	a.log.LogAttrs(context.Background(), slog.LevelWarn, "shmq: a participant died",
		slog.String("queue", a.q.Name),
		slog.Int("seat", dead.Seat),
		slog.String("role", seat.Role(dead.Was.Role).String()),
		slog.Int("pid", int(dead.Was.PID)),
		slog.String("command", dead.Was.Command),
		slog.Int("claims_skipped", dead.Found.Claims),
		slog.Int("records_redelivered", dead.Found.Records),
	)
}

// logRebuilt tells of a rebuild.
func (a *Participant) logRebuilt(found *ring.Rebuilt) {
	if a.log == nil || found == nil {
		return
	}
	a.log.LogAttrs(context.Background(), slog.LevelWarn, "shmq: a queue was rebuilt from what the disk had",
		slog.String("queue", a.q.Name), slog.Int("records", found.Records), slog.Int("torn", found.Torn))
}

// LogDamage logs an error that says that the queue is damaged, the first time. It is
// for the goroutine that uses the participant.
func (a *Participant) LogDamage(err error) {
	if a.log == nil || a.damageLogged || !errors.Is(err, fail.ErrDamaged) {
		return
	}
	a.damageLogged = true
	a.log.LogAttrs(context.Background(), slog.LevelError, "shmq: a queue is damaged",
		slog.String("queue", a.q.Name), slog.Int("seat", a.held.Number), slog.Any("err", err))
}

// logUnguarded says, once, that a fault would end the process, because another handler has
// taken SIGBUS from the guard, or stood in its place before.
func (a *Participant) logUnguarded() {
	guarded := a.handled || a.guarded && !sys.NoFaultHandler.Load()
	if a.log == nil || !guarded || a.unguardedLogged || !sys.FaultHandlerReplaced() {
		return
	}
	a.unguardedLogged = true
	a.log.LogAttrs(context.Background(), slog.LevelWarn,
		"shmq: another handler has taken SIGBUS, so a file that is cut would end this process; install that handler (Python: faulthandler) before the Go runtime starts",
		slog.String("queue", a.q.Name))
}
