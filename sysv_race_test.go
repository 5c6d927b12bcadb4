//go:build linux

package shmq_test

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/stretchr/testify/require"
)

func TestSegmentCreatorsInProcessesHaveOneWinner(t *testing.T) {
	t.Parallel()
	const rounds = 15
	var names []string
	for i := range rounds {
		key := freeKey(t)
		names = append(names, keyName(key))
		if i%3 == 0 {
			foreign(t, key, 1<<20, 0o600)
		}
	}
	var children []*testproc.Proc
	for range 3 {
		children = append(children, testproc.Start(t, "create", names...))
	}
	for _, c := range children {
		c.Expect("ready")
	}
	for i, name := range names {
		for _, c := range children {
			c.Say("go")
		}
		wins := 0
		for _, c := range children {
			if c.Expect("won") == "true" {
				wins++
			}
		}
		require.Equal(t, 1, wins, "round %d", i)
		_, err := shmq.Stat(name)
		require.NoError(t, err)
		require.NoError(t, shmq.Remove(name))
	}
	for _, name := range names[:1] { // foreign ones stay
		err := shmq.Create(name, &shmq.Options{Slots: 16})
		require.NoError(t, err)
		require.NoError(t, shmq.Remove(name))
	}
}

// Who looks by name while others create and remove sees a whole queue or none.
func TestSegmentQueueIsSeenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	for _, adopted := range []bool{false, true} {
		key := freeKey(t)
		if adopted {
			foreign(t, key, 1<<20, 0o600)
		}
		name := keyName(key)
		done := make(chan struct{})
		var wg sync.WaitGroup
		var seen atomic.Int32
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				info, err := shmq.Stat(name)
				if err == nil && info.Slots == 64 && info.Records == 0 {
					seen.Add(1)
				} else if !errors.Is(err, fs.ErrNotExist) || contains(err, "unfinished") {
					t.Errorf("a queue in the making was seen: %v, %v", info, err)
					return
				}
			}
		})
		for range longer(60, 2000) {
			require.NoError(t, shmq.Create(name, &shmq.Options{Slots: 64, SlotSize: 64}))
			require.NoError(t, shmq.Remove(name))
		}
		close(done)
		wg.Wait()
		t.Logf("seen %d times", seen.Load())
	}
}

func TestSegmentAttachAndRemoveRace(t *testing.T) {
	t.Parallel()
	for i, o := range testagent.Modes() {
		key := freeKey(t)
		if i%2 == 1 {
			foreign(t, key, 1<<20, 0o600)
		}
		raceAttachAndRemove(t, keyName(key), o, longer(60, 1000))
	}
}

// longer is how often to try something, and how often if SHMQ_LONG=1.
func longer(rounds, long int) int {
	if os.Getenv("SHMQ_LONG") == "1" {
		return long
	}
	return rounds
}
