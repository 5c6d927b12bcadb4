package crew

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/intake"
)

// Crew works on the records of a queue, or of several, once.
type Crew struct {
	Config

	// Taken and Failed count records; they are for after Run. Failed ones were dropped or
	// are dead letters.
	Taken, Failed int64

	ctx     context.Context // of Run: nothing is taken after its end
	working context.Context // no attempt begins after its end: that of ctx, or of the crew
	stop    context.CancelFunc
	hands   context.Context // of handlers
	running atomic.Int32    // jobs
	lanes   map[laneKey]*lane
	parked  int              // records in lanes
	idle    time.Time        // since when a record is waited for
	broken  error            // after this no attempt begins
	taken   []*Record        // that are being handed out
	leases  []consumer.Lease // of a batch
	late    time.Duration    // after its time a handler is told of as Late; its Timeout if that is more

	mu       sync.Mutex
	finished []*job
	wake     context.CancelCauseFunc // of the lease that is waited for
	signal   chan struct{}           // holds a token since a job ended, until a caller waited for one
}

// aheadEach is how many records a crew that keeps keys in order takes ahead for each of its
// jobs, behind records whose keys are at work.
const aheadEach = 16

const lateAfter = 10 * time.Second

// errWoken ends a wait because a job has ended.
var errWoken = errors.New("a job has ended")

// errAbandoned: Run has not returned.
var errAbandoned = errors.New("the goroutine of the crew has ended")

// New returns a crew.
func New(c Config) *Crew {
	most := mostRecords(c.From)
	c.Jobs, c.Batch = min(c.Jobs, most), min(c.Batch, most)
	return &Crew{Config: c, lanes: map[laneKey]*lane{}, signal: make(chan struct{}, 1), leases: make([]consumer.Lease, c.Batch), late: lateAfter}
}

// mostRecords returns a bound of how many records the queues can hold: half of the slots of
// each hold the largest, and no slot is smaller than 64 bytes.
func mostRecords(from *intake.Intake) (most int) {
	for _, c := range from.All() {
		most += max(c.MaxRecord()/(64/2), 2)
	}
	return most
}

// Running returns how many jobs there are just now. It may be called by any goroutine.
func (c *Crew) Running() int { return int(c.running.Load()) }

// Run works until the stream ends, Left records were taken, or ctx ends. Whatever the
// reason, all jobs have ended when it returns, and no lease is held; so it is when Prepare or a
// function of From panics, or ends the goroutine. It returns
//
//   - nil at the end of the stream or of Left;
//   - the cause of ctx, when that ended: records in the hands of handlers were finished,
//     others and those that failed were released;
//   - *Failed or *Fatal when a record ended the crew, and is still in the queue;
//   - ErrIdle, shmq.ErrEmpty, and errors of the consumer. Among these shmq.ErrLagged, which is
//     told once, comes before the cause of ctx.
//
// The consumer stays open.
func (c *Crew) Run(ctx context.Context) error {
	c.ctx = ctx
	c.working, c.stop = context.WithCancel(ctx)
	defer c.stop()
	hands, letGo := context.WithCancelCause(context.WithoutCancel(ctx))
	c.hands = hands
	defer letGo(nil)
	if c.Grace > 0 {
		over := make(chan struct{})
		defer close(over)
		go c.endHands(letGo, over)
	}
	returned := false
	defer func() {
		if !returned { // code of the program, which runs here, has panicked or ended the goroutine
			c.abandon()
		}
	}()
	err := c.loop()
	returned = true
	return err
}

// abandon ends the crew when loop can't go on: what runs is waited for and settled, all else is
// released.
func (c *Crew) abandon() {
	c.stop()
	c.broken = errAbandoned
	c.releaseTaken()
	c.releaseParked()
	for c.running.Load() > 0 {
		c.waitForJob()
		for _, j := range c.ended() {
			_ = c.settle(j)
		}
	}
}

// endHands ends the contexts of handlers that still go on Grace after the crew began to
// end.
func (c *Crew) endHands(letGo context.CancelCauseFunc, over <-chan struct{}) {
	select {
	case <-c.working.Done():
	case <-over:
		return
	}
	grace := time.NewTimer(c.Grace)
	defer grace.Stop()
	select {
	case <-grace.C:
		letGo(ErrGrace)
	case <-over:
	}
}

// loop takes and settles.
func (c *Crew) loop() error {
	end := error(nil) // why no more is taken
	for {
		for _, j := range c.ended() {
			if err := c.settle(j); err != nil && c.broken == nil {
				c.broken = err
			}
		}
		if c.broken == nil && c.ctx.Err() != nil {
			c.broken = context.Cause(c.ctx)
		}
		if c.broken != nil {
			c.stop()
			c.releaseParked()
			if c.ctx.Err() == nil || !errors.Is(end, shmq.ErrLagged) {
				end = c.broken
			}
		} else if end == nil && c.Left == 0 {
			end = io.EOF
		}
		running := int(c.running.Load())
		switch {
		case end != nil && running == 0:
			if end == io.EOF {
				return nil
			}
			return end
		case end != nil || running >= c.Jobs || c.parked >= aheadEach*c.Jobs:
			c.waitForJob()
		default:
			if err := c.take(); err != nil && err != errWoken {
				end = err
			}
		}
	}
}

// ended returns the jobs that have ended since it was last called.
func (c *Crew) ended() []*job {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := c.finished
	c.finished = nil
	return done
}

// anyEnded reports whether ended would return any.
func (c *Crew) anyEnded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.finished) > 0
}

// waitForJob returns when a job has ended, or, unless it has, the context; now and then
// for nothing.
func (c *Crew) waitForJob() {
	var over <-chan struct{}
	if c.ctx.Err() == nil {
		over = c.ctx.Done()
	}
	select {
	case <-c.signal:
	case <-over:
	}
}

// finish hands a job to the goroutine that has the queue.
func (c *Crew) finish(j *job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finished = append(c.finished, j)
	select {
	case c.signal <- struct{}{}:
	default:
	}
	if c.wake != nil {
		c.wake(errWoken)
	}
}
