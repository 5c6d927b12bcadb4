//go:build linux

package storm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testaccount"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{producing: guarded(produce), consuming: guarded(consume), subscribing: guarded(subscribe), lossySending: lossySend, lossyReading: lossyRead})
}

// stats is what a storm did.
type stats struct {
	kills, stops, lives, looks          int
	sent, delivered, redelivered, maybe uint64
	lapped                              uint64 // positions of jumps
	longest                             time.Duration
}

func (s *stats) String() string {
	lapped := ""
	if s.lapped > 0 {
		lapped = fmt.Sprintf(" %d positions were told to be lost;", s.lapped)
	}
	return fmt.Sprintf("%d processes, %d killed, %d times stopped; %d records sent; %d handed out, %d of them again;%s "+
		"%d were on their way out of Receive when it was killed; longest wait of a survivor %v; %d times checked",
		s.lives, s.kills, s.stops, s.sent, s.delivered, s.redelivered, lapped, s.maybe, s.longest.Round(time.Millisecond), s.looks)
}

// The storm goes over queues of all roles and several shapes in turn. In its plain
// form it takes a few seconds; with SHMQ_LONG=1 five minutes, or SHMQ_STORM_TIME.
// SHMQ_STORM_SEED repeats what was random, as far as the machine lets it.
func TestStorm(t *testing.T) {
	storms(t, func(n int, random *rand.Rand) shmq.Options {
		opts := testagent.Modes()[n%4]
		opts.Slots = 8 << (2 * random.IntN(3))
		opts.SlotSize = 64 << random.IntN(3)
		opts.Seats = 8
		return opts
	})
}

// storms goes over the queues that shape says.
func storms(t *testing.T, shape func(n int, random *rand.Rand) shmq.Options) {
	seed := envSeed(t)
	total, round, gap := 4*time.Second, time.Second, 25*time.Millisecond
	if testproc.Long() {
		total, round, gap = 5*time.Minute, 10*time.Second, 40*time.Millisecond
	}
	if s := os.Getenv("SHMQ_STORM_TIME"); s != "" {
		var err error
		total, err = time.ParseDuration(s)
		require.NoError(t, err)
	}
	t.Logf("SHMQ_STORM_SEED=%d", seed)
	runtime.LockOSThread() // children die with the thread that started them
	defer runtime.UnlockOSThread()
	var all stats
	random := rand.New(rand.NewPCG(seed, 0))
	for n, end := 0, time.Now().Add(total); time.Now().Before(end); n++ {
		opts := shape(n, random)
		roundSeed := random.Uint64()
		t.Run(called(opts), func(t *testing.T) {
			storm(t, opts, roundSeed, min(round, time.Until(end)), gap, &all)
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("%v", &all)
}

func called(o shmq.Options) string {
	s := fmt.Sprintf("%v to %v, %d slots of %d", o.Producers, o.Consumers, o.Slots, o.SlotSize)
	if o.Skip {
		s += ", skipping"
	}
	return s
}

func envSeed(t *testing.T) uint64 {
	s := os.Getenv("SHMQ_STORM_SEED")
	if s == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(s, 10, 64)
	require.NoError(t, err)
	return seed
}

func storm(t *testing.T, opts shmq.Options, seed uint64, d, gap time.Duration, all *stats) {
	c := newCrew(t, opts, seed, all)
	stalls := testproc.WatchStalls()
	stop := testaccount.CheckAllTheTime(t, c.queue, 3*time.Millisecond)
	defer stop()
	c.rage(d, gap)
	c.settle()
	all.looks += stop()
	for _, s := range stalls.Stop() {
		c.quiet.add(between(s.From, s.To))
	}
	if complaints := c.account.check(); len(complaints) > 0 {
		t.Fatalf("%s", strings.Join(complaints, "\n"))
	}
	c.account.count(all)
	all.longest = max(all.longest, c.quiet.longest(c.peers()))
	require.LessOrEqual(t, c.quiet.longest(c.peers()), maxWait, "the longest wait of a survivor")
	if opts.Consumers == shmq.Each {
		requireNoSubscription(t, c.queue, opts)
	} else {
		testaccount.RequireNothingLeft(t, c.queue, opts)
	}
}

func (a *account) count(s *stats) {
	s.lives += len(a.Ends) - 1
	for _, p := range a.Sent {
		s.sent += p.Sent
	}
	for _, n := range a.short {
		s.sent += n.sent
		s.delivered += n.acked + n.maybe
	}
	for _, t := range a.Takes {
		s.delivered++
		if t.Flag == redelivered {
			s.redelivered++
		}
	}
	s.maybe += uint64(len(a.Maybe))
}
