// Package shmqprom shows the queues of a machine to Prometheus: a collector for the registry
// of any program, and the command shmq-exporter (cmd/shmq-exporter). docs/metrics.md of the
// project has the metrics. The module is one of its own, so that programs that import the
// queue do not get Prometheus' client library.
package shmqprom

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/metrics"
	"github.com/shmq/shmq/internal/sys"
)

// Options say what a Collector collects. The zero value, and nil, mean the defaults.
type Options struct {
	// Dirs are the directories of queues. Default shmq.Dir(). With more than one, each
	// sample of a queue has the label dir.
	Dirs []string
	// Participants adds a dozen series for each participant, labelled by seat, role, pid
	// and command. A queue has up to 1024, and each that comes makes new series. Default
	// false.
	Participants bool
	// MaxParticipants is of how many participants a collection tells at most, by whole
	// queues. Default 10000.
	MaxParticipants int
	// MaxQueues is how many queues are described; those known to be good come first.
	// Default 10000.
	MaxQueues int
	// Budget is how long one collection goes on describing queues. The next one begins with
	// those that were left out. Default 8 s, as Prometheus waits 10 s.
	Budget time.Duration
	// Changed, if not nil, is called when a queue can't be described, with another reason
	// than before, and with nil when it can again. It must not call the Collector.
	Changed func(path string, err error)
}

// Collector is a prometheus.Collector of all queues in some directories, as they are at
// each collection. It takes no seat and no lock, and keeps no queue open. It is safe for
// concurrent use; collections follow each other.
type Collector struct {
	options Options
	dirs    []string // absolute
	several bool
	descs   map[*metrics.Family]*prometheus.Desc

	mu     sync.Mutex
	queues map[string]*state // by path
	from   string            // the path to begin with; empty for the first
	told   int               // participants, in this collection
}

// New returns a Collector. It fails for a directory whose name can't be a label: it holds
// control characters, or is not UTF-8. A directory need not exist.
func New(o *Options) (*Collector, error) {
	c := &Collector{queues: map[string]*state{}, descs: map[*metrics.Family]*prometheus.Desc{}}
	if o != nil {
		c.options = *o
	}
	c.options.MaxQueues = cmp.Or(c.options.MaxQueues, 10000)
	c.options.MaxParticipants = cmp.Or(c.options.MaxParticipants, 10000)
	c.options.Budget = cmp.Or(c.options.Budget, 8*time.Second)
	dirs := c.options.Dirs
	if len(dirs) == 0 {
		dirs = []string{shmq.Dir()}
	}
	for _, dir := range dirs {
		if dir == "" || !utf8.ValidString(dir) || strings.ContainsFunc(dir, unicode.IsControl) {
			return nil, fmt.Errorf("shmqprom: directory %q: it is empty, holds control characters or is not UTF-8; give it another name, or a link to it", dir)
		}
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("shmqprom: directory %q: %w", dir, err)
		}
		if !slices.Contains(c.dirs, abs) {
			c.dirs = append(c.dirs, abs)
		}
	}
	c.several = len(c.dirs) > 1
	for _, f := range families() {
		names := []string{"queue"}
		if c.several {
			names = append(names, "dir")
		}
		c.descs[f] = prometheus.NewDesc(f.Name, f.Help, append(names, f.Labels...), nil)
	}
	return c, nil
}

// families returns all families that have the label queue.
func families() []*metrics.Family {
	return slices.Concat(metrics.QueueFamilies(), metrics.ParticipantFamilies(), own)
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
	for _, d := range []*prometheus.Desc{directoryUp, found, omitted, untold, duration} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	start := time.Now()
	c.told = 0
	dirs, files := c.list(out)
	c.forget(files)
	processes := sys.NewProcesses()
	for i, f := range c.inOrder(files) {
		reason := ""
		switch {
		case i >= c.options.MaxQueues:
			reason = "limit"
		case time.Since(start) > c.options.Budget:
			reason = "time"
		}
		if reason == "" {
			c.queue(f, processes, out)
			continue
		}
		if reason == "time" && c.from == "" {
			c.from = f.Path
		}
		f.dir.omitted[reason]++
	}
	for _, d := range dirs {
		for _, reason := range []string{"limit", "time"} {
			out <- prometheus.MustNewConstMetric(omitted, prometheus.GaugeValue, float64(d.omitted[reason]), d.path, reason)
		}
		out <- prometheus.MustNewConstMetric(untold, prometheus.GaugeValue, float64(d.untold), d.path)
	}
	out <- prometheus.MustNewConstMetric(duration, prometheus.GaugeValue, time.Since(start).Seconds())
}

// adder returns what adds samples of a queue.
func (c *Collector) adder(f *file, out chan<- prometheus.Metric) metrics.Add {
	first := []string{text(f.Name)}
	if c.several {
		first = append(first, f.dir.path)
	}
	return func(fam *metrics.Family, value float64, labels ...string) {
		kind := prometheus.GaugeValue
		if fam.Counter {
			kind = prometheus.CounterValue
		}
		all := slices.Clone(first)
		for _, l := range labels {
			all = append(all, text(l))
		}
		m, err := prometheus.NewConstMetric(c.descs[fam], kind, value, all...)
		if err != nil {
			m = prometheus.NewInvalidMetric(c.descs[fam], err)
		}
		out <- m
	}
}

// text makes a label's value of what may come from shared memory: the client library
// escapes all but what is not UTF-8, which it refuses.
func text(s string) string { return strings.ToValidUTF8(s, "?") }

// reason names the kind of an error.
func reason(err error) string {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	return "other"
}
