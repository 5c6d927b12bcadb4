package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shmq/shmq"
)

// Setup is a case that is ready to run: its processes have started and attached. It is
// for one goroutine, which it ties to its thread until Close, because the kernel takes
// the end of the thread that started a child for that of the parent.
type Setup struct {
	c      Case
	dir    string
	crew   *crew // nil for a shell
	rounds int   // operations run
	slept  int   // what the ends have counted of their sleeps
	note   string
}

// Open sets up a case. Errors: ErrUnavailable, why a process could not start, and the
// cause of ctx.
func Open(ctx context.Context, c Case) (_ *Setup, err error) {
	s := &Setup{c: c}
	if c.Kind == Shell {
		if _, err := pipeline(c, "", 0); err != nil {
			return nil, err
		}
	}
	if c.Link == linkIdle {
		if _, err := command("shmq-recv"); err != nil {
			return nil, err
		}
	}
	if len(allowed) < 2 && c.ends() > 1 && !c.OneCore {
		if c.Kind == RoundTrip && !c.Wait && c.ours() || c.Link == linkLines || c.Link == linkSlots || c.Link == linkBareRing {
			return nil, fmt.Errorf("%w: it polls, so it needs a core for each end", ErrUnavailable)
		}
		s.note = "both ends on one core"
	}
	if s.dir, err = makeDir(); err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// makeDir makes a directory of our own where queues are, in memory; elsewhere if there
// is no such place.
func makeDir() (string, error) {
	dir, err := os.MkdirTemp(shmq.Dir(), "shmq-bench-")
	if err != nil {
		return os.MkdirTemp("", "shmq-bench-")
	}
	return dir, nil
}

// start makes what the processes share, and starts them.
func (s *Setup) start(ctx context.Context) error {
	c := s.c
	if c.Kind == Shell || c.Kind == Memory {
		return nil
	}
	if err := makeWords(wordsIn(s.dir)); err != nil {
		return err
	}
	if c.ours() {
		for _, q := range s.queues() {
			if err := shmq.Create(q, c.options()); err != nil {
				return err
			}
		}
	}
	var files [2][2]*os.File
	processes := c.ends()
	switch c.Link {
	case linkPipe, linkUnix, linkSeqpacket, linkTCP, linkMQ, linkGoUnix, linkGoTCP, linkGoPipe:
		var err error
		if files, err = peerFiles(c); err != nil {
			return err
		}
		defer closeFiles(files)
	case linkChannel:
		processes = 1
	}
	s.crew = newCrew(ctx)
	for i := range processes {
		sp := spec{Case: c, End: i, Dir: s.dir, Core: coreOf(c, i), Mate: coreOf(c, c.ends()-1-i), Shared: c.OneCore || c.ends() > len(allowed)}
		var inherit []*os.File
		if files[0][0] != nil {
			inherit = files[i][:]
		}
		if err := s.crew.start(sp, inherit); err != nil {
			return err
		}
	}
	_, err := s.crew.answers(ctx) // all are ready
	return err
}

// queues are the names of the case's queues.
func (s *Setup) queues() []string {
	q := queueIn(s.dir)
	names := idle(q, s.c.Queues)
	if s.c.Kind == RoundTrip {
		names = append(names, back(q))
	}
	return append(names, q)
}

// Sample is what one run has measured.
type Sample struct {
	Elapsed time.Duration
	// Ops is how many operations there were: N, rounded up so that all producers have
	// the same to do.
	Ops int
	// SendAllocs and ReceiveAllocs are heap allocations of all senders, and receivers.
	SendAllocs, ReceiveAllocs uint64

	hist *hdrhistogram.Histogram
}

// Percentile returns a percentile of the single operations, from 0 to 100; 0 unless
// they were timed.
func (s Sample) Percentile(q float64) time.Duration {
	if s.hist == nil {
		return 0
	}
	return time.Duration(s.hist.ValueAtPercentile(q))
}

// patience is how long a run may take beyond what it was asked for.
const patience = time.Minute

var errStuck = fmt.Errorf("it was not done %v after its time; is the machine busy?", patience)

// Run has the case do n operations; timed means each by itself, where the kind of the
// case knows single operations. An open loop is always timed. Then n operations take
// as long as the rate says.
func (s *Setup) Run(ctx context.Context, n int, timed bool) (Sample, error) {
	expect := time.Duration(0)
	if s.c.Kind == OpenLoop {
		expect = time.Duration(float64(n) / s.c.Rate * 1e9)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, expect+patience, errStuck)
	defer cancel()
	if s.c.Kind == Shell {
		d, err := runShell(ctx, s.c, s.dir, n)
		return Sample{Elapsed: d, Ops: n}, s.explain(err)
	}
	if s.c.Kind == Memory {
		f, err := measureIdle(ctx, s.c, s.dir)
		s.note = f.String()
		return Sample{Elapsed: time.Duration(f.sum() * int64(n)), Ops: n}, s.explain(err)
	}
	// n are rounded up so that all have the same to do.
	p := s.c.Producers * s.c.atOnce()
	n = (n + p - 1) / p * p
	answers, err := s.crew.run(ctx, order{N: n / s.c.deliveries(), Timed: timed, Start: kernelClock() + int64(lead)})
	if err != nil {
		return Sample{}, s.explain(err)
	}
	s.rounds += n
	sample, err := s.sum(n, answers)
	return sample, s.explain(err)
}

// lead is how long before its first record an open loop is ordered.
const lead = 5 * time.Millisecond

// sum adds up what the ends say. A throughput is timed from the first producer's
// beginning to the last end's end, anything else by the first end alone.
func (s *Setup) sum(n int, answers []answer) (Sample, error) {
	sample := Sample{Ops: n}
	start, end := answers[0].Start, answers[0].End
	received := 0
	s.slept = 0
	for i, a := range answers {
		received += a.Count
		s.slept += a.Slept
		if i < s.c.Producers {
			start = min(start, a.Start)
			sample.SendAllocs += a.Allocs
		} else {
			sample.ReceiveAllocs += a.Allocs
		}
		if s.c.Kind == Throughput || s.c.Kind == OpenLoop {
			end = max(end, a.End)
		}
		if len(a.Hist) > 0 {
			h, err := hdrhistogram.Decode(a.Hist)
			if err != nil {
				return sample, err
			}
			if sample.hist == nil {
				sample.hist = newHistogram()
			}
			sample.hist.Merge(h)
		}
	}
	if s.c.Consumers > 0 && (s.c.Kind == Throughput || s.c.Kind == OpenLoop) && received != n {
		return sample, fmt.Errorf("%d records were sent and %d received", n, received)
	}
	sample.Elapsed = time.Duration(max(end-start, 1))
	return sample, nil
}

// Note is what a reader of the figures has to know.
func (s *Setup) Note() string {
	notes := []string{}
	if s.note != "" {
		notes = append(notes, s.note)
	}
	if s.c.Confined && s.rounds > 0 {
		notes = append(notes, fmt.Sprintf("slept in %.0f%% of the receives", 100*float64(s.sleeps())/float64(2*s.rounds)))
	}
	return strings.Join(notes, "; ")
}

// sleeps returns how often the ends have gone to sleep.
func (s *Setup) sleeps() int {
	if s.c.Link != linkRing && s.c.Link != linkSelect {
		return s.slept
	}
	n, q := 0, queueIn(s.dir)
	for _, q := range []string{q, back(q)} {
		info, err := shmq.Stat(q)
		if err != nil {
			return 0
		}
		for _, p := range info.Participants {
			if p.Role == shmq.Consumer {
				n += int(p.Waits)
			}
		}
	}
	return n
}

// Close ends the processes and removes what they shared.
func (s *Setup) Close() error {
	var err error
	if s.crew != nil {
		err = s.crew.dismiss()
	}
	runtime.UnlockOSThread()
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *Setup) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("case %s: %w", s.c.Name, err)
}
