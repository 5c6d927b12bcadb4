//go:build linux

package system_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/ring/inspect"
)

// wreck is a queue's file as a killed producer, on seat 0, and a killed consumer, on
// seat 1, left it: "one" at position 0, leased; a record of two slots at 1; "three" at 3;
// a reservation of two slots at 4.
type wreck struct {
	opts  shmq.Options
	bytes []byte
}

func newWreck(t *testing.T, opts shmq.Options) *wreck {
	opts.Slots, opts.SlotSize, opts.Seats = 8, 64, 4
	q := testagent.Queue(t, &opts)
	p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
	p.Sends("one", strings.Repeat("x", 100), "three")
	p.Do("reserve 100")
	c.Lease(1)
	p.Kill()
	c.Kill()
	path, err := shmq.Path(q)
	require.NoError(t, err)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return &wreck{opts, b}
}

// Places in such a file.
const (
	wreckSlots = 12288
	wreckShift = 3
)

func hotAt(off int) int                { return layout.HotOffset + off }
func seatAt(i, off int) int            { return layout.SeatOffset + i*layout.SeatSize + off }
func slotAt(i, off int) int            { return wreckSlots + i*layout.SlotSize + off }
func le64(v uint64) []byte             { return binary.LittleEndian.AppendUint64(nil, v) }
func le32(v uint32) []byte             { return binary.LittleEndian.AppendUint32(nil, v) }
func word(w layout.Word) []byte        { return le64(uint64(w)) }
func oneTaker(o *shmq.Options) bool    { return o.Consumers == shmq.One }
func manyTakers(o *shmq.Options) bool  { return o.Consumers == shmq.Many }
func manySenders(o *shmq.Options) bool { return o.Producers == shmq.Many }
func oneSender(o *shmq.Options) bool   { return o.Producers == shmq.One }
func both(o *shmq.Options) bool        { return manyTakers(o) && manySenders(o) }

// mutations are all kinds of damage, each with the finding that names it.
var mutations = []struct {
	name  string
	only  func(*shmq.Options) bool
	at    int
	bytes []byte
	kind  string
	says  string
}{
	{"magic", nil, layout.OffMagic, []byte("SHMQ"), "file", `"SHMQ`},
	{"version", nil, layout.OffVersion, le32(9), "header", "version 9; 3"},
	{"flags", nil, layout.OffFlags, le32(1 << 31), "header", "flags 0x80000000"},
	{"checksum", nil, layout.OffHeaderCRC, le32(1), "header", "checksum 0x00000001"},
	{"creation time", nil, layout.OffCreated, le64(1), "header", "checksum"},
	{"too many seats", nil, layout.OffSeats, le32(5000), "header", "seats"},
	{"slots not a power of two", nil, layout.OffSlots, le64(7), "header", "7 slots"},
	{"other slots", nil, layout.OffSlots, le64(1 << 10), "header", "data areas 16384; "},
	{"slot size", nil, layout.OffAreaSize, le64(3), "header", "slot size 3"},
	{"header size", nil, layout.OffHeaderSize, le32(1), "header", "header size 1; 4096"},
	{"hot words elsewhere", nil, layout.OffHot, le64(0), "header", "hot words 0; 4096"},
	{"slot table elsewhere", nil, layout.OffSlotTable, le64(1 << 60), "header", "slot table"},
	{"total size", nil, layout.OffTotalSize, le64(1 << 40), "header", "total size 1099511627776"},

	{"head beyond tail", nil, hotAt(layout.HotHead), le64(100), "positions", "head 100; at most tail"},
	{"head of the future", nil, hotAt(layout.HotHead), le64(1 << 62), "positions", "head"},
	{"tail a lap ahead", nil, hotAt(layout.HotTail), le64(20), "positions", "tail 20; at most head + slots"},
	{"handout", oneTaker, hotAt(layout.HotHandout), le64(1000), "positions", "handout 1000; at most tail"},
	{"finished", nil, hotAt(layout.HotFinished), le64(5), "stream", "finished 5; at most epoch, 1"},
	{"left", nil, hotAt(layout.HotLeft), le64(5), "stream", "left 5; at most epoch"},
	{"told", nil, hotAt(layout.HotTold), le64(5), "stream", "told 5; at most ends"},
	{"met", nil, hotAt(layout.HotMet), le64(5), "stream", "met 5; at most ends + 1"},
	{"turn of no seat", manySenders, hotAt(layout.HotTurn), le64(77), "turn", "seat 76"},
	{"turn of the future", manySenders, hotAt(layout.HotTurn), le64(uint64(layout.TurnOf(0, sys.MonotonicMillis()+1<<20, 0))), "turn", "lapses in"},

	{"unknown state", nil, slotAt(3, 0), le64(0xb), "state", "invalid(11)"},
	{"unknown state of a free slot", nil, slotAt(7, 0), le64(0xf), "state", "invalid(15)"},
	{"k of 0", nil, slotAt(3, 0), word(layout.FullWord(3, 0, wreckShift)), "span", "k=0"},
	{"k over the end", nil, slotAt(3, 0), word(layout.FullWord(3, 6, wreckShift)), "span", "k=6"},
	{"k beyond tail", both, slotAt(3, 0), word(layout.SkipWord(3, 5, wreckShift)), "inner", "claimed by seat 0"},
	{"record of more than half", nil, slotAt(1, 0), word(layout.FullWord(1, 5, wreckShift)), "span", "k from 1 to 4"},
	{"lap of the future", nil, slotAt(3, 0), word(layout.FullWord(3+8*5, 1, wreckShift)), "lap", "position 43"},
	{"next lap", nil, slotAt(3, 0), word(layout.FullWord(3+8, 1, wreckShift)), "lap", "position 11"},
	{"free of the future", nil, slotAt(6, 0), word(layout.FreeWord(6+8*9, wreckShift)), "lap", "free, position 78"},
	{"lap of the past", nil, slotAt(3, 0), word(layout.FullWord(1<<60-5, 1, wreckShift)), "hole", "found full of an earlier lap"},
	{"hole", nil, slotAt(3, 0), word(layout.FreeWord(3, wreckShift)), "hole", "found free"},
	{"claim of a single producer", oneSender, slotAt(3, 0), word(layout.ClaimedWord(3, 1, 0, wreckShift)), "state", "no claims"},
	{"take of a single consumer", oneTaker, slotAt(3, 0), word(layout.ReadingWord(3, 1, 1, false, wreckShift)), "state", "no takes"},
	{"take beyond head", manyTakers, slotAt(3, 0), word(layout.ReadingWord(3, 1, 1, false, wreckShift)), "state", "no take beyond head"},
	{"record behind head", manyTakers, slotAt(0, 0), word(layout.FullWord(0, 1, wreckShift)), "state", "since head is 1"},
	{"claim inside a record", nil, slotAt(2, 0), word(layout.ClaimedWord(2, 1, 0, wreckShift)), "inner", "claimed"},
	{"record inside a record", nil, slotAt(2, 0), word(layout.FullWord(2, 1, wreckShift)), "inner", "full, k=1, position 2"},
	{"freed inside a record", manyTakers, slotAt(2, 0), word(layout.FreeWord(10, wreckShift)), "", "position 10"},
	{"no such seat", both, slotAt(4, 0), word(layout.ClaimedWord(4, 2, 900, wreckShift)), "owner", "no such seat"},
	{"clean seat", both, slotAt(4, 0), word(layout.ClaimedWord(4, 2, 3, wreckShift)), "owner", "that seat is free"},
	{"seat of the other role", both, slotAt(4, 0), word(layout.ClaimedWord(4, 2, 1, wreckShift)), "owner", "role 2"},
	{"reader of the other role", manyTakers, slotAt(0, 0), word(layout.ReadingWord(0, 1, 0, false, wreckShift)), "owner", "role 1"},
	{"length", nil, slotAt(3, layout.SlotLength), le32(49), "length", "length 49; up to 48 bytes"},
	{"length of a large record", nil, slotAt(1, layout.SlotLength), le32(129), "length", "length 129; up to 128"},
	{"length of a leased record", manyTakers, slotAt(0, layout.SlotLength), le32(1 << 31), "length", "2147483648"},

	{"seat state", nil, seatAt(0, layout.SeatState), le32(2), "seat", "state 2"},
	{"seat role", nil, seatAt(1, layout.SeatRole), le32(0), "seat", "role 0; 1 producer or 2 consumer"},
	{"command", nil, seatAt(0, layout.SeatCommand), []byte(strings.Repeat("\x1b", 24)), "seat", "without an end"},
}

func TestCheckNamesEachKindOfDamage(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, opts shmq.Options) {
		w := newWreck(t, opts)
		for _, m := range mutations {
			if m.only != nil && !m.only(&w.opts) {
				continue
			}
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				b := append([]byte(nil), w.bytes...)
				copy(b[m.at:], m.bytes)
				path := filepath.Join(t.TempDir(), "q")
				require.NoError(t, os.WriteFile(path, b, 0o600))
				d, err := shmq.Check(path)
				require.NoError(t, err)
				var said []string
				for _, f := range d.Findings {
					if f.Severity != shmq.Damage {
						continue
					}
					require.NotEmpty(t, f.Means)
					require.NotEmpty(t, f.Remedy)
					line := fmt.Sprintf("%s at %d: %s; %s", f.Kind, f.Offset, f.Found, f.Expected)
					if (m.kind == "" || f.Kind == m.kind) && strings.Contains(line, m.says) {
						return
					}
					said = append(said, line)
				}
				t.Fatalf("want %s: %s; found %d: %s", m.kind, m.says, len(said), strings.Join(said, "\n"))
			})
		}
	})
}

// The traces of dead participants are in order, with a note of each.
func TestCheckOfTheDead(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, opts shmq.Options) {
		w := newWreck(t, opts)
		path := filepath.Join(t.TempDir(), "q")
		require.NoError(t, os.WriteFile(path, w.bytes, 0o600))
		d, err := shmq.Check(path)
		require.NoError(t, err)
		require.False(t, d.Damaged())
		require.Len(t, d.Findings, 2)
		for i, f := range d.Findings {
			require.Equal(t, shmq.Note, f.Severity)
			require.Equal(t, "dead", f.Kind)
			require.Equal(t, i, *f.Seat)
			require.Contains(t, f.Remedy, "shmq recover "+path)
		}
		require.Equal(t, 2, d.Dead)
		_, err = json.Marshal(d)
		require.NoError(t, err)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, w.bytes, after, "it only reads")
	})
}

// A file of any length is explained, and never harms the process that looks.
func TestCheckOfACutFile(t *testing.T) {
	t.Parallel()
	w := newWreck(t, shmq.Options{})
	path := filepath.Join(t.TempDir(), "q")
	for _, n := range []int{0, 1, 7, 8, 100, 4095, 4096, 5000, 8191, 8192, 8300, 12287, 12288, 12300, 12800, 16384, 17000, 20479} {
		require.NoError(t, os.WriteFile(path, w.bytes[:n], 0o600))
		d, err := shmq.Check(path)
		require.NoError(t, err)
		require.True(t, d.Damaged(), "%d bytes", n)
		require.Equal(t, "file", d.Findings[0].Kind, "%d bytes: %+v", n, d.Findings)
		for _, f := range d.Findings[1:] {
			require.Equal(t, shmq.Note, f.Severity, "%d bytes: %+v", n, f)
		}
	}
	require.NoError(t, os.WriteFile(path, append(w.bytes, make([]byte, 5000)...), 0o600))
	d, err := shmq.Check(path)
	require.NoError(t, err)
	require.False(t, d.Damaged(), "longer is no damage")
}

// With checksums it also finds a record whose bytes were changed, and leaves what the machine
// left in pieces to the next process that attaches, to rebuild.
func TestCheckOfChecksums(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, opts shmq.Options) {
		opts.Slots, opts.SlotSize, opts.Seats, opts.Checksum = 8, 64, 4, true
		q := testagent.Queue(t, &opts)
		path, err := shmq.Path(q)
		require.NoError(t, err)
		p := testagent.Producer(t, q)
		p.Sends("one", strings.Repeat("x", 100), "three")
		p.Do("close")
		d, err := shmq.Check(q)
		require.NoError(t, err)
		require.Empty(t, d.Findings)
		testagent.Patch(t, path, int64(slotAt(3, layout.SlotInline)), 0x20202020)
		d, err = shmq.Check(q)
		require.NoError(t, err)
		require.Len(t, d.Findings, 1)
		require.Equal(t, "checksum", d.Findings[0].Kind)
		require.EqualValues(t, 3, *d.Findings[0].Position)
		require.EqualValues(t, slotAt(3, layout.SlotSum), d.Findings[0].Offset)

		_ = testagent.Producer(t, q)
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		copied := filepath.Join(t.TempDir(), "q")
		require.NoError(t, os.WriteFile(copied, b, 0o600))
		d, err = shmq.Check(copied)
		require.NoError(t, err)
		require.Len(t, d.Findings, 1)
		require.Equal(t, "rebuild", d.Findings[0].Kind)
		require.False(t, d.Damaged())
	})
}

// While a process takes part, a finding that rests on a seat is not told as a fact.
func TestCheckIsNotSureOfTheLiving(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 8, SlotSize: 64, Seats: 4})
	p := testagent.Producer(t, q)
	p.Do("reserve 100")
	path, err := shmq.Path(q)
	require.NoError(t, err)
	d, err := shmq.Check(q)
	require.NoError(t, err)
	require.Empty(t, d.Findings)
	require.Equal(t, 1, d.Alive)
	testagent.Patch(t, path, int64(slotAt(0, 0)), uint32(layout.ClaimedWord(0, 2, 3, wreckShift)))
	d, err = shmq.Check(q)
	require.NoError(t, err)
	require.Len(t, d.Findings, 1)
	require.Equal(t, shmq.Maybe, d.Findings[0].Severity)
	require.Equal(t, inspect.FaultOwner, d.Findings[0].Kind)
	require.False(t, d.Damaged())
	p.Kill()
	d, err = shmq.Check(q)
	require.NoError(t, err)
	require.True(t, d.Damaged())
}

// A process that locks a seat without using it keeps it from the others.
func TestCheckNotesALockThatNobodyUses(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &shmq.Options{Slots: 8, SlotSize: 64, Seats: 4})
	path, err := shmq.Path(q)
	require.NoError(t, err)
	lockBytes(t, path, int64(seatAt(2, 0)), 1)
	d, err := shmq.Check(q)
	require.NoError(t, err)
	require.Len(t, d.Findings, 1)
	require.Equal(t, "lock", d.Findings[0].Kind)
	require.Equal(t, 2, *d.Findings[0].Seat)
	require.False(t, d.Damaged())
}

// A participant that meets damage is told how to learn more.
func TestDamageNamesTheCheck(t *testing.T) {
	t.Parallel()
	w := newWreck(t, shmq.Options{Producers: shmq.One, Consumers: shmq.One})
	b := append([]byte(nil), w.bytes...)
	copy(b[slotAt(1, 0):], word(layout.FullWord(1, 0, wreckShift)))
	path := filepath.Join(t.TempDir(), "q")
	require.NoError(t, os.WriteFile(path, b, 0o600))
	advice := "run: shmq check " + strconv.Quote(path)
	c := testagent.OpenConsumer(t, path, nil)
	_, err := c.TryReceive(nil)
	require.NoError(t, err)
	_, err = c.TryReceive(nil)
	require.ErrorIs(t, err, shmq.ErrDamaged)
	require.ErrorContains(t, err, advice)
	_ = c.Close()
	require.NoError(t, os.Truncate(path, 5000))
	_, err = shmq.Stat(path)
	require.ErrorIs(t, err, shmq.ErrDamaged)
	require.ErrorContains(t, err, advice)
}

func TestCheckOfNothing(t *testing.T) {
	t.Parallel()
	_, err := shmq.Check("no-such-queue")
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = shmq.Check("../q")
	require.ErrorIs(t, err, shmq.ErrName)
	_, err = shmq.Check(t.TempDir())
	require.ErrorIs(t, err, shmq.ErrNotQueue)
}

// lockBytes locks n bytes of a file exclusively until the test ends.
func lockBytes(t *testing.T, path string, off, n int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	lk := unix.Flock_t{Type: unix.F_WRLCK, Start: off, Len: n}
	require.NoError(t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lk))
}
