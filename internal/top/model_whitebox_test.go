//go:build linux

package top

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cells"
	"github.com/shmq/shmq/internal/flow"
	"github.com/shmq/shmq/internal/watch"
)

// noon is when all looks here are.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func testModel(columns, rows int) *model {
	m := newModel(Texts{
		Warnings: func(i *shmq.Info, _ time.Time) []string {
			return strings.Fields(strings.Repeat("woe ", int(i.Skipped)))
		},
		Holds:  func(p *shmq.Participant) string { return fmt.Sprint(p.Waits, " things") },
		Reason: func(err error) string { return err.Error() },
	})
	m.place, m.interval, m.columns, m.rows, m.keys = "/dir", time.Second, columns, rows, true
	return m
}

// queueLook is a queue of 100 slots with a depth, a rate, and some woes.
func queueLook(name string, depth int, rate float64, woes uint64) watch.Look {
	return watch.Look{Name: name, Walked: noon, Info: &shmq.Info{Name: name, CreationID: name, Slots: 100, Depth: depth, Skipped: woes},
		Flow: &flow.Flow{Sent: flow.Rates{Records: rate}},
	}
}

func order(m *model) (names []string) {
	for _, l := range m.looks {
		names = append(names, l.Name)
	}
	return names
}

func TestOrderOfQueues(t *testing.T) {
	t.Parallel()
	m := testModel(80, 24)
	bad := watch.Look{Name: "0bad", Err: errors.New("no queue")}
	looks := []watch.Look{bad, queueLook("c", 5, 100, 0), queueLook("a", 9, 50, 1), queueLook("b", 5, 200, 2)}
	m.looked(looks, nil, noon)
	require.Equal(t, []string{"a", "b", "c", "0bad"}, order(m))
	for _, press := range []struct {
		k    key
		want string
	}{{"d", "a b c 0bad"}, {"d", "c b a 0bad"}, {"d", "a b c 0bad"}, {"r", "b c a 0bad"}, {"w", "b a c 0bad"}, {"u", "a b c 0bad"}, {"n", "a b c 0bad"}, {"n", "c b a 0bad"}} {
		require.False(t, m.press(press.k))
		require.Equal(t, press.want, strings.Join(order(m), " "), "after %v", press.k)
	}
	m.looked([]watch.Look{queueLook("a", 1, 0, 0), queueLook("d", 1, 0, 0)}, nil, noon)
	require.Equal(t, []string{"d", "a"}, order(m), "the order stays")
}

func TestChoiceFollowsTheQueue(t *testing.T) {
	t.Parallel()
	m := testModel(80, 24)
	all := func(names string) {
		var looks []watch.Look
		for _, name := range strings.Fields(names) {
			looks = append(looks, queueLook(name, 1, 0, 0))
		}
		m.looked(looks, nil, noon)
	}
	m.press(keyEnter)
	require.False(t, m.closer, "nothing to look at")
	all("b c d")
	require.Equal(t, "b", m.at)
	m.press(keyDown)
	all("a b c d")
	require.Equal(t, "c", m.at)
	m.press(keyEnter)
	require.True(t, m.closer)
	all("a b d")
	require.False(t, m.closer, "it is gone")
	require.Equal(t, "d", m.at, "what stands in its place")
	m.press(keyDown)
	require.Equal(t, "d", m.at)
	all("a")
	require.Equal(t, "a", m.at)
	all("")
	require.Nil(t, m.chosen())
	m.press(keyUp)
	m.looked(nil, errors.New("no directory"), noon)
	require.Contains(t, m.frame()[2].text, "no directory")
}

func TestKeysOfTheViews(t *testing.T) {
	t.Parallel()
	m := testModel(80, 24)
	m.looked([]watch.Look{queueLook("a", 1, 0, 0)}, nil, noon)
	text := func() string { return fmt.Sprint(m.frame()) }
	m.press("?")
	require.Contains(t, text(), "any key goes back")
	m.press("d")
	require.NotContains(t, text(), "any key goes back")
	require.Equal(t, key("n"), m.queues.by, "that key only closed the help")
	m.press(keyRight)
	require.Contains(t, text(), "queue a: 100 slots")
	m.press(keyLeft)
	require.Contains(t, text(), "> a ")
	require.True(t, m.press("q"))
}

func TestFrameFitsEveryScreen(t *testing.T) {
	t.Parallel()
	m := testModel(80, 24)
	var looks []watch.Look
	for i := range 40 {
		l := queueLook(fmt.Sprintf("queue%02d", i), i, 1e7, uint64(i%5))
		for seat := range i {
			l.Info.Participants = append(l.Info.Participants, shmq.Participant{Seat: seat, Role: shmq.Producer, Alive: true, Command: "漢字漢字漢字漢字"})
		}
		looks = append(looks, l)
	}
	m.looked(append(looks, watch.Look{Name: "zbad", Err: errors.New(strings.Repeat("bad ", 50))}), nil, noon)
	for _, k := range []key{"n", keyEnd, keyUp, keyEnter, "?"} { // names turned round
		m.press(k)
		for _, rows := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 24, 60} {
			for _, columns := range []int{1, 2, 10, 40, 80, 109, 110, 200} {
				m.rows, m.columns = rows, columns
				frame := m.frame()
				require.Len(t, frame, rows, "%d columns", columns)
				for _, l := range frame {
					require.LessOrEqual(t, cells.Width(l.text), columns)
				}
				if k == keyUp && rows > 3 && columns > 10 {
					require.Contains(t, fmt.Sprint(frame), "> queue00", "the chosen one is seen, %d rows", rows)
				}
			}
		}
	}
}

func TestHistoryIsOfOneQueue(t *testing.T) {
	t.Parallel()
	m := testModel(80, 24)
	for depth := range historyLen + 3 {
		m.looked([]watch.Look{queueLook("a", depth, 0, 0)}, nil, noon)
	}
	require.Len(t, m.history["a"].depths, historyLen)
	require.Equal(t, historyLen+2, m.history["a"].depths[historyLen-1])
	again := queueLook("a", 7, 0, 0)
	again.Info.CreationID = "another"
	m.looked([]watch.Look{again}, nil, noon)
	require.Equal(t, []int{7}, m.history["a"].depths)
	m.looked(nil, nil, noon)
	require.Empty(t, m.history)
}

func TestParticipantsOfOneQueue(t *testing.T) {
	t.Parallel()
	m := testModel(80, 24)
	l := queueLook("a", 50, 0, 0)
	who := func(seat int, role shmq.Role, alive, stopped bool, held time.Time) {
		l.Info.Participants = append(l.Info.Participants, shmq.Participant{Seat: seat, Role: role, PID: 100 + seat, Command: "app", Alive: alive, Stopped: stopped, HeldSince: held})
		l.Flow.Participants = append(l.Flow.Participants, flow.Participant{Seat: seat, PID: 100 + seat, Change: flow.Stayed, Rates: flow.Rates{Records: float64(10 * seat), Bytes: 2048}})
	}
	who(0, shmq.Consumer, true, false, noon.Add(-5*time.Second))
	who(1, shmq.Producer, false, false, time.Time{})
	who(2, shmq.Consumer, true, true, noon.Add(-192*time.Second))
	m.looked([]watch.Look{l}, nil, noon)
	m.press(keyEnter)
	rows := func() (rows []line) {
		for _, r := range m.frame() {
			if strings.Contains(r.text, " app ") {
				rows = append(rows, r)
			}
		}
		return rows
	}
	require.Equal(t, []line{
		{"   0 consumer     100 app               0 things               5s      0    2048", plain},
		{"   1 producer     101 app        dead   0 things                -     10    2048", alarm},
		{"   2 consumer     102 app        stop   0 things            3m12s     20    2048", alarm},
	}, rows())
	seats := func() (s string) {
		for _, r := range rows() {
			s += strings.Fields(r.text)[0]
		}
		return s
	}
	m.press("r")
	require.Equal(t, "210", seats())
	m.press("a")
	require.Equal(t, "201", seats(), "the longest first, none last")
	m.press("a")
	require.Equal(t, "102", seats())
	l.Info.Participants[2].Frozen = true
	require.Contains(t, fmt.Sprint(rows()), " frozen ", "that comes first: SIGCONT has no effect")
	m.now = noon.Add(time.Minute)
	require.Contains(t, fmt.Sprint(m.frame()), "records   1m00s ago: 0 waiting")
}

func TestAges(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 59 * time.Second: "59s", 192 * time.Second: "3m12s", 2*time.Hour + 5*time.Minute: "2h05m", 99*time.Hour + time.Minute: "4d03h",
	} {
		require.Equal(t, want, ageText(d))
	}
}
