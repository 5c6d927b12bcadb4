package producer

import "github.com/shmq/shmq"

// Counters returns what this producer has counted since it was opened; after Close, the
// last numbers. Unlike all else here it may be called by any goroutine at any time: for
// expvar, a metrics exporter or a progress display. It costs the goroutine that uses the
// producer nothing.
func (p *Raw) Counters() shmq.Counters { return p.end.Report() }
