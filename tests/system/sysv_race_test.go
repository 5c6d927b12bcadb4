//go:build linux

package system_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestSegmentCreatorsInProcessesHaveOneWinner(t *testing.T) {
	t.Parallel()
	const rounds = 15
	var names []string
	for i := range rounds {
		key := testagent.FreeKey(t)
		names = append(names, testagent.KeyName(key))
		if i%3 == 0 {
			testagent.ForeignSegment(t, key, 1<<20, 0o600)
		}
	}
	oneWinnerEach(t, names, func(name string) {
		_, err := shmq.Stat(name)
		require.NoError(t, err)
		require.NoError(t, shmq.Remove(name))
	})
	for _, name := range names[:1] { // foreign ones stay
		err := shmq.Create(name, &shmq.Options{Slots: 16})
		require.NoError(t, err)
		require.NoError(t, shmq.Remove(name))
	}
}

// A process that looks by name while others create and remove sees a whole queue or none.
func TestSegmentQueueIsSeenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	for _, adopted := range []bool{false, true} {
		key := testagent.FreeKey(t)
		if adopted {
			testagent.ForeignSegment(t, key, 1<<20, 0o600)
		}
		seenWholeOrNotAtAll(t, testagent.KeyName(key), longer(60, 2000))
	}
}

func TestSegmentAttachAndRemoveRace(t *testing.T) {
	t.Parallel()
	for i, o := range testagent.Modes() {
		key := testagent.FreeKey(t)
		if i%2 == 1 {
			testagent.ForeignSegment(t, key, 1<<20, 0o600)
		}
		raceAttachAndRemove(t, testagent.KeyName(key), o, longer(60, 1000))
	}
}

// longer is how often to try something, and how often if SHMQ_LONG=1.
func longer(rounds, long int) int {
	if testproc.Long() {
		return long
	}
	return rounds
}
