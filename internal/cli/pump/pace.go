package pump

import (
	"context"
	"math"
	"time"
)

// pace spreads records over time. Record n is due n/rate seconds after the first,
// whenever those before it went out, so the rate does not drift. Records that were late,
// by a second at most, are caught up with.
type pace struct {
	rate  float64 // per second, 0 for no limit
	start time.Time
}

// due waits until record n is due and returns how many are, of want.
func (p *pace) due(ctx context.Context, n int64, want int) (int, error) {
	if p.rate == 0 {
		return want, nil
	}
	now := time.Now()
	if p.start.IsZero() {
		p.start = now
	}
	at := p.at(n)
	if late := now.Sub(at); late > time.Second {
		p.start = p.start.Add(late - time.Second)
	} else if late < 0 {
		t := time.NewTimer(-late)
		defer t.Stop()
		select {
		case now = <-t.C:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	k := 1
	for k < want && !p.at(n+int64(k)).After(now) {
		k++
	}
	return k, nil
}

// at returns when record n is due; a time beyond all patience at the latest.
func (p *pace) at(n int64) time.Time {
	return p.start.Add(time.Duration(math.Min(float64(n)/p.rate, 1e9) * float64(time.Second)))
}
