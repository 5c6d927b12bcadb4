//go:build shmqstep

package ring_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unsafe"

	"github.com/shmq/shmq/internal/atomics"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/layout"
)

// store is one store to shared memory, of the unit at off.
type store struct {
	off     uint64
	value   uint64
	release bool // atomic: what came before it in the program is visible before it
}

// unitAt is how many bytes the store at off writes. Seat entries have fields of four
// bytes; everywhere else eight are written at once, or as many as are taken for it.
func unitAt(g layout.Geometry, off uint64) int {
	if off >= layout.SeatOffset && off < g.SlotOffset() {
		return 4
	}
	return 8
}

func unit(b []byte, size int) uint64 {
	if size == 4 {
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// tape records the stores that one participant makes, in order. The hook before each
// atomic access tells where that one goes; what else changed between two hooks was
// stored plainly in between.
type tape struct {
	region *ringtest.Region
	begin  []byte // the region before the first store
	seen   []byte // the region as it was at the last look
	next   int64  // offset of the atomic access under way, -1 for none
	stores []store
	looks  []int // numbers of stores after which the tape looked
}

func newTape(m *ringtest.Region) *tape {
	return &tape{region: m, begin: slices.Clone(m.Bytes), seen: slices.Clone(m.Bytes), next: -1}
}

// record runs f, which is the only one to use the region meanwhile.
func (t *tape) record(f func()) {
	base := uintptr(unsafe.Pointer(&t.region.Bytes[0]))
	atomics.SetHook(func(addr unsafe.Pointer, op atomics.Op) {
		t.look()
		if off := uintptr(addr) - base; op != atomics.OpLoad && off < uintptr(len(t.seen)) {
			t.next = int64(off)
		}
	})
	defer atomics.SetHook(nil)
	f()
	t.look()
}

// look notes what changed since the last time: the atomic access first, since
// everything else came after it.
func (t *tape) look() {
	if t.next >= 0 {
		t.compare(uint64(t.next), true)
		t.next = -1
	}
	t.looks = append(t.looks, len(t.stores))
	now := t.region.Bytes
	for line := layout.HotOffset; line < len(now); line += layout.LineSize {
		if bytes.Equal(now[line:line+layout.LineSize], t.seen[line:line+layout.LineSize]) {
			continue
		}
		for off := uint64(line); off < uint64(line)+layout.LineSize; off += uint64(unitAt(t.region.Geometry, off)) {
			t.compare(off, false)
		}
	}
	t.looks = append(t.looks, len(t.stores))
}

func (t *tape) compare(off uint64, release bool) {
	n := unitAt(t.region.Geometry, off)
	now := t.region.Bytes[off:][:n]
	if !bytes.Equal(now, t.seen[off:][:n]) {
		copy(t.seen[off:], now)
		t.stores = append(t.stores, store{off, unit(now, n), release})
	}
}

func (t *tape) apply(image []byte, s store) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], s.value)
	copy(image[s.off:], b[:unitAt(t.region.Geometry, s.off)])
}

// cut is where a participant dies: it certainly made the first lo stores, and none
// from hi on.
type cut struct{ lo, hi int }

// ordered are the orders in which a copy may store: the instruction that does it is
// the library's choice.
type ordered int

const (
	ascending ordered = iota
	descending
	shuffled
)

// prefixes calls f with the image after each number of stores. Stores between two
// looks were plain and come in the order that is asked for; images that are the same
// in ascending order are left out of the others.
func (t *tape) prefixes(how ordered, rng *rand.Rand, f func(image []byte, at cut) bool) bool {
	stores := slices.Clone(t.stores)
	inner := make([]bool, len(stores)+1)
	for i := 1; i < len(t.looks); i++ {
		from, to := t.looks[i-1], t.looks[i]
		switch how {
		case descending:
			slices.Reverse(stores[from:to])
		case shuffled:
			rng.Shuffle(to-from, func(a, b int) { stores[from+a], stores[from+b] = stores[from+b], stores[from+a] })
		}
		for n := from + 1; n < to; n++ {
			inner[n] = true
		}
	}
	image := slices.Clone(t.begin)
	for n := 0; ; n++ {
		if (how == ascending || inner[n]) && !f(image, cut{n, n}) {
			return false
		}
		if n == len(stores) {
			return true
		}
		t.apply(image, stores[n])
	}
}

// subsets calls f with images in which some of the plain stores between two releases
// were made and others not, up to most for each such group.
func (t *tape) subsets(most int, rng *rand.Rand, f func(image []byte, at cut) bool) bool {
	image := slices.Clone(t.begin)
	for from := 0; from < len(t.stores); {
		to := from
		for to < len(t.stores) && !t.stores[to].release {
			to++
		}
		if to-from >= 2 {
			for range most {
				some := slices.Clone(image)
				for _, s := range t.stores[from:to] {
					if rng.IntN(2) == 0 {
						t.apply(some, s)
					}
				}
				if !f(some, cut{from, to}) {
					return false
				}
			}
		}
		for _, s := range t.stores[from:min(to+1, len(t.stores))] {
			t.apply(image, s)
		}
		from = to + 1
	}
	return true
}

// listing tells the stores, with a line where at is.
func (t *tape) listing(at cut) string {
	var b strings.Builder
	ref := t.region.Hot(layout.HotHead)
	for n := 0; n <= len(t.stores); n++ {
		if n == at.lo || n == at.hi {
			fmt.Fprintf(&b, "    ---- died here\n")
		}
		if n < len(t.stores) {
			s := t.stores[n]
			how := "plain"
			if s.release {
				how = "atomic"
			}
			fmt.Fprintf(&b, "    %3d %-6s %s\n", n, how, describe(t.region.Geometry, s.off, s.value, ref))
		}
	}
	return b.String()
}
