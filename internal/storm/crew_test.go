//go:build linux

package storm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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
	number  int
	path    string
	journal *journal
	resume  time.Time // when to continue it, if it is stopped
	stopped int64     // since when, or 0
	ended   int64     // when it was killed, or began to leave
	killed  bool
}

const (
	producing = "produce"
	consuming = "consume"
)

// crew is the processes on one queue.
type crew struct {
	t       *testing.T
	queue   string
	opts    shmq.Options
	dir     string
	seed    uint64
	random  *rand.Rand
	running []*life
	alone   time.Time // until then nobody new comes, who would recover what the dead held
	account *account
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
	return c
}

// start starts a process. It dies with the thread that runs the test.
func (c *crew) start(role string) {
	c.t.Helper()
	l := &life{role: role, number: c.account.newLife(role == producing)}
	l.path = filepath.Join(c.dir, strconv.Itoa(l.number))
	var err error
	l.journal, err = openJournal(l.path)
	require.NoError(c.t, err)
	// One consumer in two never uses Receive: it may lose nothing, not even itself.
	copies := l.number%2 == 0
	l.Proc = testproc.StartAs(c.t, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}, role, c.queue, l.path,
		strconv.Itoa(l.number), strconv.FormatUint(c.seed, 10),
		strconv.FormatBool(c.opts.Consumers == shmq.One), strconv.FormatBool(copies))
	c.running = append(c.running, l)
}

// fill starts successors for those who are gone.
func (c *crew) fill() {
	c.t.Helper()
	want := func(s shmq.Side) int {
		switch {
		case s == shmq.One:
			return 1
		case time.Now().Before(c.alone):
			return 0
		}
		return 3
	}
	for range want(c.opts.Producers) - len(c.of(producing)) {
		c.start(producing)
	}
	for range want(c.opts.Consumers) - len(c.of(consuming)) {
		c.start(consuming)
	}
}

// of returns those of a role who run.
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
	l := c.running[c.random.IntN(len(c.running))]
	switch n := c.random.IntN(20); {
	case n < 9:
		c.kill(l)
	case n < 11:
		c.stop(l, time.Minute)
		c.pass(time.Duration(c.random.IntN(10)) * time.Millisecond)
		c.kill(l)
	case n < 12 && l.stopped == 0:
		c.dismiss(l, "leave")
	case n < 13 && c.random.IntN(4) == 0:
		c.stop(l, 300*time.Millisecond) // several heartbeats
	default:
		c.stop(l, time.Duration(1+c.random.IntN(20))*time.Millisecond)
	}
}

// lull leaves the survivors of a death to themselves for longer than one may wait.
func (c *crew) lull() {
	c.t.Helper()
	survivors := map[string]int{}
	for _, l := range c.running {
		survivors[l.role]++
	}
	l := c.running[c.random.IntN(len(c.running))]
	if l.stopped != 0 || survivors[l.role] < 2 {
		return
	}
	c.alone = time.Now().Add(maxWait * 3 / 2)
	c.kill(l)
	c.pass(time.Until(c.alone))
}

func (c *crew) kill(l *life) {
	c.t.Helper()
	if c.gone(l) {
		return
	}
	l.ended, l.killed = now(), true
	l.Terminate()
	c.stats.kills++
	c.running = slices.DeleteFunc(c.running, func(r *life) bool { return r == l })
	if c.random.IntN(2) == 0 {
		c.fill() // the successor comes while its predecessor is dying, or a zombie
	}
	l.Kill()
	c.bury(l)
	require.True(c.t, l.WasKilled(), "%v ended before it was killed", l)
}

// gone finds a process that has left because its journal is full.
func (c *crew) gone(l *life) bool {
	c.t.Helper()
	if !l.journal.left.Load() {
		return false
	}
	c.leave(l)
	return true
}

func (c *crew) stop(l *life, d time.Duration) {
	c.t.Helper()
	if l.stopped == 0 && !c.gone(l) {
		l.stopped = now()
		l.Stop()
		l.resume = time.Now().Add(d)
		c.stats.stops++
	}
}

func (c *crew) resume(l *life) {
	c.t.Helper()
	if l.stopped != 0 {
		l.Continue()
		c.quiet.add(span{l.stopped, now()})
		l.stopped = 0
	}
}

// dismiss asks processes to leave, and waits until they have.
func (c *crew) dismiss(l *life, how string) {
	c.t.Helper()
	if !c.gone(l) {
		l.Say("%s", how)
		c.leave(l)
	}
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
	if l.stopped != 0 {
		c.quiet.add(span{l.stopped, l.ended})
		l.stopped = 0
	}
	j := l.journal
	require.False(c.t, j.failed.Load(), "%v: %s", l, j.failure[:])
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

// pass lets time pass, in which those go on who were stopped for long enough.
func (c *crew) pass(d time.Duration) {
	c.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(500 * time.Microsecond) {
		for _, l := range c.running {
			if l.stopped != 0 && time.Now().After(l.resume) {
				c.resume(l)
			}
		}
	}
}

// settle lets all come to an end: producers leave, consumers drain the queue.
func (c *crew) settle() {
	c.t.Helper()
	c.alone = time.Time{}
	c.fill()
	for _, l := range c.running {
		c.resume(l)
	}
	for _, l := range c.of(producing) {
		c.dismiss(l, "leave")
	}
	for _, l := range c.of(consuming) {
		c.dismiss(l, "drain")
	}
	require.Empty(c.t, c.running)
}

func (l *life) String() string { return fmt.Sprintf("%s %d (pid %d)", l.role, l.number, l.PID()) }
