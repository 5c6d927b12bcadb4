package consumer_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
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
			var echo *testagent.Agent
			if c.refused == "" {
				echo = testagent.New(t)
			} else {
				echo = testagent.NewWithout(t, c.refused)
			}
			echo.Do("echo %s %s", there, back)
			ctx := context.Background()
			if c.ctx {
				ctx = within(t)
			}
			late := 0
			start := time.Now()
			for range c.rounds {
				testagent.Think()
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

func TestIdleConsumerUsesNoProcessor(t *testing.T) {
	q := testagent.Queue(t, nil)
	c := testagent.Consumer(t, q)
	c.Say("lease 1")
	testproc.Until(t, func() bool { return waits(t, q) > 0 })
	before := c.CPU()
	time.Sleep(idleTime)
	used := c.CPU() - before
	t.Logf("%v in %v", used, idleTime)
	require.Less(t, used, idleTime*2/100)
	require.True(t, c.Silent())
}

const idleTime = 1500 * time.Millisecond
