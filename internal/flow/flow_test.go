package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/flow"
)

func who(seat int, role shmq.Role, pid int, attached int64, records uint64) shmq.Participant {
	return shmq.Participant{
		Seat: seat, Role: role, PID: pid, Attached: time.Unix(attached, 0), Alive: true,
		Records: records, Bytes: 10 * records, Waits: records / 10, Wakes: records / 5, Redelivered: records / 100,
	}
}

func TestRatesOfThoseWhoStayed(t *testing.T) {
	t.Parallel()
	before := &shmq.Info{Head: 10, Tail: 20, Participants: []shmq.Participant{who(0, shmq.Producer, 7, 1, 100), who(1, shmq.Consumer, 8, 1, 50)}}
	after := &shmq.Info{Head: 210, Tail: 420, Participants: []shmq.Participant{who(0, shmq.Producer, 7, 1, 500), who(1, shmq.Consumer, 8, 1, 250)}}
	f := flow.Between(before, after, 2*time.Second)
	require.Equal(t, flow.Rates{Records: 200, Bytes: 2000, Waits: 20, Wakes: 40, Redelivered: 2}, f.Sent)
	require.Equal(t, flow.Rates{Records: 100, Bytes: 1000, Waits: 10, Wakes: 20, Redelivered: 1}, f.Received)
	require.Equal(t, []float64{2, 200, 100, 0}, []float64{f.Interval, f.SlotsIn, f.SlotsOut, float64(f.Unseen)})
	require.Len(t, f.Participants, 2)
	require.Equal(t, flow.Stayed, f.Participants[0].Change)
	require.Equal(t, f.Sent, f.Participants[0].Rates)
}

func TestRatesOfThoseWhoCameAndLeft(t *testing.T) {
	t.Parallel()
	before := &shmq.Info{
		Participants: []shmq.Participant{who(0, shmq.Producer, 7, 1, 100), who(1, shmq.Producer, 8, 1, 1000), who(2, shmq.Consumer, 9, 1, 0)},
		Left:         []shmq.Participant{who(3, shmq.Producer, 5, 1, 77)},
	}
	after := &shmq.Info{
		Participants: []shmq.Participant{
			who(0, shmq.Producer, 7, 2, 30), // the same process took the same seat again
			who(4, shmq.Consumer, 10, 2, 20),
		},
		Left: []shmq.Participant{
			who(1, shmq.Producer, 8, 1, 1060), // counted on, then left
			who(2, shmq.Consumer, 11, 2, 5),   // came and left; the one before it is unseen
			who(3, shmq.Producer, 5, 1, 77),   // had left before
		},
	}
	f := flow.Between(before, after, time.Second)
	require.EqualValues(t, 90, f.Sent.Records)
	require.EqualValues(t, 25, f.Received.Records)
	require.Equal(t, 2, f.Unseen)
	var changes []flow.Change
	for _, p := range f.Participants {
		changes = append(changes, p.Change)
	}
	require.Equal(t, []flow.Change{flow.Came, flow.Came, flow.Left, flow.Left}, changes)
}

func TestRatesOfCountersThatWentBack(t *testing.T) {
	t.Parallel()
	before := &shmq.Info{Head: 9, Participants: []shmq.Participant{who(0, shmq.Producer, 7, 1, 100)}}
	after := &shmq.Info{Head: 3, Participants: []shmq.Participant{who(0, shmq.Producer, 7, 1, 1)}}
	f := flow.Between(before, after, 0)
	require.Zero(t, f.Sent)
	require.Zero(t, f.SlotsOut)
}
