package shmq

import (
	"context"
	"errors"
	"log/slog"

	"github.com/shmq/shmq/ring"
)

// remains is what a dead participant left, and whose it was, for a logger.
type remains struct {
	seat  int
	was   ring.Occupant // only with a logger
	found ring.Swept
}

// bury reclaims a seat whose lock this attachment holds.
func (a *Attachment) bury(seat int) remains {
	dead := remains{seat: seat}
	if a.log != nil {
		dead.was = a.ring.Seat(seat).Occupant()
	}
	dead.found = a.reclaim(seat)
	return dead
}

func (a *Attachment) logDead(dead remains) {
	if a.log == nil {
		return
	}
	a.log.LogAttrs(context.Background(), slog.LevelWarn, "shmq: a participant died",
		slog.String("queue", a.name),
		slog.Int("seat", dead.seat),
		slog.String("role", Role(dead.was.Role).String()),
		slog.Int("pid", int(dead.was.PID)),
		slog.String("command", dead.was.Command),
		slog.Int("claims_skipped", dead.found.Claims),
		slog.Int("takes_redelivered", dead.found.Takes),
	)
}

// Remedy adds to an error that says that the queue is damaged what can be done about it.
// What an Attachment returned has that already.
func (a *Attachment) Remedy(err error) error {
	if errors.Is(err, ErrRemoved) || errors.Is(err, ErrTruncated) {
		return err
	}
	return remedy(err)
}

// LogDamage logs an error that says that the queue is damaged, the first time. It is
// for the goroutine that uses the attachment.
func (a *Attachment) LogDamage(err error) {
	if a.log == nil || a.damageLogged || !errors.Is(err, ErrDamaged) {
		return
	}
	a.damageLogged = true
	a.log.LogAttrs(context.Background(), slog.LevelError, "shmq: a queue is damaged",
		slog.String("queue", a.name), slog.Int("seat", a.seat), slog.Any("err", err))
}
