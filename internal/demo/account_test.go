package demo

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// exchange is a demo without processes: two producers of a hundred records each,
// two consumers that take turns.
type exchange struct {
	producers []*report
	consumers []*receiver
}

func newExchange(t *testing.T, deliver func(r Record, to *receiver)) account {
	x := exchange{consumers: []*receiver{{}, {}}}
	for p := range 2 {
		s := stream{Producer: p}
		for i := range uint64(100) {
			r := Record{Producer: p, Seq: i, Sent: int64(i), Text: "text"}
			s.Records++
			s.Sum += r.sum()
			deliver(r, x.consumers[i%2])
		}
		x.producers = append(x.producers, &report{Phases: []tally{{Records: 100, First: 1, Last: 2}}, Streams: []stream{s}})
	}
	var consumers []*report
	for _, c := range x.consumers {
		r, err := c.report()
		require.NoError(t, err)
		consumers = append(consumers, r)
	}
	return reconcile(x.producers, consumers)
}

func receive(t *testing.T, r Record, to *receiver) {
	require.NoError(t, to.receive(&r, r.Sent+1000))
}

func TestAccountIsInOrder(t *testing.T) {
	a := newExchange(t, func(r Record, to *receiver) { receive(t, r, to) })
	require.NoError(t, a.err())
	require.Equal(t, uint64(200), a.Sent)
	require.Equal(t, uint64(200), a.Received)
}

func TestAccountFindsAMissingRecord(t *testing.T) {
	for _, lost := range []uint64{0, 42, 99} {
		a := newExchange(t, func(r Record, to *receiver) {
			if r.Producer != 1 || r.Seq != lost {
				receive(t, r, to)
			}
		})
		require.Equal(t, uint64(1), a.Missing)
		require.Error(t, a.err())
	}
}

func TestAccountFindsARecordThatArrivedTwice(t *testing.T) {
	var first *receiver
	for name, again := range map[string]func(to *receiver) *receiver{
		"at one consumer":  func(to *receiver) *receiver { return to },
		"at two consumers": func(to *receiver) *receiver { return first },
	} {
		t.Run(name, func(t *testing.T) {
			a := newExchange(t, func(r Record, to *receiver) {
				if r.Seq == 0 {
					first = to
				}
				receive(t, r, to)
				if r.Seq == 41 {
					receive(t, r, again(to))
				}
			})
			require.Equal(t, uint64(2), a.Twice)
			require.Zero(t, a.Missing)
			require.Error(t, a.err())
		})
	}
}

func TestAccountFindsOneMissingAndAnotherTwice(t *testing.T) {
	a := newExchange(t, func(r Record, to *receiver) {
		if r.Seq == 7 {
			r.Seq = 5
		}
		receive(t, r, to)
	})
	require.Equal(t, a.Sent, a.Received)
	require.Equal(t, uint64(2), a.Missing)
	require.Equal(t, uint64(2), a.Twice)
	require.Error(t, a.err())
}

func TestAccountFindsRecordsOutOfOrder(t *testing.T) {
	var held []Record
	a := newExchange(t, func(r Record, to *receiver) {
		if r.Seq == 10 {
			held = append(held, r)
			return
		}
		receive(t, r, to)
		if r.Seq == 12 {
			receive(t, held[len(held)-1], to)
		}
	})
	require.Equal(t, uint64(2), a.Reordered)
	require.Zero(t, a.Missing)
	require.Error(t, a.err())
}

func TestAccountFindsAChangedRecord(t *testing.T) {
	changes := map[string]func(r *Record){
		"text":  func(r *Record) { r.Text = "test" },
		"time":  func(r *Record) { r.Sent ^= 1 << 40 },
		"phase": func(r *Record) { r.Phase++ },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			a := newExchange(t, func(r Record, to *receiver) {
				if r.Producer == 0 && r.Seq == 50 {
					change(&r)
				}
				receive(t, r, to)
			})
			require.ErrorContains(t, a.err(), "checksum")
		})
	}
}

func TestReceiverRefusesRecordsThatNobodySent(t *testing.T) {
	for _, r := range []Record{{Producer: -1}, {Producer: maxProducers}, {Phase: -1}, {Phase: maxPhases}} {
		require.Error(t, new(receiver).receive(&r, 1))
	}
	var r receiver
	require.NoError(t, r.receive(&Record{Seq: 1<<64 - 1}, 1))
	require.Empty(t, r.streams[0].Seen, "a number that no demo reaches takes no memory")
}

func TestBitmapAgreesWithASet(t *testing.T) {
	var a, b bitmap
	inA, inB := map[uint64]bool{}, map[uint64]bool{}
	for range 500 {
		n := rand.Uint64N(1000)
		require.Equal(t, inA[n], a.set(n))
		inA[n] = true
		n = rand.Uint64N(1200)
		require.Equal(t, inB[n], b.set(n))
		inB[n] = true
	}
	var both uint64
	for n := range inB {
		if inA[n] {
			both++
		}
		inA[n] = true
	}
	require.Equal(t, both, a.merge(b))
	for n := range uint64(1300) {
		var want uint64
		for m := range inA {
			if m < n {
				want++
			}
		}
		require.Equal(t, want, a.below(n))
	}
}

func TestNumbersAreReadable(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", 1<<64 - 1: "18,446,744,073,709,551,615"} {
		require.Equal(t, want, thousands(n))
	}
	for ns, want := range map[int64]string{
		1: "0.00 µs", 120: "0.12 µs", 9_994: "9.99 µs", 9_996: "10.0 µs", 62_340: "62.3 µs", 99_960: "100 µs",
		999_400: "999 µs", 999_600: "1.00 ms", 3_456_000: "3.46 ms", 999_600_000: "1.00 s", 61e9: "61.0 s",
	} {
		require.Equal(t, want, micros(ns))
	}
}
