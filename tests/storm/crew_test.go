//go:build linux

package storm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// life is one process, from its start to its end; the next has another number.
type life struct {
	*testproc.Proc
	role    string
	name    string // of its durable subscription
	number  int
	path    string
	journal *journal
	resume  time.Time // when to continue it, if it is stopped
	stopped int64     // since when, or 0
	ended   int64     // when it was killed, or began to leave
}

const (
	producing = "produce"
	consuming = "consume"
)

// ledger compares what was sent with what was handed out.
type ledger interface {
	newLife(l *life) int
	add(l *life)
	check() (complaints []string)
	count(s *stats)
}

// crew is the processes on one queue.
type crew struct {
	t       *testing.T
	queue   string
	opts    shmq.Options
	dir     string
	seed    uint64
	random  *rand.Rand
	running []*life
	over    bool      // no new life comes
	alone   time.Time // until then no new life comes, which would recover what dead ones held
	looked  time.Time // when it looked for all that stand still
	account ledger
	quiet   *quiet
	stats   *stats
}

func newCrew(t *testing.T, opts shmq.Options, seed uint64, s *stats) *crew {
	dir, err := os.MkdirTemp(os.Getenv("SHMQ_DIR"), "journals")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := &crew{
		t: t, queue: testagent.Queue(t, &opts), opts: opts, dir: dir, seed: seed,
		random: rand.New(rand.NewPCG(seed, 0)), account: newAccount(opts.Consumers == shmq.One), quiet: &quiet{}, stats: s,
	}
	if opts.Consumers == shmq.Each {
		c.account = newEachAccount(opts, c.sizes())
	}
	return c
}

// start starts a process. It dies with the thread that runs the test.
func (c *crew) start(role, name string, args ...string) {
	c.t.Helper()
	l := &life{role: role, name: name}
	l.number = c.account.newLife(l)
	l.path = filepath.Join(c.dir, strconv.Itoa(l.number))
	var err error
	l.journal, err = openJournal(l.path)
	require.NoError(c.t, err)
	// One consumer in two never uses Receive: it may lose nothing, not even itself.
	copies := l.number%2 == 0
	args = append([]string{
		c.queue, l.path, strconv.Itoa(l.number), strconv.FormatUint(c.seed, 10), c.sizes(),
		strconv.FormatBool(c.opts.Consumers != shmq.Many), strconv.FormatBool(copies), name,
	}, args...)
	l.Proc = testproc.StartAs(c.t, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}, role, args...)
	c.running = append(c.running, l)
}

// fill starts successors for those that are gone.
func (c *crew) fill() {
	c.t.Helper()
	want := func(s shmq.Multiplicity) int {
		switch {
		case c.over:
			return 0
		case s == shmq.One:
			return 1
		case c.lulled():
			return 0
		}
		return 3
	}
	for len(c.of(producing)) < want(c.opts.Producers) {
		c.start(producing, "")
	}
	if c.opts.Consumers == shmq.Each {
		c.fillSubscribers()
		return
	}
	for len(c.of(consuming)) < want(c.opts.Consumers) {
		c.start(consuming, "")
	}
}

// of returns those of a role that run.
func (c *crew) of(role string) (ls []*life) {
	for _, l := range c.running {
		if l.role == role {
			ls = append(ls, l)
		}
	}
	return ls
}

// disturb does something to one of them.
func (c *crew) disturb() {
	c.t.Helper()
	c.fill()
	l := c.running[c.random.IntN(len(c.running))]
	switch n := c.random.IntN(20); {
	case n < 9:
		c.kill(l)
	case n < 11:
		c.stop(l, time.Now().Add(time.Minute))
		c.pass(time.Duration(c.random.IntN(10)) * time.Millisecond)
		c.kill(l)
	case n < 12:
		c.dismiss(l, "leave")
	default:
		c.stop(l, c.later())
	}
}

// lull leaves one survivor on each side of many to itself, for longer than one may
// wait: no new one comes that would recover what dead ones held.
// lulled reports whether no new life may come, but for those that others wait for when they are gone.
func (c *crew) lulled() bool { return time.Now().Before(c.alone) }

func (c *crew) lull() {
	c.t.Helper()
	c.alone = time.Now().Add(maxWait * 3 / 2)
	for _, role := range []string{producing, consuming, subscribing} {
		for len(c.of(role)) > 1 {
			c.kill(c.of(role)[0])
		}
	}
	c.fill()
	c.pass(time.Until(c.alone))
}

// dismiss asks a process to leave, and waits until it has. It reports false when it,
// or another meanwhile, was killed instead.
func (c *crew) dismiss(l *life, how string) bool {
	c.t.Helper()
	kills := c.stats.kills
	if c.gone(l) {
		return false
	}
	l.Say("%s", how)
	for end := time.Now().Add(testproc.Patience); slices.Contains(c.running, l) && !l.journal.left.Load(); {
		c.attend() // it may stop or kill itself yet
		require.True(c.t, time.Now().Before(end), "%v was told to %s, and does not: %s", l, how, c.scene())
		time.Sleep(500 * time.Microsecond)
	}
	if slices.Contains(c.running, l) {
		c.leave(l)
	}
	return c.stats.kills == kills
}

func (c *crew) leave(l *life) {
	c.t.Helper()
	l.Expect("left")
	l.Exit()
	l.ended = l.journal.leaving.Load()
	c.running = slices.DeleteFunc(c.running, func(r *life) bool { return r == l })
	c.bury(l)
}

// bury takes over what a process wrote that has ended.
func (c *crew) bury(l *life) {
	c.t.Helper()
	j := l.journal
	c.requireNoFailure(l)
	for _, since := range []int64{l.stopped, j.standing.Load()} {
		if since != 0 {
			c.excuse(l, between(since, l.ended))
		}
	}
	c.account.add(l)
	c.quiet.lived(l)
	require.NoError(c.t, j.close())
	require.NoError(c.t, os.Remove(l.path))
}

// rage lets the storm go on for so long, an event every gap on average, with a lull
// now and then if there is time for it.
func (c *crew) rage(d, gap time.Duration) {
	c.t.Helper()
	lulls := d / (4 * maxWait)
	for begin, n := time.Now(), time.Duration(1); time.Since(begin) < d; {
		if n <= lulls && time.Since(begin) > d/(lulls+1)*n {
			c.lull()
			n++
		}
		c.fill()
		c.pass(time.Duration(c.random.Int64N(int64(2 * gap))))
		c.disturb()
	}
}

// pass lets time pass, in which the lives go on that were stopped for long enough.
func (c *crew) pass(d time.Duration) {
	c.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(500 * time.Microsecond) {
		c.attend()
	}
}

// settle lets all come to an end: producers leave, consumers drain the queue.
func (c *crew) settle() {
	c.t.Helper()
	c.over = true
	for _, l := range c.running {
		c.resume(l)
	}
	for _, l := range c.of(producing) {
		c.dismiss(l, "leave")
	}
	// No participant dies any more. The last one to leave finds the queue empty.
	_, err := shmq.Recover(c.queue, nil)
	require.NoError(c.t, err)
	if c.opts.Consumers == shmq.Each {
		c.settleSubscribers()
		return
	}
	for drained := false; !drained || len(c.of(consuming)) > 0; {
		if len(c.of(consuming)) == 0 {
			c.start(consuming, "")
		}
		drained = c.dismiss(c.of(consuming)[0], "drain")
	}
	require.Empty(c.t, c.running)
}

// scene describes the queue and its participants, for a failure.
func (c *crew) scene() string {
	var b strings.Builder
	for _, l := range c.running {
		fmt.Fprintf(&b, "\n%v: state %s", l, l.State())
		if since := l.journal.since.Load(); since != 0 {
			fmt.Fprintf(&b, ", in a call for %v; %s", time.Duration(now()-since), l.journal.said())
		}
	}
	info, err := shmq.Stat(c.queue)
	fmt.Fprintf(&b, "\n%+v %v", info, err)
	return b.String()
}

func (c *crew) requireNoFailure(l *life) {
	c.t.Helper()
	require.False(c.t, l.journal.failed.Load(), "%v: %s", l, l.journal.said())
}

func (l *life) String() string { return fmt.Sprintf("%s %d (pid %d)", l.role, l.number, l.PID()) }
