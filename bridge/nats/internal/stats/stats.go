// Package stats counts what a bridge does, and shows it to Prometheus.
package stats

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shmq/shmq"
)

// Stats are the counts of one bridge. All of it may be used by many goroutines.
type Stats struct {
	Direction, Queue, Stream string
	Connected                func() bool

	Records    atomic.Uint64 // over the bridge
	Bytes      atomic.Uint64
	Duplicates atomic.Uint64 // were there already
	Refusals   atomic.Uint64 // of the server
	Sessions   atomic.Uint64 // begun: 1, and one more each time it had to look where it stands
	Dead       atomic.Uint64 // dead letters
	InFlight   atomic.Int64  // published or received, not settled
	last       atomic.Int64  // Unix nanoseconds
}

// Moved counts records that are over the bridge.
func (s *Stats) Moved(n, bytes int) {
	if n > 0 {
		s.Records.Add(uint64(n))
		s.Bytes.Add(uint64(bytes))
		s.last.Store(time.Now().UnixNano())
	}
}

// Counters returns the counts as those of a participant.
func (s *Stats) Counters() shmq.Counters {
	return shmq.Counters{Records: s.Records.Load(), Bytes: s.Bytes.Load(), Redelivered: s.Duplicates.Load()}
}

// ServeHTTP writes the counts in Prometheus' text format.
func (s *Stats) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprint(w, s.Text())
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// Text returns the counts in Prometheus' text format.
func (s *Stats) Text() string {
	var b strings.Builder
	labels := fmt.Sprintf(`{direction="%s",queue="%s",stream="%s"}`, s.Direction, escape.Replace(strings.ToValidUTF8(s.Queue, "?")), escape.Replace(s.Stream))
	add := func(name, kind, help string, value any) {
		fmt.Fprintf(&b, "# HELP shmq_nats_%s %s\n# TYPE shmq_nats_%s %s\nshmq_nats_%s%s %v\n", name, help, name, kind, name, labels, value)
	}
	connected := 0
	if s.Connected() {
		connected = 1
	}
	add("records_total", "counter", "Records that are over the bridge, acknowledged on the side that they came from.", s.Records.Load())
	add("bytes_total", "counter", "Payload of those.", s.Bytes.Load())
	add("duplicates_total", "counter", "Records that were found to be there already.", s.Duplicates.Load())
	add("refusals_total", "counter", "Publishes that the server refused, and that were repeated.", s.Refusals.Load())
	add("sessions_total", "counter", "Times the bridge looked where it stands: at its start, and after a loss of the connection or a refusal.", s.Sessions.Load())
	add("dead_letters_total", "counter", "Records that could not pass and went to the queue of dead letters.", s.Dead.Load())
	add("in_flight", "gauge", "Records that are on the bridge.", s.InFlight.Load())
	add("connected", "gauge", "Whether there is a connection to the server.", connected)
	add("last_record_timestamp_seconds", "gauge", "When the last record came over; 0: none has.", fmt.Sprintf("%.3f", float64(s.last.Load())/1e9))
	return b.String()
}
