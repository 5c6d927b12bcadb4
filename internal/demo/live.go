package demo

import (
	"fmt"
	"io"
	"time"

	"github.com/shmq/shmq"
)

// live prints a line a second about the queue, which it looks at from outside: the
// participants do not notice.
type live struct {
	out   io.Writer
	queue string
	begun time.Time
	tick  ticker

	every   time.Duration
	ticker  *time.Ticker
	phase   phase
	last    time.Time // of the last line
	records uint64    // received until then
}

func newLive(out io.Writer, queue string, d time.Duration) *live {
	l := &live{out: out, queue: queue, every: max(min(time.Second, d/3), time.Millisecond)}
	l.ticker = time.NewTicker(l.every)
	l.tick = ticker{l.ticker.C, l.regular}
	return l
}

func (l *live) stop() { l.ticker.Stop() }

// begin begins a phase.
func (l *live) begin(p phase) {
	now := time.Now()
	if l.begun.IsZero() {
		l.begun, l.last = now, now
	}
	l.phase = p
	l.ticker.Reset(l.every)
}

// regular prints a line, unless the one at the end of the phase is about to come.
func (l *live) regular() error {
	if time.Since(l.last) < l.every/2 {
		return nil
	}
	return l.line()
}

// end prints the line at the end of a phase, unless there has just been one.
func (l *live) end() error { return l.regular() }

func (l *live) line() error {
	info, err := shmq.Stat(l.queue)
	if err != nil {
		return err
	}
	var records uint64
	attached := 0
	for _, p := range info.Participants {
		if p.Role == shmq.Consumer {
			records += p.Records
		}
		if p.Alive {
			attached++
		}
	}
	now := time.Now()
	rate := float64(records-l.records) / now.Sub(l.last).Seconds()
	l.last, l.records = now, records
	_, err = fmt.Fprintf(l.out, "%5.1f s   %-10s%14s%12s%12d\n",
		now.Sub(l.begun).Seconds(), l.phase.Name, thousands(uint64(rate)), thousands(uint64(info.Records)), attached)
	return err
}
