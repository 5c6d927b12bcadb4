package consumer_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

// Two processes send a record to and fro, and sleep at each end each time. A lost
// wake-up would show as a heartbeat.
func TestParkedPingPongLosesNoWakeUp(t *testing.T) {
	rounds := 5000
	if testing.Short() {
		rounds = 400
	}
	for _, c := range []struct {
		name    string
		side    shmq.Multiplicity
		ctx     bool
		refused string
		rounds  int
	}{
		{"single", shmq.One, false, "", rounds},
		{"many", shmq.Many, false, "", rounds},
		{"single, with a context", shmq.One, true, "", rounds},
		{"many, with a context", shmq.Many, true, "", rounds},
		{"without membarrier", shmq.One, false, "membarrier", 400},
		{"without futex_waitv", shmq.Many, true, "futex_waitv", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &shmq.Options{Producers: c.side, Consumers: c.side, Slots: 4, SlotSize: 64}
			there, back := testagent.Queue(t, o), testagent.Queue(t, o)
			p, in := openProducer(t, there), openConsumer(t, back, &consumer.Options{Wait: shmq.Park})
			child := testproc.Start(t, "echo", there, back, strconv.FormatBool(c.ctx), c.refused)
			child.Expect("ready")
			ctx := context.Background()
			if c.ctx {
				ctx = within(t)
			}
			late := 0
			start := time.Now()
			for range c.rounds {
				think()
				sent := time.Now()
				require.NoError(t, p.TrySend([]byte("x")))
				_, err := in.Receive(ctx, nil)
				require.NoError(t, err)
				if time.Since(sent) > park.Heartbeat*2/3 {
					late++
				}
			}
			slept := waits(t, there) + waits(t, back)
			t.Logf("%v a round, %d sleeps in %d rounds, %d late", time.Since(start)/time.Duration(c.rounds), slept, c.rounds, late)
			// A machine with more to do than cores is late now and then all by itself.
			require.LessOrEqual(t, late, 1+c.rounds/500)
			require.Greater(t, slept, uint64(c.rounds/2), "they hardly ever slept, so this shows nothing")
		})
	}
}

func echo(c *testproc.Child) {
	switch c.Args[3] {
	case "membarrier":
		c.Refuse(unix.SYS_MEMBARRIER, unix.EPERM, 0, 0)
	case "futex_waitv":
		c.Refuse(unix.SYS_FUTEX_WAITV, unix.ENOSYS, 0, 0)
	}
	ctx := context.Background()
	if c.Args[2] == "true" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
	}
	in, err := consumer.OpenRaw(c.Args[0], &consumer.Options{Wait: shmq.Park})
	c.Check(err)
	out, err := producer.OpenRaw(c.Args[1], nil)
	c.Check(err)
	c.Say("ready")
	for {
		b, err := in.Receive(ctx, nil)
		c.Check(err)
		think()
		c.Check(out.TrySend(b))
	}
}

// think takes as long as the other end needs to fall asleep.
func think() {
	for start := time.Now(); time.Since(start) < 40*time.Microsecond; {
	}
}

func TestIdleConsumerUsesNoProcessor(t *testing.T) {
	q := testagent.Queue(t, nil)
	c := testproc.Start(t, "idle", q)
	used, err := time.ParseDuration(c.Expect("used"))
	require.NoError(t, err)
	t.Logf("%v in %v", used, idleTime)
	require.Less(t, used, idleTime*2/100)
}

const idleTime = 1500 * time.Millisecond

func idle(c *testproc.Child) {
	in, err := consumer.OpenRaw(c.Args[0], nil)
	c.Check(err)
	cpu := func() time.Duration {
		var u unix.Rusage
		c.Check(unix.Getrusage(unix.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := cpu()
	ctx, cancel := context.WithTimeout(context.Background(), idleTime)
	defer cancel()
	if _, err := in.Receive(ctx, nil); ctx.Err() == nil {
		c.Fail("received %v", err)
	}
	c.Say("used %v", cpu()-before)
	<-c.Lines
}
