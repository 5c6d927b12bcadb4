package consumer

import "github.com/shmq/shmq"

// Counters returns what this consumer has counted since it was opened; after Close, the
// last numbers. Unlike all else here it may be called by any goroutine at any time: for
// expvar, a metrics exporter or a progress display. It costs the goroutine that uses the
// consumer nothing.
func (c *Raw) Counters() shmq.Counters { return c.end.Report() }
