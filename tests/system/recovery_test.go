package system_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/ring"
	"github.com/shmq/shmq/ring/inspect"
)

func recoverQueue(t *testing.T, q string) *shmq.Recovery {
	t.Helper()
	rec, err := shmq.Recover(q, nil)
	require.NoError(t, err)
	return rec
}

// All seats are taken, by dead and by living participants, and some of the living ones stand
// still: a recovery from outside needs no seat, and touches dead ones only.
func TestRecoverFromOutside(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 4})
	sender, taker := testagent.Producer(t, q), testagent.Consumer(t, q)
	deadSender, deadTaker := testagent.Producer(t, q), testagent.Consumer(t, q)
	sender.Sends("a", "b", "c", "d")
	require.Equal(t, testagent.Fresh("a"), taker.Lease(1))
	require.Len(t, deadTaker.Lease(2), 2)
	deadSender.Do("reserve 200")
	sender.Do("reserve 10")
	sender.Stop()
	taker.Stop()
	rec := recoverQueue(t, q)
	require.Empty(t, rec.Dead)
	require.Len(t, rec.Alive, 4)
	deadSender.Kill()
	deadTaker.Kill()

	path, err := shmq.Path(q)
	require.NoError(t, err)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	dry, err := shmq.Recover(q, &shmq.RecoverOptions{DryRun: true})
	require.NoError(t, err)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after, "a dry run changes nothing")

	rec = recoverQueue(t, q)
	require.Len(t, rec.Dead, 2)
	first, second := rec.Dead[0], rec.Dead[1]
	require.Equal(t, deadSender.PID(), first.PID)
	require.Equal(t, &inspect.Holding{Claims: 1, Slots: 4, First: 4}, first.Holds)
	require.NotZero(t, first.HeldSince)
	require.Equal(t, []any{true, 1, 0}, []any{first.Freed, first.Claims, first.Returned})
	require.Equal(t, deadTaker.PID(), second.PID)
	require.Equal(t, &inspect.Holding{Takes: 1, Records: 2, Slots: 2, First: 1}, second.Holds)
	require.Equal(t, []any{true, 0, 2}, []any{second.Freed, second.Claims, second.Returned})
	require.Len(t, rec.Alive, 2)
	for _, p := range rec.Alive {
		require.True(t, p.Stopped)
		require.NotNil(t, p.Holds)
		require.NotZero(t, p.HeldSince)
	}
	// The same was found by the dry run.
	require.Len(t, dry.Dead, 2)
	for i := range dry.Dead {
		require.Equal(t, rec.Dead[i].Holds, dry.Dead[i].Holds)
		require.False(t, dry.Dead[i].Freed)
	}
	_, err = json.Marshal(rec)
	require.NoError(t, err)
	require.Empty(t, recoverQueue(t, q).Dead, "once")

	// Living participants go on where they stopped, and the dead one's records come again.
	sender.Continue()
	taker.Continue()
	sender.Do("commit 10")
	taker.Do("ack 0")
	next := testagent.Consumer(t, q)
	require.Equal(t, append(testagent.Again(1, "b"), testagent.Again(1, "c")...), append(next.Lease(1), next.Lease(1)...))
	require.Equal(t, testagent.Fresh("d"), taker.Lease(1))
}

// A single role is held by a living participant, and not needed.
func TestRecoverBesideSingleRoles(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Single)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a", "b", "c")
	c.Lease(2)
	c.Kill()
	rec := recoverQueue(t, q)
	require.Len(t, rec.Dead, 1)
	require.True(t, rec.Dead[0].Freed)
	require.Equal(t, &inspect.Holding{Records: 2, Slots: 2}, rec.Dead[0].Holds)
	next := testagent.Consumer(t, q)
	require.Equal(t, append(testagent.Again(1, "a"), testagent.Again(1, "b")...), append(next.Lease(1), next.Lease(1)...))
	require.Equal(t, testagent.Fresh("c"), next.Lease(1))
	p.Sends("d")
}

// Sleepers are woken even when the dead one held nothing: it may have been the
// last sender. (A participant looks by itself ten times a second; this sleeper
// would not.)
func TestRecoverWakesSleepers(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	me := testagent.Attach(t, q, shmq.Consumer)
	for _, word := range []*uint32{me.Ring().DataFutex(), me.Ring().RoomFutex()} {
		victim := testagent.Producer(t, q)
		s := park.NewSleeper(word)
		ticket := s.Prepare()
		woken := make(chan error, 1)
		go func() { woken <- sys.Wait(word, ticket, 2*testproc.Patience) }()
		victim.Kill()
		recoverQueue(t, q)
		select {
		case <-woken:
		case <-time.After(testproc.Patience):
			t.Error("asleep")
		}
		s.Done()
	}
}

// All go through the seats in the same order, so they meet at the first that is dead.
func TestManyRecoverAtOnce(t *testing.T) {
	t.Parallel()
	const dead = 64
	q := testagent.Queue(t, &shmq.Options{Slots: 512, SlotSize: 64, Seats: dead + 2})
	me := testagent.Attach(t, q, shmq.Consumer)
	for round := range 40 {
		held := 0
		if round%10 == 0 {
			p := testagent.Producer(t, q)
			p.Do("reserve 100")
			p.Kill()
			held = 1
		}
		for i := range dead { // as good as dead: in use, and no process has the lock
			me.Ring().Seat(i + 2).Take(ring.Occupant{Role: uint32(shmq.Producer)})
		}
		var wg sync.WaitGroup
		var lock sync.Mutex
		freed, claims := 0, 0
		for range 8 {
			wg.Go(func() {
				rec, err := shmq.Recover(q, nil)
				if err != nil {
					t.Error(err)
					return
				}
				lock.Lock()
				defer lock.Unlock()
				for _, d := range rec.Dead {
					claims += d.Claims
					if d.Freed {
						freed++
					}
				}
			})
		}
		wg.Wait()
		require.Equal(t, []int{dead + held, held}, []int{freed, claims})
	}
}

// A dead one's seat whose lock another process holds is that one's to recover, and is told
// as alive or as not freed.
func TestRecoverLeavesASeatToWhoIsAtIt(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Shared)
	_, recoverer := testagent.DeadSeatInWork(t, q)
	require.Empty(t, recoverQueue(t, q).Dead)
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Equal(t, 1, info.Leased)
	require.NoError(t, recoverer.Close())
	require.Len(t, recoverQueue(t, q).Dead, 1)
}

func TestRecoverOfWhatIsNoQueue(t *testing.T) {
	t.Parallel()
	_, err := shmq.Recover("nosuch", nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, `recover queue "nosuch"`)
	_, err = shmq.Recover("../x", nil)
	require.ErrorIs(t, err, shmq.ErrName)
}
