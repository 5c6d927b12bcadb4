package top

import (
	"context"
	"time"

	"github.com/shmq/shmq/internal/history"
	"github.com/shmq/shmq/internal/watch"
)

// RecordOptions say what to record.
type RecordOptions struct {
	Names []string // empty for all queues
	File  string
	Every time.Duration
	For   time.Duration // 0: until ctx ends
}

// Record appends looks at queues to a file until the time is over, or ctx ends; it then returns
// the cause. begun is told how many bytes of a torn frame were cut off the file.
func Record(ctx context.Context, o RecordOptions, begun func(cut int64)) (err error) {
	w, err := history.Append(o.File)
	if err != nil {
		return err
	}
	defer func() {
		if e := w.Close(); err == nil {
			err = e
		}
	}()
	begun(w.Cut())
	c := watch.New(o.Names)
	defer c.Close()
	var over <-chan time.Time
	if o.For > 0 {
		over = time.After(o.For)
	}
	tick := time.NewTicker(o.Every)
	defer tick.Stop()
	for {
		// A walk costs participants at most a hundredth of the time; see watch.Collector.
		looks, err := c.Look(func(string) bool { return true })
		if err != nil {
			return err
		}
		if err := w.Write(&history.Frame{Time: time.Now(), Looks: looks}); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-over:
			return nil
		case <-tick.C:
		}
	}
}
