package worker

import (
	"context"
	"log/slog"

	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/crew"
)

// observe logs what happens to records that do not succeed at once.
func (h *hands[T]) observe(e crew.Event) {
	attrs := []any{"queue", h.queue, "record", e.Records[0].Number, "attempts", e.Attempts, "error", e.Err}
	if len(e.Records) > 1 {
		attrs = append(attrs, "records", len(e.Records))
	}
	level, text := slog.LevelWarn, ""
	switch e.Kind {
	case crew.Retry:
		text = "shmq: record failed and will be tried again"
		attrs = append(attrs, "after", e.Delay)
	case crew.Short:
		text = "shmq: record has to wait"
	case crew.Late:
		text = "shmq: handler goes on though its time is over"
	case crew.DeadLetter:
		level, text = slog.LevelError, "shmq: record failed and is a dead letter now"
	case crew.Dropped:
		level, text = slog.LevelError, "shmq: record failed and was dropped"
	}
	h.log.Log(context.Background(), level, text, attrs...)
}

// waits logs what a dead letter has to wait for.
func (h *hands[T]) waits(err error) {
	h.log.Warn("shmq: dead letter has to wait", "queue", h.queue, "error", err)
}

// lagged returns what is told of records that were lost; nil if nobody wants to know, so that Run
// returns it.
func (h *hands[T]) lagged(o *Options[T]) func(*consumer.Raw, *consumer.LaggedError) {
	switch {
	case o.OnLagged != nil:
		return func(_ *consumer.Raw, err *consumer.LaggedError) { o.OnLagged(err) }
	case o.Logger != nil:
		return func(_ *consumer.Raw, err *consumer.LaggedError) {
			h.log.Warn("shmq: records were lost: the worker fell behind", "queue", h.queue, "from", err.From, "to", err.To, "lost", err.Lost)
		}
	}
	return nil
}
