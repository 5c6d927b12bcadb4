package ctest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/ringtest"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
)

// state is what agents do to a queue before its file is copied. Those that are attached then
// are dead in the copy, with what they held.
type state struct {
	name  string
	does  func(s *scene)
	opts  func(o *shmq.Options)        // nil: 8 slots of 64 bytes, 4 seats, no more
	in    func(o *shmq.Options) bool   // in which modes there is such a state; nil: all
	start uint64                       // the position at which the ring begins
	patch func(t *testing.T, b []byte) // changes the copy
}

// scene is a queue with a producer and a consumer, and those that join them.
type scene struct {
	t    *testing.T
	q    string
	p, c *testagent.Agent
}

func (s *scene) producer() *testagent.Agent { return testagent.Producer(s.t, s.q) }
func (s *scene) consumer() *testagent.Agent { return testagent.Consumer(s.t, s.q) }

// passes sends records through the queue, so that it goes on behind them.
func (s *scene) passes(n int) {
	for i := range n {
		s.p.Sends("x")
		s.c.Lease(1)
		s.c.Do("ack %d", i)
	}
}

func (s *scene) leave() {
	s.c.Do("close")
	s.p.Do("close")
}

func ackAll(c *testagent.Agent, n int) {
	for i := range n {
		c.Do("ack %d", i)
	}
}

func timestamps(o *shmq.Options)      { o.Timestamps = true }
func checksums(o *shmq.Options)       { o.Checksum = true }
func both(o *shmq.Options)            { o.Checksum, o.Timestamps = true, true }
func manyToMany(o *shmq.Options) bool { return o.Producers == shmq.Many && o.Consumers == shmq.Many }
func fromMany(o *shmq.Options) bool   { return o.Producers == shmq.Many }
func fromOne(o *shmq.Options) bool    { return o.Producers == shmq.One }

// The bytes of a record lie in the line of its slot as far as they have room there beside a time
// stamp and a checksum: these are the sizes around each such limit, in two rings' worth.
func (s *scene) sendsAroundLimits() {
	s.p.Sends("a*35", "b*36", "c*37", "d*39", "e*40", "f*41", "g*100")
}

func states() []state {
	return []state{
		{name: "empty", does: func(*scene) {}},
		{name: "records", opts: timestamps, does: func(s *scene) { s.p.Sends("a", "b*70", "c*150") }},
		{name: "in the lap", does: func(s *scene) {
			s.p.Sends("a", "b", "c", "d")
			s.c.Lease(4)
			ackAll(s.c, 4)
			s.p.Sends("e", "f*130")
		}},
		{name: "reserved", does: func(s *scene) { s.p.Sends("a"); s.p.Do("reserve 100") }},
		{name: "leased", does: func(s *scene) {
			s.p.Sends("a", "b*100", "c")
			s.c.Lease(1)
			s.c.Lease(2)
		}},
		{name: "a batch in part", does: func(s *scene) {
			s.p.Sends("a", "b", "c", "d")
			s.c.Lease(4)
			s.c.Do("ack 0")
			s.c.Do("ack 2")
		}},
		{name: "released", does: func(s *scene) { s.p.Sends("a", "b"); s.c.Lease(1); s.c.Do("release 0") }},
		{name: "finished", does: func(s *scene) { s.p.Sends("a"); s.p.Do("finish") }},
		{name: "closed", does: func(s *scene) { s.p.Sends("a"); s.leave() }},
		{name: "abandoned", does: func(s *scene) {
			s.c.Do("close")
			s.p.Sends("a", "b")
			s.p.Do("abandon")
		}},

		{name: "sizes", does: func(s *scene) { s.p.Sends("", "a", "b*47", "c*48", "d*49", "e*64", "f*65") }},
		{name: "the largest", does: func(s *scene) { s.passes(8); s.p.Sends("a*256", "b*256") }},
		{name: "a filler", does: func(s *scene) { s.passes(6); s.p.Sends("a*130", "b") }},
		{name: "wrapped", does: func(s *scene) { s.passes(21); s.p.Sends("a", "b", "c", "d*100", "e") }},
		{name: "far on", start: 1<<50 - 3, does: func(s *scene) {
			s.p.Sends("a", "b*70", "c", "d")
			s.c.Lease(1)
			s.c.Lease(1)
			s.c.Do("ack 0")
		}},
		{name: "time stamps", opts: timestamps, does: func(s *scene) { s.sendsAroundLimits() }},
		{name: "checksums", opts: checksums, does: func(s *scene) { s.sendsAroundLimits(); s.leave() }},
		{name: "checksums and time stamps", opts: both, does: func(s *scene) { s.sendsAroundLimits(); s.leave() }},
		{name: "torn", opts: checksums, does: func(s *scene) { s.p.Sends("a", "b*40", "c*100", "d"); s.leave() },
			patch: func(t *testing.T, b []byte) { flip(t, b, "bbbb"); flip(t, b, "cccc") }},
		{name: "marks", in: fromOne, does: func(s *scene) {
			s.p.Do("close")
			p, err := producer.OpenRaw(s.q, nil)
			require.NoError(s.t, err)
			for i, text := range []string{"a", "b", "c"} {
				require.NoError(s.t, p.SendMarked(context.Background(), []byte(text), producer.Mark{uint64(i), 1 << 60}))
			}
			require.NoError(s.t, p.Send(context.Background(), []byte("d")))
			require.NoError(s.t, p.Close())
		}},
		{name: "a dead claim before records", in: fromMany, does: func(s *scene) {
			s.p.Sends("a")
			s.p.Do("reserve 100")
			s.producer().Sends("b", "c*70")
		}},
		{name: "an heir died too", does: func(s *scene) {
			s.p.Sends("a", "b", "c")
			s.c.Lease(1)
			s.c.Lease(1)
			s.c.Kill()
			heir := s.consumer()
			require.Equal(s.t, testagent.Again(1, "a"), heir.Lease(1))
			s.p.Kill()
			s.producer().Sends("d")
		}},
		{name: "a second stream", does: func(s *scene) {
			s.p.Sends("a")
			s.c.Lease(1)
			s.c.Do("ack 0")
			s.p.Do("finish")
			s.producer().Sends("b")
		}},
		{name: "an end that nobody was told", does: func(s *scene) {
			s.c.Do("close")
			s.p.Sends("a")
			s.p.Do("finish")
			s.producer().Sends("b")
		}},
		{name: "all seats are of the dead", in: manyToMany, does: func(s *scene) {
			s.p.Sends("a", "b", "c")
			s.producer().Do("reserve 1")
			s.c.Lease(1)
			s.consumer().Lease(1)
		}},
	}
}

// refused are files that libshmq, and with it each client, refuses, with what word it says so.
var refused = []struct {
	name    string
	opts    shmq.Options
	patch   func(t *testing.T, b []byte) []byte
	refusal refusal
	in      error // what Go says; nil: it opens the queue
}{
	{name: "unknown feature", patch: func(_ *testing.T, b []byte) []byte { b[layout.OffFlags+3] |= 0x80; return seal(b) },
		refusal: refusal{Code: "layout", Says: "0x80000000"}, in: shmq.ErrVersion},
	{name: "later version", patch: func(_ *testing.T, b []byte) []byte { b[layout.OffVersion]++; return b },
		refusal: refusal{Code: "layout", Says: fmt.Sprintf("version %d", layout.Version+1)}, in: shmq.ErrVersion},
	{name: "damaged header", patch: func(_ *testing.T, b []byte) []byte { b[layout.OffSlots] ^= 2; return b },
		refusal: refusal{Code: "damaged", Says: "checksum"}, in: shmq.ErrDamaged},
	{name: "contradicts itself", patch: func(_ *testing.T, b []byte) []byte { b[layout.OffData+1] ^= 0x10; return seal(b) },
		refusal: refusal{Code: "damaged", Says: "offset"}, in: shmq.ErrDamaged},
	{name: "cut", patch: func(_ *testing.T, b []byte) []byte { return b[:len(b)-1] }, refusal: refusal{Code: "damaged", Says: "cut"}, in: shmq.ErrDamaged},
	{name: "something else", patch: func(_ *testing.T, b []byte) []byte { copy(b, "\x7fELF"); return b },
		refusal: refusal{Code: "not-queue", Says: "magic"}, in: shmq.ErrNotQueue},
	{name: "in use with checksums", opts: shmq.Options{Checksum: true}, refusal: refusal{Code: "rebuild", Says: "shmq recover", Stat: true}},
}

// refusal is what a client says that does not open a queue.
type refusal struct {
	Code string `json:"code"`
	Says string `json:"says"` // a part of the text
	Stat bool   `json:"stat"` // the queue can be described all the same
}

func flip(t *testing.T, b []byte, where string) {
	at := bytes.Index(b, []byte(where))
	require.Positive(t, at)
	b[at] ^= 1
}

// seal makes the checksum of a changed header right again.
func seal(b []byte) []byte {
	sum := crc32.Checksum(b[:layout.OffHeaderCRC], crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(b[layout.OffHeaderCRC:], sum)
	return b
}

func fileName(name string) string { return strings.NewReplacer(" ", "-", ",", "").Replace(name) }

// eachImage calls f for each image that there has to be.
func eachImage(f func(name string, s state, opts shmq.Options)) {
	for _, mode := range testagent.Modes() {
		for _, s := range states() {
			opts := mode
			opts.Slots, opts.SlotSize, opts.Seats = 8, 64, 4
			if s.in != nil && !s.in(&opts) {
				continue
			}
			if s.opts != nil {
				s.opts(&opts)
			}
			f(fileName(fmt.Sprintf("%v-%v-%s", mode.Producers, mode.Consumers, s.name)), s, opts)
		}
	}
}

func wantImages() (n int) {
	eachImage(func(string, state, shmq.Options) { n++ })
	return n
}

// makeGolden makes the images that are not there, and what all of them are as JSON.
func makeGolden(t *testing.T) {
	eachImage(func(name string, s state, opts shmq.Options) {
		image := filepath.Join(golden, name+".gz")
		if missing(t, image) {
			b := played(t, s, &opts)
			if s.patch != nil {
				s.patch(t, b)
			}
			writeImage(t, image, b)
		}
		writeJSON(t, filepath.Join(golden, name+".json"), readByGo(t, copyOf(t, image)))
	})
	for _, r := range refused {
		name := fileName(r.name)
		image := filepath.Join(golden, "refused", name+".gz")
		if missing(t, image) {
			r.opts.Slots, r.opts.SlotSize, r.opts.Seats = 8, 64, 4
			b := played(t, state{does: func(s *scene) { s.p.Sends("a") }}, &r.opts)
			if r.patch != nil {
				b = r.patch(t, b)
			}
			writeImage(t, image, b)
		}
		writeJSON(t, filepath.Join(golden, "refused", name+".json"), r.refusal)
	}
}

func missing(t *testing.T, path string) bool {
	_, err := os.Stat(path)
	if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	return err != nil
}

// played returns the file of a queue in a state.
func played(t *testing.T, state state, opts *shmq.Options) []byte {
	s := scene{t: t, q: testagent.Queue(t, opts)}
	if state.start != 0 {
		startAt(t, testagent.Path(t, s.q), opts, state.start)
	}
	s.p, s.c = s.producer(), s.consumer()
	state.does(&s)
	b, err := os.ReadFile(testagent.Path(t, s.q))
	require.NoError(t, err)
	return b
}

// startAt makes a new queue one that has carried start slots of records.
func startAt(t *testing.T, path string, o *shmq.Options, start uint64) {
	m := ringtest.NewRegion(layout.Geometry{
		ManyProducers: o.Producers == shmq.Many, ManyConsumers: o.Consumers == shmq.Many,
		Seats: o.Seats, Slots: uint64(o.Slots), AreaSize: uint64(o.SlotSize),
	}, start)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(m.Bytes[layout.HotOffset:], layout.HotOffset)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func writeImage(t *testing.T, path string, b []byte) {
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(path, z.Bytes(), 0o644))
}

func writeJSON(t *testing.T, path string, v any) {
	require.NoError(t, os.WriteFile(path, []byte(text(t, v)), 0o644))
}
