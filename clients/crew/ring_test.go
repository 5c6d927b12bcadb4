//go:build linux

package crew

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

// ring is the hops that parcels go past, and the queues between them: hop i takes from queue i-1 and sends
// to queue i, the last of which leads to the first hop.
type ring struct {
	t      *testing.T
	random *rand.Rand
	dir    string
	queues []string
	hops   []*hop
	total  int // parcels
	window int // on their way at a time
	lives  int
	pair   *pair // the one under way, or nil
}

// hop is the lives of a worker, one after another.
type hop struct {
	language
	plan  []death // of the lives that are to come, "" at the end: that one ends in order
	lives []*hopLife
}

// pair is a hop that dies while the next one is dead, and comes back before that one does: so the next one is
// told that a stream was broken off when the last stream ends, and not before.
type pair struct {
	hop       int
	successor *hopLife // of the first hop, once it was started
}

type hopLife struct {
	*testproc.Proc
	number  int
	journal string
	plan    death
	quota   int64 // of entries, after which it is killed from outside
	paired  bool  // as a pair
	began   int64
	ended   int64
}

// killed is the death of a life that is killed from outside, at whatever instruction, after so many
// entries of its journal.
const killed = death("killed:")

// paired is killed, as a pair with the next hop.
const paired = death("paired:")

func newRing(t *testing.T, opts shmq.Options, crew []language, total, kills int, random *rand.Rand) *ring {
	r := &ring{t: t, random: random, dir: t.TempDir(), total: total, window: 100}
	opts.Slots, opts.SlotSize, opts.Seats = 256, 256, 8
	for _, l := range crew {
		r.queues = append(r.queues, testagent.Queue(t, &opts))
		r.hops = append(r.hops, &hop{language: l, plan: r.plan(kills)})
	}
	return r
}

// plan has two deaths of a life's own choice, before it sends a parcel and between that and the
// acknowledgement, and kills from outside, one of them as a pair. Each comes after a number of parcels, few
// enough that all of them come before the last parcel, also if one life is killed as the second of a pair.
func (r *ring) plan(kills int) (plan []death) {
	kinds := []death{"taken:", "sent:", paired}
	for range kills {
		kinds = append(kinds, killed)
	}
	r.random.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	for _, k := range kinds {
		plan = append(plan, k+death(strconv.Itoa(1+r.random.IntN(r.total/(len(kinds)+2)))))
	}
	return append(plan, "")
}

func (r *ring) name(i int) string { return r.hops[i].name }

// start starts the next life of hop i.
func (r *ring) start(i int) {
	r.t.Helper()
	h := r.hops[i]
	r.lives++
	l := &hopLife{number: r.lives, journal: filepath.Join(r.dir, fmt.Sprintf("%d-%s", r.lives, h.name)), plan: h.plan[0], began: now()}
	h.plan = h.plan[1:]
	require.NoError(r.t, os.WriteFile(l.journal, nil, 0o600))
	if at, ok := strings.CutPrefix(string(l.plan), string(paired)); ok {
		l.plan, l.paired = killed+death(at), true
	}
	asked := string(l.plan)
	if at, ok := strings.CutPrefix(asked, string(killed)); ok {
		n, err := strconv.ParseInt(at, 10, 64)
		require.NoError(r.t, err)
		l.quota, asked = n, "-"
		if i == 0 {
			l.quota *= 2 // it notes what it sends and what comes back
		}
	} else if asked == "" {
		asked = "-"
	}
	from := r.queues[(i+len(r.queues)-1)%len(r.queues)]
	args := []string{h.name, strconv.Itoa(l.number), from, r.queues[i], l.journal, asked}
	part := "relay"
	if i == 0 {
		part = "start"
		var names []string
		for i := range r.hops {
			names = append(names, r.name(i))
		}
		args = append(args, strconv.Itoa(r.total), strconv.Itoa(r.window), strings.Join(names, ","))
		for _, before := range h.lives {
			args = append(args, before.journal)
		}
	}
	l.Proc = h.language.start(r.t, part, args...)
	h.lives = append(h.lives, l)
}

// run lets the parcels go round until the last life of each hop has left.
func (r *ring) run() {
	r.t.Helper()
	for i := range r.hops {
		r.start(i)
	}
	running := len(r.hops)
	progress, size := time.Now(), int64(0)
	for running > 0 {
		time.Sleep(500 * time.Microsecond)
		r.resume()
		all := int64(0)
		for i, h := range r.hops {
			l := h.lives[len(h.lives)-1]
			if l.ended == 0 && r.attend(i, l) {
				running--
			}
			all += l.size(r.t)
		}
		if all != size {
			progress, size = time.Now(), all
		}
		if time.Since(progress) > testproc.Patience {
			r.t.Fatalf("nothing goes on any more: %s", r.scene())
		}
	}
}

// attend looks after a life, and reports whether it has left and is the last of its hop.
func (r *ring) attend(i int, l *hopLife) bool {
	r.t.Helper()
	h := r.hops[i]
	if l.quota > 0 && l.size(r.t) >= l.quota*entrySize {
		if l.paired && !r.killNext(i) {
			return false
		}
		l.ended = now()
		require.NoError(r.t, syscall.Kill(l.PID(), syscall.SIGKILL))
	} else if l.State() != "Z" {
		return false
	}
	if l.ended == 0 {
		es := entries(r.t, l.journal)
		if len(es) == 0 || es[len(es)-1].kind == left || es[len(es)-1].kind == failed {
			l.Expect("left")
			l.Exit()
			l.ended = now()
			require.Empty(r.t, h.plan, "%s %d left in the middle", h.name, l.number)
			return true
		}
		l.ended = es[len(es)-1].at
	}
	l.Kill()
	require.True(r.t, l.WasKilled(), "%s %d ended by itself", h.name, l.number)
	require.NotEmpty(r.t, l.plan, "%s %d was killed by somebody", h.name, l.number)
	r.start(i)
	if l.paired {
		r.pair.successor = h.lives[len(h.lives)-1]
	}
	return false
}

// killNext kills the hop behind i, for a pair, and reports whether parcels wait for it, so that i can follow.
func (r *ring) killNext(i int) bool {
	r.t.Helper()
	h := r.hops[(i+1)%len(r.hops)]
	if r.pair == nil {
		l := h.lives[len(h.lives)-1]
		if l.State() == "Z" {
			return false // by itself; its successor is the one
		}
		l.ended = now()
		l.Kill()
		h.plan = append([]death{l.planned()}, h.plan...)
		l.plan, l.paired = killed+"0", false
		r.pair = &pair{hop: i}
	}
	if r.pair.hop != i {
		return false
	}
	info, err := shmq.Stat(r.queues[i])
	require.NoError(r.t, err)
	return info.Depth > 0
}

// planned is the death that was planned for the life.
func (l *hopLife) planned() death {
	if l.paired {
		return paired + death(strings.TrimPrefix(string(l.plan), string(killed)))
	}
	return l.plan
}

// resume ends a pair: the second hop comes back when the first one sends again.
func (r *ring) resume() {
	r.t.Helper()
	if r.pair != nil && r.pair.successor != nil && r.pair.successor.size(r.t) > 0 {
		r.start((r.pair.hop + 1) % len(r.hops))
		r.pair = nil
	}
}

func (l *hopLife) size(t *testing.T) int64 {
	t.Helper()
	info, err := os.Stat(l.journal)
	require.NoError(t, err)
	return info.Size()
}

// scene describes hops and queues, for a failure.
func (r *ring) scene() string {
	var b strings.Builder
	for i, h := range r.hops {
		l := h.lives[len(h.lives)-1]
		es := entries(r.t, l.journal)
		fmt.Fprintf(&b, "\n%s %d (pid %d): state %s, %d entries", h.name, l.number, l.PID(), l.State(), len(es))
		if len(es) > 0 {
			fmt.Fprintf(&b, ", the last %+v", es[len(es)-1])
		}
		info, err := shmq.Stat(r.queues[i])
		fmt.Fprintf(&b, "\nits queue: %+v %v", info, err)
	}
	for _, c := range r.settle() {
		b.WriteString("\n" + c)
	}
	return b.String()
}

// The ring of five: Python, Go, Rust, JavaScript and C, each the consumer of one queue and the producer of
// the next. Each is killed on its way. It takes languages that are there; it starts in Python.
func testRing(t *testing.T, crew map[string]language) {
	var hops []language
	for _, name := range []string{"python", "go", "rust", "node", "c"} {
		if l, ok := crew[name]; ok {
			hops = append(hops, l)
		}
	}
	if hops[0].name != "python" {
		t.Skip("the ring starts in Python")
	}
	total, kills := 20_000, 1
	if testproc.Long() {
		total, kills = 1_000_000, 6
	}
	total = envInt(t, "SHMQ_CREW_PARCELS", total)
	require.GreaterOrEqual(t, total, 2000, "all deaths have to come before the last parcel")
	seed := uint64(envInt(t, "SHMQ_CREW_SEED", int(rand.Uint32())))
	t.Logf("SHMQ_CREW_SEED=%d", seed)
	for n, opts := range []shmq.Options{testagent.Modes()[0], testagent.Modes()[3]} {
		t.Run(fmt.Sprintf("%v to %v", opts.Producers, opts.Consumers), func(t *testing.T) {
			r := newRing(t, opts, hops, total, kills, rand.New(rand.NewPCG(seed, uint64(n))))
			began := time.Now()
			r.run()
			t.Logf("%d parcels went round in %v", total, time.Since(began).Round(time.Millisecond))
			complaints := r.settle()
			require.Empty(t, complaints, "%s", strings.Join(complaints, "\n"))
			for _, q := range r.queues {
				requireEmpty(t, q)
			}
		})
	}
}

// requireEmpty wants a queue that all have left to hold nothing, and nobody.
func requireEmpty(t *testing.T, queue string) {
	t.Helper()
	_, err := shmq.Recover(queue, nil)
	require.NoError(t, err)
	info, err := shmq.Stat(queue)
	require.NoError(t, err)
	require.Empty(t, info.Participants)
	require.Equal(t, []int{0, 0, 0, 0}, []int{info.Records, info.Claimed, info.Leased, info.Orphans})
	d, err := shmq.Check(queue)
	require.NoError(t, err)
	require.False(t, d.Damaged(), "%+v", d.Findings)
}
