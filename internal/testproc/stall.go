//go:build linux

package testproc

import (
	"time"

	"golang.org/x/sys/unix"
)

// Stall is a time, by CLOCK_MONOTONIC in nanoseconds, in which this machine let
// no process, or not this one, run: no measure of the product.
type Stall struct{ From, To int64 }

// StallWatch notices stalls by coming late itself.
type StallWatch struct {
	end   chan struct{}
	found chan []Stall
}

// WatchStalls begins to watch.
func WatchStalls() *StallWatch {
	w := &StallWatch{make(chan struct{}), make(chan []Stall)}
	go w.watch()
	return w
}

// Stop ends the watch and returns the stalls.
func (w *StallWatch) Stop() []Stall {
	close(w.end)
	return <-w.found
}

func (w *StallWatch) watch() {
	const tick, late = 5 * time.Millisecond, 50 * time.Millisecond
	var stalls []Stall
	last := monotonic()
	for {
		select {
		case <-w.end:
			w.found <- stalls
			return
		case <-time.After(tick):
		}
		if at := monotonic(); at-last > int64(late) {
			stalls = append(stalls, Stall{last, at})
		}
		last = monotonic()
	}
}

func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // can't fail for this clock
	return ts.Nano()
}
