//go:build linux

package peers

import "testing"

// peer is one way to hand records over, as it is measured.
type peer struct {
	name string
	// run returns nanoseconds a record.
	run func(t testing.TB, records int) float64
}

func inGo(name, variant string, r run) peer {
	return peer{name + variant, func(t testing.TB, records int) float64 {
		r.Records = records
		return goPeer(t, name, r)
	}}
}

func throughput() []peer {
	return append([]peer{
		inGo("shmq", "/one-one", run{Pinning: pinThreads}),
		inGo("shmq", "/one-one/batch-16", run{Pinning: pinThreads, Batch: 16}),
		inGo("shmq", "/many-many", run{Pinning: pinThreads, Many: true}),
		inGo("shmq", "/many-many/batch-16", run{Pinning: pinThreads, Many: true, Batch: 16}),
		inGo("shmipc", "/pinned", run{Pinning: pinProcesses}),
		inGo("shmipc", "/pinned/batch-16", run{Pinning: pinProcesses, Batch: 16}),
		inGo("shmipc", "/free", run{Pinning: pinNothing}),
		inGo("shmipc", "/free/batch-16", run{Pinning: pinNothing, Batch: 16}),
	}, inCpp("throughput")...)
}

func roundTrip() []peer {
	return append([]peer{
		inGo("shmq", "/one-one/polling", run{Pinning: pinThreads, RoundTrip: true, Polling: true}),
		inGo("shmq", "/one-one/waiting", run{Pinning: pinThreads, RoundTrip: true}),
		inGo("shmq", "/many-many/polling", run{Pinning: pinThreads, RoundTrip: true, Polling: true, Many: true}),
		inGo("shmq", "/many-many/waiting", run{Pinning: pinThreads, RoundTrip: true, Many: true}),
		inGo("shmipc", "/pinned", run{Pinning: pinProcesses, RoundTrip: true}),
		inGo("shmipc", "/free", run{Pinning: pinNothing, RoundTrip: true}),
	}, inCpp("roundtrip")...)
}

// TestRecordsArrive is a short run of all that is measured, of one record and of more
// than are on their way at a time. The receivers check every record.
func TestRecordsArrive(t *testing.T) {
	for _, kind := range []struct {
		name    string
		peers   []peer
		records int
	}{
		{"throughput", throughput(), 2*window + 7},
		{"roundtrip", roundTrip(), 100},
	} {
		for _, p := range kind.peers {
			t.Run(kind.name+"/"+p.name, func(t *testing.T) {
				for _, records := range []int{1, kind.records} {
					if took := p.run(t, records); took <= 0 {
						t.Fatalf("%v ns a record", took)
					}
				}
			})
		}
	}
}

func BenchmarkThroughput(b *testing.B) { measure(b, throughput()) }

func BenchmarkRoundTrip(b *testing.B) { measure(b, roundTrip()) }

func measure(b *testing.B, peers []peer) {
	for _, p := range peers {
		b.Run(p.name, func(b *testing.B) {
			// Instead of what this process saw: that has the start of others in it.
			b.ReportMetric(p.run(b, b.N), "ns/op")
		})
	}
}
