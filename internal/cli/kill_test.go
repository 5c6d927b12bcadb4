//go:build linux

package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// maxStuck is how long a survivor may stand still after a death.
const maxStuck = time.Second

// Senders and receivers are killed in full flow, one after the other, and replaced.
// The lines of dead and living processes add up: all lines that a survivor sent are there, and
// of a dead sender's lines the first so many; a line that is there twice is flagged. And
// no survivor stands still for long. Twenty kills; with SHMQ_LONG=1 two hundred.
func TestKillInFullFlow(t *testing.T) {
	kills := 5
	if testproc.Long() {
		kills = 50
	}
	var all flowStats
	for _, o := range testagent.Modes() {
		t.Run(fmt.Sprintf("%v to %v", o.Producers, o.Consumers), func(t *testing.T) {
			killInFullFlow(t, o, kills, &all)
		})
	}
	t.Logf("%d kills, %d records, %d of them flagged, %d written twice, longest standstill of a survivor %v",
		all.kills, all.records, all.flagged, all.twice, all.longest.Round(time.Millisecond))
}

type flowStats struct {
	kills, records, flagged, twice int
	longest                        time.Duration
}

func killInFullFlow(t *testing.T, o shmq.Options, kills int, all *flowStats) {
	f := &flow{t: t, queue: queuePath(t), dir: t.TempDir(), stats: all}
	o.Slots = flowSlots
	require.NoError(t, shmq.Create(f.queue, &o))
	// These may be killed: any one on a side of many, where one more survives. Where
	// both sides are single, the receiver, and its successor lets the sender go on.
	var roles []shmq.Role
	if o.Producers == shmq.Many {
		roles = append(roles, shmq.Producer)
	}
	if o.Consumers == shmq.Many || len(roles) == 0 {
		roles = append(roles, shmq.Consumer)
	}
	single := o.Producers == shmq.One && o.Consumers == shmq.One
	survivors := []*process{f.start(shmq.Producer)}
	if !single {
		survivors = append(survivors, f.start(shmq.Consumer))
	}
	victims := make([]*process, len(roles))
	for i, role := range roles {
		victims[i] = f.start(role)
	}
	for n := range kills {
		i := n % len(roles)
		until(t, "a victim in full flow", func() bool { return f.done(victims[i]) > 0 })
		time.Sleep(rand.N(10 * time.Millisecond)) // at any moment
		f.kill(victims[i])
		if single {
			victims[i] = f.start(roles[i])
			until(t, "a successor", func() bool { return f.done(victims[i]) > 0 })
		}
		f.requireFlow(survivors)
		if !single {
			victims[i] = f.start(roles[i])
		}
	}
	f.finish(append(survivors, victims...))
	f.reckon()
}

// numbered is the input of a sender: lines with its number and their own, until it is
// told to end.
type numbered struct {
	id, lines int
	end       atomic.Bool
	rest      []byte
	killed    bool
}

func (in *numbered) Read(b []byte) (n int, err error) {
	for n < len(b) {
		if len(in.rest) == 0 {
			if in.end.Load() {
				return n, io.EOF
			}
			in.rest = fmt.Appendf(in.rest, "%d.%d\n", in.id, in.lines)
			in.lines++
		}
		k := copy(b[n:], in.rest)
		in.rest = in.rest[k:]
		n += k
	}
	return n, nil
}

// flow is senders and receivers at work on a queue.
type flow struct {
	t       *testing.T
	queue   string
	dir     string
	inputs  []*numbered
	outputs []string
	stats   *flowStats
}

func (f *flow) start(role shmq.Role) *process {
	f.t.Helper()
	if role == shmq.Producer {
		in := &numbered{id: len(f.inputs)}
		f.inputs = append(f.inputs, in)
		return start(f.t, in, nil, "shmq-send", f.queue)
	}
	out, err := os.Create(filepath.Join(f.dir, strconv.Itoa(len(f.outputs))))
	require.NoError(f.t, err)
	defer out.Close()
	f.outputs = append(f.outputs, out.Name())
	return start(f.t, nil, out, "shmq-recv", f.queue, "--show-redelivered")
}

// done is how many records a process has sent or acknowledged.
func (f *flow) done(p *process) uint64 {
	info, err := shmq.Stat(f.queue)
	require.NoError(f.t, err)
	for _, part := range info.Participants {
		if part.PID == p.Process.Pid {
			return part.Records
		}
	}
	return 0
}

func (f *flow) kill(p *process) {
	f.t.Helper()
	require.NoError(f.t, p.Process.Kill())
	p.done <- <-p.done // which the cleanup looks for
	require.Equal(f.t, -1, p.ProcessState.ExitCode(), "%v ended before it was killed: %s", p.Args, p.stderr.String())
	if in, ok := p.Stdin.(*numbered); ok {
		in.killed = true
	}
	f.stats.kills++
}

const flowSlots = 256

// requireFlow wants records to go round the ring soon, by the hands of each of them:
// what a dead one holds stops the flow only when the ring comes round to it.
func (f *flow) requireFlow(ps []*process) {
	f.t.Helper()
	stalls, begin := testproc.WatchStalls(), time.Now()
	var goals []uint64
	for _, p := range ps {
		goals = append(goals, f.done(p)+2*flowSlots)
	}
	for i, p := range ps {
		until(f.t, "a survivor that goes on", func() bool { return f.done(p) >= goals[i] })
	}
	took := time.Since(begin)
	for _, s := range stalls.Stop() {
		took -= time.Duration(s.To - s.From)
	}
	require.LessOrEqual(f.t, took, maxStuck)
	f.stats.longest = max(f.stats.longest, took)
}

// finish lets the senders come to the end of their input, and the receivers to an empty
// queue.
func (f *flow) finish(ps []*process) {
	f.t.Helper()
	for _, in := range f.inputs {
		in.end.Store(true)
	}
	for _, p := range ps {
		if p.Stdin != nil {
			require.Empty(f.t, p.ends(0))
		}
	}
	until(f.t, "an empty queue", func() bool {
		info, err := shmq.Stat(f.queue)
		require.NoError(f.t, err)
		return info.Depth+info.Records+info.Leased+info.Orphans == 0
	})
	receivers := 0
	for _, p := range ps {
		if p.Stdin == nil {
			receivers++
		}
	}
	until(f.t, "receivers that mind signals", func() bool { return len(attached(f.queue, shmq.Consumer)) == receivers })
	for _, p := range ps { // they went on through the ends of those that were killed
		if p.Stdin == nil {
			require.NoError(f.t, p.Process.Signal(syscall.SIGTERM))
			require.Empty(f.t, p.ends(143))
		}
	}
	drained(f.t, f.queue)
}

// reckon compares what went in with what came out.
func (f *flow) reckon() {
	f.t.Helper()
	type fate struct{ fresh, flagged int }
	fates := make([][]fate, len(f.inputs))
	for i, in := range f.inputs {
		fates[i] = make([]fate, in.lines)
	}
	for _, name := range f.outputs {
		last := map[int]int{}
		for n, l := range f.lines(name) {
			id, seq, again := l[0], l[1], l[2]
			if id >= len(fates) || seq >= len(fates[id]) {
				f.t.Fatalf("%s, line %d: no sender sent %d.%d", name, n, id, seq)
			}
			if again > 0 {
				fates[id][seq].flagged++
				continue
			}
			fates[id][seq].fresh++
			if before, ok := last[id]; ok && seq <= before {
				f.t.Fatalf("%s, line %d: %d.%d came after %d.%d", name, n, id, seq, id, before)
			}
			last[id] = seq
		}
	}
	for id, in := range f.inputs {
		ended := false
		for seq, fate := range fates[id] {
			written := fate.fresh + fate.flagged
			switch {
			case fate.fresh > 1:
				f.t.Fatalf("%d.%d was written twice and not flagged", id, seq)
			case written == 0 && !in.killed:
				f.t.Fatalf("%d.%d was lost", id, seq)
			case written > 0 && ended:
				f.t.Fatalf("%d.%d was sent, and one before it was lost", id, seq)
			}
			ended = ended || written == 0
			if written > 0 {
				f.stats.records++
			}
			if written > 1 {
				f.stats.twice++
			}
			f.stats.flagged += fate.flagged
		}
	}
}

// lines returns the whole lines of a receiver's output, each as sender, number and
// earlier deliveries. The last line of a killed one may be cut off.
func (f *flow) lines(name string) (out [][3]int) {
	f.t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(f.t, err)
	for line := range bytes.Lines(b) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		again, rest, ok1 := strings.Cut(string(line[:len(line)-1]), "\t")
		id, seq, ok2 := strings.Cut(rest, ".")
		a, errA := strconv.Atoi(again)
		i, errI := strconv.Atoi(id)
		n, errN := strconv.Atoi(seq)
		if !ok1 || !ok2 || errors.Join(errA, errI, errN) != nil {
			f.t.Fatalf("%s: torn: %q", name, line)
		}
		out = append(out, [3]int{i, n, a})
	}
	return out
}
