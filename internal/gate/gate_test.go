//go:build linux

package gate_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/gate"
	"github.com/shmq/shmq/internal/mapped"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testdisk"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{testagent.RoleName: testagent.Play, "gate": holdGate})
}

// holdGate QUEUE takes the gate and keeps it.
func holdGate(c *testproc.Child) {
	path, err := shmq.Path(c.Args[0])
	c.Check(err)
	f, err := sys.Open(path, true, false)
	c.Check(err)
	ok, err := f.TryLock(layout.LockImage, true)
	c.Check(err)
	if !ok {
		c.Fail("the gate is taken")
	}
	c.Say("held")
	<-c.Lines
}

func summed() *shmq.Options {
	return &shmq.Options{Slots: 64, SlotSize: 64, Seats: 40, Checksum: true}
}

// broken makes a copy of a queue in use that holds these records, in order.
func broken(t *testing.T, texts ...string) string {
	t.Helper()
	q := testagent.Queue(t, summed())
	p := testagent.Producer(t, q)
	p.Sends(texts...)
	name := testagent.Name(t)
	testdisk.CopyInPieces(t, q, name)
	p.Do("close")
	return name
}

func TestQueueOfTheKilledIsNotRebuilt(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, summed())
	p := testagent.Producer(t, q)
	p.Sends("a", "b")
	p.Kill()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.False(t, info.Broken)
	rec, err := shmq.Recover(q, nil)
	require.NoError(t, err)
	require.Nil(t, rec.Rebuilt)
	require.Len(t, rec.Dead, 1)
	require.Equal(t, testagent.Fresh("a", "b"), testagent.Consumer(t, q).Lease(2))
}

// The file that the last one leaves is of one moment, whenever it is copied.
func TestCopyOfAQueueThatAllHaveLeftIsWhole(t *testing.T) {
	t.Parallel()
	q, name := testagent.Queue(t, summed()), testagent.Name(t)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("a", "b", "c")
	require.Equal(t, testagent.Fresh("a"), c.Lease(1))
	c.Do("ack 0")
	p.Do("close")
	testdisk.CopyInPieces(t, q, name)
	info, err := shmq.Stat(name)
	require.NoError(t, err)
	require.True(t, info.Broken, "one is attached")
	require.NoError(t, os.Remove(testagent.Path(t, name)))

	c.Do("close")
	testdisk.CopyInPieces(t, q, name)
	info, err = shmq.Stat(name)
	require.NoError(t, err)
	require.False(t, info.Broken)
	require.Equal(t, testagent.Fresh("b", "c"), testagent.Consumer(t, name).Lease(2))
}

func TestRebuildIsLogged(t *testing.T) {
	t.Parallel()
	name := broken(t, "a", "b", "c")
	var text bytes.Buffer
	in := testagent.OpenConsumer(t, name, &consumer.Options{Logger: slog.New(slog.NewTextHandler(&text, nil))})
	require.Contains(t, text.String(), "level=WARN")
	require.Contains(t, text.String(), fmt.Sprintf("queue=%s records=3 torn=0", name))
	text.Reset()
	second := testagent.OpenConsumer(t, name, &consumer.Options{Logger: slog.New(slog.NewTextHandler(&text, nil))})
	require.Empty(t, text.String())
	require.NoError(t, in.Close())
	require.NoError(t, second.Close())
}

func TestRecoverRebuilds(t *testing.T) {
	t.Parallel()
	name := broken(t, "a", "b", "c")
	before, err := os.ReadFile(testagent.Path(t, name))
	require.NoError(t, err)
	for _, dry := range []bool{true, true, false} {
		rec, err := shmq.Recover(name, &shmq.RecoverOptions{DryRun: dry})
		require.NoError(t, err)
		require.Equal(t, &ring.Rebuilt{Records: 3}, rec.Rebuilt)
		require.Empty(t, rec.Dead)
		after, err := os.ReadFile(testagent.Path(t, name))
		require.NoError(t, err)
		require.Equal(t, dry, bytes.Equal(before, after), "a dry run changes nothing")
	}
	rec, err := shmq.Recover(name, nil)
	require.NoError(t, err)
	require.Nil(t, rec.Rebuilt, "once is enough")
	c := testagent.Consumer(t, name)
	for _, text := range []string{"a", "b", "c"} {
		require.Equal(t, testagent.Again(1, text), c.Lease(1))
	}
}

// Of many that come at once to a queue in pieces one rebuilds it, and the others wait.
func TestManyComeToABrokenQueue(t *testing.T) {
	t.Parallel()
	var texts []string
	for i := range 40 {
		texts = append(texts, fmt.Sprint("record", i))
	}
	name := broken(t, texts...)
	var agents []*testagent.Agent
	for range 6 {
		agents = append(agents, testagent.New(t))
	}
	for _, a := range agents {
		a.Say("consumer %s", name)
	}
	for _, a := range agents {
		a.Expect("ok")
	}
	var got []string
	for i := range texts {
		got = append(got, testagent.Texts(agents[i%len(agents)].Lease(1))...)
	}
	require.ElementsMatch(t, texts, got)
	info, err := shmq.Stat(name)
	require.NoError(t, err)
	require.Len(t, info.Participants, len(agents))
}

// A participant that is killed while it attaches, rebuilds or leaves does not hurt the next.
func TestKilledAtTheGate(t *testing.T) {
	t.Parallel()
	rounds := 10
	if testproc.Long() {
		rounds = 500
	}
	for range rounds {
		name := broken(t, "a", "b", "c")
		for i := range 3 {
			c := testagent.New(t)
			c.Say("consumer %s", name)
			time.Sleep(time.Duration(i) * 200 * time.Microsecond) // any moment will do
			c.Kill()
		}
		c := testagent.Consumer(t, name)
		for _, text := range []string{"a", "b", "c"} {
			require.Equal(t, []string{text}, testagent.Texts(c.Lease(1)))
		}
	}
}

func TestGateIsWaitedFor(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, summed())
	holder := testproc.Start(t, "gate", q)
	holder.Expect("held")
	a := testagent.New(t)
	a.Say("producer %s", q)
	err := shmq.Remove(q)
	require.ErrorIs(t, err, shmq.ErrInUse)
	require.True(t, a.Silent(), "it is not in: Remove tried for longer than an attachment does")
	holder.Kill()
	a.Expect("ok")

	holder = testproc.Start(t, "gate", q)
	holder.Expect("held")
	a.Do("send x")
	a.Do("close") // does not wait for ever
	holder.Kill()
	require.Equal(t, testagent.Fresh("x"), testagent.Consumer(t, q).Lease(1), "it left as the killed do")
}

func TestGateIsNotWaitedForForEver(t *testing.T) {
	q := testagent.Queue(t, summed())
	testproc.Start(t, "gate", q).Expect("held")
	defer gate.SetPatience(20 * time.Millisecond)()
	_, err := attach.To(q, shmq.Producer, nil)
	require.ErrorIs(t, err, shmq.ErrInUse)
	require.ErrorContains(t, err, "attaching, detaching or rebuilding it for long")
	require.True(t, strings.HasPrefix(err.Error(), "shmq: attach to queue"), err)
	_, err = shmq.Recover(q, nil)
	require.NoError(t, err, "nothing to do, no gate to wait at")
}

// A queue in memory whose participant was killed is rebuilt when it is seen through another
// mount, where the file is the same: its positions may go back, so an incarnation begins.
func TestARebuildBeginsAnIncarnationWhereTheFileIsTheSame(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, summed())
	p := testagent.Producer(t, q)
	p.Sends("a", "b")
	p.Kill()
	m, err := mapped.Open(q, true)
	require.NoError(t, err)
	_, tail := m.Ring.Positions()
	before := m.Ring.NewLineage().Of(tail)
	m.Ring.SetImage(m.Ring.Image() + 1)
	rec, err := shmq.Recover(q, nil)
	require.NoError(t, err)
	require.NotNil(t, rec.Rebuilt)
	require.NotEqual(t, before, m.Ring.NewLineage().Of(tail))
	require.Equal(t, before, m.Ring.NewLineage().Of(tail-1), "what was sent before keeps its own")
	require.NoError(t, m.Close())
}
