//go:build linux

package crew

import (
	"fmt"
	"maps"
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
	"github.com/shmq/shmq/internal/testaccount"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// life is one process of the storm; its successor has another number.
type life struct {
	*testproc.Proc
	language
	part    string
	number  int
	journal string
	resume  time.Time // when to continue it, if it is stopped
	stopped int64     // since when, or 0
	ended   int64     // when it was killed, or began to leave
}

func (l *life) String() string {
	return fmt.Sprintf("%s %d in %s (pid %d)", l.part, l.number, l.name, l.PID())
}

// crewOf is the processes on one queue.
type crewOf struct {
	t       *testing.T
	names   []string
	crew    map[string]language
	queue   string
	opts    shmq.Options
	dir     string
	seed    uint64
	random  *rand.Rand
	running []*life
	over    bool      // no new life comes
	alone   time.Time // until then none comes on a side of many, which would recover what dead ones held
	account *account
	stats   *stats
}

func newCrew(t *testing.T, crew map[string]language, opts shmq.Options, seed uint64, s *stats) *crewOf {
	return &crewOf{
		t: t, crew: crew, names: slices.Sorted(maps.Keys(crew)), queue: testagent.Queue(t, &opts), opts: opts, dir: t.TempDir(),
		seed: seed, random: rand.New(rand.NewPCG(seed, 0)), account: newAccount(opts.Consumers == shmq.One), stats: s,
	}
}

func (c *crewOf) start(part string) {
	c.t.Helper()
	l := &life{part: part, language: c.crew[c.names[c.random.IntN(len(c.names))]], number: c.account.NewLife(part == "produce")}
	l.journal = filepath.Join(c.dir, strconv.Itoa(l.number))
	require.NoError(c.t, os.WriteFile(l.journal, nil, 0o600))
	l.Proc = l.language.start(c.t, part, strconv.Itoa(l.number), c.queue, l.journal, strconv.FormatUint(c.seed, 10))
	c.running = append(c.running, l)
}

// fill starts successors for those that are gone.
func (c *crewOf) fill() {
	c.t.Helper()
	for part, side := range map[string]shmq.Multiplicity{"produce": c.opts.Producers, "consume": c.opts.Consumers} {
		want := map[shmq.Multiplicity]int{shmq.One: 1, shmq.Many: 3}[side]
		if c.over || side == shmq.Many && time.Now().Before(c.alone) {
			want = 0
		}
		for len(c.of(part)) < want {
			c.start(part)
		}
	}
}

func (c *crewOf) of(part string) (ls []*life) {
	for _, l := range c.running {
		if l.part == part {
			ls = append(ls, l)
		}
	}
	return ls
}

// rage lets the storm go on for so long.
func (c *crewOf) rage(d time.Duration) {
	c.t.Helper()
	gap := 60 * time.Millisecond // on average, between two events
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

// lull leaves one survivor on each side to itself, for longer than one may wait.
func (c *crewOf) lull() {
	c.t.Helper()
	c.alone = time.Now().Add(heartbeat + turn + maxWait*3/2)
	for _, part := range []string{"produce", "consume"} {
		ls := c.of(part)
		slices.SortStableFunc(ls, func(x, y *life) int { return int(min(c.size(x), 1) - min(c.size(y), 1)) })
		for _, l := range ls[:max(1, len(ls))-1] { // the last one has attached, if any has
			c.kill(l)
		}
	}
	c.fill()
	c.pass(time.Until(c.alone))
}

// disturb does something to one of them, mostly to one that has attached: an interpreter takes a while.
func (c *crewOf) disturb() {
	c.t.Helper()
	c.fill()
	l := c.running[c.random.IntN(len(c.running))]
	if c.size(l) == 0 && c.random.IntN(8) > 0 {
		return
	}
	switch n := c.random.IntN(20); {
	case n < 8:
		c.kill(l)
	case n < 10:
		c.stop(l, time.Minute)
		c.pass(time.Duration(c.random.IntN(10)) * time.Millisecond)
		c.kill(l)
	case n < 11:
		c.dismiss(l, "leave")
	case n < 12:
		c.stop(l, 3*heartbeat)
	default:
		c.stop(l, time.Duration(1+c.random.IntN(20))*time.Millisecond)
	}
}

func (c *crewOf) size(l *life) int64 {
	info, err := os.Stat(l.journal)
	require.NoError(c.t, err)
	return info.Size()
}

// pass lets time pass, in which the lives go on that were stopped for long enough.
func (c *crewOf) pass(d time.Duration) {
	c.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(500 * time.Microsecond) {
		for _, l := range slices.Clone(c.running) {
			if l.stopped != 0 && time.Now().After(l.resume) {
				c.resume(l)
			}
		}
	}
	for _, l := range slices.Clone(c.running) {
		if l.State() == "Z" {
			l.Expect("left") // tells the reason, if there is one
			require.Fail(c.t, "a worker left unasked", "%v", l)
		}
	}
}

func (c *crewOf) kill(l *life) {
	c.t.Helper()
	l.ended = now()
	require.NoError(c.t, syscall.Kill(l.PID(), syscall.SIGKILL))
	c.stats.kills++
	c.running = slices.DeleteFunc(c.running, func(r *life) bool { return r == l })
	if c.random.IntN(2) == 0 {
		c.fill() // the successor comes while its predecessor is dying, or a zombie
	}
	l.Kill()
	require.True(c.t, l.WasKilled(), "%v ended before it was killed", l)
	c.account.died(l)
	c.bury(l)
}

func (c *crewOf) stop(l *life, d time.Duration) {
	c.t.Helper()
	if l.stopped == 0 {
		l.stopped, l.resume = now(), time.Now().Add(d)
		require.NoError(c.t, syscall.Kill(l.PID(), syscall.SIGSTOP))
		c.stats.stops++
	}
}

func (c *crewOf) resume(l *life) {
	c.t.Helper()
	if l.stopped != 0 {
		require.NoError(c.t, syscall.Kill(l.PID(), syscall.SIGCONT))
		c.account.excuses = append(c.account.excuses, testaccount.Span{From: l.stopped, To: now()})
		l.stopped = 0
	}
}

// dismiss asks a process to leave, and waits until it has.
func (c *crewOf) dismiss(l *life, how string) {
	c.t.Helper()
	c.resume(l)
	l.Say("%s", how)
	// Another one may be stopped that this one waits for, in a call that an order does not end.
	for end := time.Now().Add(testproc.Patience); l.Silent(); time.Sleep(500 * time.Microsecond) {
		for _, other := range c.running {
			if other.stopped != 0 && time.Now().After(other.resume) {
				c.resume(other)
			}
		}
		require.True(c.t, time.Now().Before(end), "%v was told to %s, and does not: %s", l, how, c.scene())
	}
	l.Expect("left")
	l.Exit()
	c.running = slices.DeleteFunc(c.running, func(r *life) bool { return r == l })
	c.bury(l)
}

// bury takes over what a process wrote that has ended.
func (c *crewOf) bury(l *life) {
	c.t.Helper()
	es := entries(c.t, l.journal)
	if l.ended == 0 {
		for _, e := range es {
			if e.kind == leaving || e.kind == left && l.ended == 0 {
				l.ended = e.at
			}
		}
	}
	if l.stopped != 0 {
		c.account.excuses = append(c.account.excuses, testaccount.Span{From: l.stopped, To: l.ended})
	}
	for _, e := range es {
		require.NotEqual(c.t, failed, e.kind, "%v was about to say why it can't go on", l)
	}
	c.account.add(l, es)
	require.NoError(c.t, os.Remove(l.journal))
}

// settle lets all come to an end: producers leave, consumers drain the queue.
func (c *crewOf) settle() {
	c.t.Helper()
	c.over = true
	for _, l := range c.running {
		c.resume(l)
	}
	for _, l := range c.of("produce") {
		c.dismiss(l, "leave")
	}
	// No participant dies any more. The last one to leave finds the queue empty.
	_, err := shmq.Recover(c.queue, nil)
	require.NoError(c.t, err)
	if len(c.of("consume")) == 0 {
		c.start("consume")
	}
	for _, l := range c.of("consume") {
		c.dismiss(l, "drain")
	}
	require.Empty(c.t, c.running)
}

// scene describes the queue and its participants, for a failure.
func (c *crewOf) scene() string {
	var b strings.Builder
	for _, l := range c.running {
		es := entries(c.t, l.journal)
		fmt.Fprintf(&b, "\n%v: state %s, %d entries", l, l.State(), len(es))
		if len(es) > 0 {
			fmt.Fprintf(&b, ", the last %+v, %v ago", es[len(es)-1], time.Duration(now()-es[len(es)-1].at))
		}
	}
	info, err := shmq.Stat(c.queue)
	fmt.Fprintf(&b, "\n%+v %v", info, err)
	return b.String()
}
