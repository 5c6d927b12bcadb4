package attach

import (
	"context"
	"log/slog"
	"runtime"

	"github.com/shmq/shmq/internal/seat"
)

// A handle that its program has dropped without Close gives its seat back when the garbage
// collector finds out. Nothing that stays refers to the handle: the timer refers to the
// Participant, leases and calls refer to the handle. The bytes of a lease do not, so the
// range stays mapped, as zeros.

// unreached is what is left of a handle.
type unreached struct {
	a    *Participant
	last func() error // as of Hooks
}

// CloseUnreached makes the end of the handle, which e is a part of, leave the queue.
func CloseUnreached[T any](handle *T, e *End) {
	e.unreached = runtime.AddCleanup(handle, func(u unreached) {
		go u.leave() // it may have to wait for the gate, or a disk
	}, unreached{e.Participant, e.Last})
}

func (u unreached) leave() {
	a := u.a
	a.leave()
	a.GiveUp() // of a producer, as if it had been killed: whether it had sent all nobody can say
	_ = a.checkAfterPause()
	if a.lost.Load() == nil {
		_ = a.Guard(func() error {
			seat.Abandon(a.q, a.held)
			return nil
		})
	}
	a.q.KeepRange()
	var err error
	if u.last != nil {
		err = u.last()
	}
	if left := a.Detach(); err == nil {
		err = left
	}
	if a.log != nil {
		a.log.LogAttrs(context.Background(), slog.LevelWarn, "shmq: a participant was dropped without Close",
			slog.String("queue", a.q.Name), slog.Int("seat", a.held.Number), slog.Any("err", err))
	}
}
