//go:build linux

package crew

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/testaccount"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

const (
	heartbeat = 100 * time.Millisecond // how late a dead participant is noticed at most by one that waits
	turn      = 250 * time.Millisecond // how long a dead sender of a large record keeps its turn
)

// maxWait is what a survivor may wait without one of these excuses, in a process that the machine does not
// run at once.
const maxWait = 10 * heartbeat

// stats is what a storm did.
type stats struct {
	kills, stops, lives, looks   int
	sent, delivered, redelivered int
	longest                      time.Duration
	langs                        map[string]int
	most                         map[string]time.Duration // the longest waits, by part and language
}

func (s *stats) String() string {
	var by []string
	for _, k := range slices.Sorted(maps.Keys(s.langs)) {
		by = append(by, fmt.Sprintf("%s %d", k, s.langs[k]))
	}
	for _, k := range slices.Sorted(maps.Keys(s.most)) {
		by = append(by, fmt.Sprintf("longest wait of %s %v", k, s.most[k].Round(time.Millisecond)))
	}
	return fmt.Sprintf("%d processes, %d killed, %d times stopped; %d records sent, %d handed out, %d of them again; "+
		"longest wait of a survivor %v; %d times checked; %s",
		s.lives, s.kills, s.stops, s.sent, s.delivered, s.redelivered, s.longest.Round(time.Millisecond), s.looks, strings.Join(by, ", "))
}

// The storm goes over queues of all roles and several shapes in turn: producers and consumers in languages
// at random are killed, stopped and replaced at random, and every record, wait and seat is accounted
// for. With SHMQ_LONG=1 it takes ten minutes, or SHMQ_CREW_TIME.
func testStorm(t *testing.T, crew map[string]language) {
	total, round := 16*time.Second, 4*time.Second
	if testproc.Long() {
		total, round = 10*time.Minute, 15*time.Second
	}
	if s := os.Getenv("SHMQ_CREW_TIME"); s != "" {
		var err error
		total, err = time.ParseDuration(s)
		require.NoError(t, err)
	}
	seed := uint64(envInt(t, "SHMQ_CREW_SEED", int(rand.Uint32())))
	t.Logf("SHMQ_CREW_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	all := &stats{langs: map[string]int{}, most: map[string]time.Duration{}}
	for n, end := 0, time.Now().Add(total); time.Now().Before(end) && !t.Failed(); n++ {
		opts := testagent.Modes()[n%4]
		opts.Slots, opts.SlotSize, opts.Seats = 8<<(2*random.IntN(3)), 64<<random.IntN(3), 8
		roundSeed := random.Uint64()
		t.Run(fmt.Sprintf("%v to %v, %d slots of %d", opts.Producers, opts.Consumers, opts.Slots, opts.SlotSize), func(t *testing.T) {
			lock(t)
			storm(t, newCrew(t, crew, opts, roundSeed, all), min(round, time.Until(end)))
		})
	}
	t.Logf("%v", all)
}

func storm(t *testing.T, c *crewOf, d time.Duration) {
	stalls := testproc.WatchStalls()
	stop := testaccount.CheckAllTheTime(t, c.queue, 20*time.Millisecond)
	defer stop()
	c.rage(d)
	c.settle()
	c.stats.looks += stop()
	for _, s := range stalls.Stop() {
		c.account.excuses = append(c.account.excuses, testaccount.Span(s))
	}
	c.account.Check()
	require.Empty(t, c.account.List, "%s", strings.Join(c.account.List, "\n"))
	c.count()
	longest, by := c.account.longest(c.stats.most)
	c.stats.longest = max(c.stats.longest, longest)
	t.Logf("the longest wait of a survivor: %v, %s", longest.Round(time.Millisecond), by)
	require.LessOrEqual(t, longest, maxWait)
	testaccount.RequireNothingLeft(t, c.queue, c.opts)
}

func (c *crewOf) count() {
	c.stats.lives += len(c.account.Ends) - 1
	for _, by := range c.account.Sent {
		c.stats.sent += int(by.Sent)
	}
	for _, t := range c.account.Takes {
		c.stats.delivered++
		if t.Flag == testaccount.Redelivered {
			c.stats.redelivered++
		}
	}
	for k, n := range c.account.langs {
		c.stats.langs[k] += n
	}
}
