package words_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/words"
)

func TestQueueState(t *testing.T) {
	t.Parallel()
	is := func(want string, alert bool, i shmq.Info, all ...shmq.Participant) {
		t.Helper()
		i.Participants = all
		text, bad := words.QueueState(&i)
		require.Equal(t, want, text)
		require.Equal(t, alert, bad)
	}
	p, c := shmq.Participant{Role: shmq.Producer, Alive: true}, shmq.Participant{Role: shmq.Consumer, Alive: true}
	stopped, frozen, both, dead := c, c, c, c
	stopped.Stopped, frozen.Frozen, both.Stopped, both.Frozen, dead.Alive = true, true, true, true, false
	is("", false, shmq.Info{})
	is("", false, shmq.Info{Depth: 1}, p, c)
	is("finished", false, shmq.Info{Finished: true}, c)
	is("no consumer", true, shmq.Info{Depth: 1, Finished: true}, p)
	is("no consumer", true, shmq.Info{Orphans: 1}, p)
	is("1 dead, no consumer", true, shmq.Info{Depth: 1}, dead)
	is("2 frozen", true, shmq.Info{}, frozen, both, c)
	is("full, 2 stopped, 1 frozen, 1 dead", true, shmq.Info{Full: true, Depth: 8}, p, stopped, stopped, frozen, dead)
}
