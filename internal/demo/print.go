package demo

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
)

// printIntro says what is going to happen, and which processes do it.
func printIntro(out io.Writer, info *shmq.Info, c *crew) error {
	size, err := recordSize()
	if err != nil {
		return err
	}
	producers, consumers := c.of(producerRole), c.of(consumerRole)
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s and %s, each a process of its own, share a queue.\n\n",
		plural(len(producers), "producer"), plural(len(consumers), "consumer"))
	fmt.Fprintf(&b, "  queue      %s\n", info.Path)
	fmt.Fprintf(&b, "             %s slots of %s bytes; producers: %v, consumers: %v\n",
		thousands(uint64(info.Slots)), thousands(uint64(info.SlotSize)), info.Producers, info.Consumers)
	fmt.Fprintf(&b, "  records    a Go struct as msgpack, some %d bytes\n", size)
	fmt.Fprintf(&b, "  producers  %s\n", pids(producers))
	fmt.Fprintf(&b, "  consumers  %s\n\n", pids(consumers))
	fmt.Fprintf(&b, "elapsed   phase         received/s       depth    attached\n")
	_, err = out.Write(b.Bytes())
	return err
}

// printSummary says what came of it.
func printSummary(out io.Writer, c *crew, ps []phase, a account) error {
	var b bytes.Buffer
	flows := make([]flow, len(ps))
	for i := range ps {
		var err error
		if flows[i], err = flowOf(i, c.reports(producerRole), c.reports(consumerRole)); err != nil {
			return err
		}
	}

	fmt.Fprintf(&b, "\nRecords         pid")
	for _, p := range ps {
		fmt.Fprintf(&b, "%14s", p.Name)
	}
	fmt.Fprintf(&b, "%14s\n", "in all")
	for _, m := range c.members {
		verb := "sent"
		if m.role == consumerRole {
			verb = "received"
		}
		fmt.Fprintf(&b, "  %-8s %2d %6d", m.role, m.number+1, m.pid)
		var sum uint64
		for i := range ps {
			var n uint64
			if i < len(m.report.Phases) {
				n = m.report.Phases[i].Records
			}
			sum += n
			fmt.Fprintf(&b, "%14s", thousands(n))
		}
		fmt.Fprintf(&b, "%14s  %s\n", thousands(sum), verb)
	}
	fmt.Fprintf(&b, "  per second       ")
	for _, f := range flows {
		fmt.Fprintf(&b, "%14s", thousands(uint64(f.Rate)))
	}

	fmt.Fprintf(&b, "\n\nLatency        p50       p90       p99     p99.9       max\n")
	for i, f := range flows {
		fmt.Fprintf(&b, "  %-8s", ps[i].Name)
		if f.Records > 0 {
			for _, q := range []float64{50, 90, 99, 99.9} {
				fmt.Fprintf(&b, "%10s", micros(f.Latency.ValueAtPercentile(q)))
			}
			fmt.Fprintf(&b, "%10s", micros(f.Latency.Max()))
		}
		fmt.Fprintln(&b)
	}
	fmt.Fprint(&b, notes)

	fmt.Fprintf(&b, "\nAccounts\n")
	fmt.Fprintf(&b, "  records   %s sent, %s received\n", thousands(a.Sent), thousands(a.Received))
	fmt.Fprintf(&b, "            %s missing, %s twice, %s out of order\n", thousands(a.Missing), thousands(a.Twice), thousands(a.Reordered))
	fmt.Fprintf(&b, "  checksum  %016x sent\n            %016x received\n", a.SumSent, a.SumReceived)
	verdict := "every record arrived once, whole, and in its producer's order"
	if a.err() != nil {
		verdict = "FAILED"
	}
	fmt.Fprintf(&b, "  result    %s\n", verdict)
	_, err := out.Write(b.Bytes())
	return err
}

var notes = `
  Measured from before Send to after Receive, encoding and decoding included.
  paced     each producer sends ` + thousands(pace) + ` records a second and consumers sleep
            in between: this is one record's way, mostly the waking of a sleeper
  flat out  producers send as fast as they can, so the queue fills up: this is
            the time a record stands in line
`

// recordSize returns the size of a middling record.
func recordSize() (int, error) {
	r := Record{Producer: 1, Seq: 1 << 20, Phase: 1, Sent: time.Now().UnixNano(), Text: texts[len(texts)/2]}
	b, err := codec.Msgpack().Append(nil, &r)
	return len(b), err
}

func pids(ms []*member) string {
	parts := make([]string, len(ms))
	for i, m := range ms {
		parts[i] = fmt.Sprint(m.pid)
	}
	const most = 8
	if len(parts) > most {
		parts = append(parts[:most], fmt.Sprintf("and %d more", len(ms)-most))
	}
	return "pid " + strings.Join(parts, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// thousands writes n with commas.
func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// micros writes nanoseconds with three digits and a fitting unit.
func micros(ns int64) string {
	v, unit := float64(ns)/1e3, "µs"
	if v >= 999.5 {
		v, unit = v/1e3, "ms"
	}
	if v >= 999.5 {
		v, unit = v/1e3, "s"
	}
	digits := 2
	if v >= 9.995 {
		digits = 1
	}
	if v >= 99.95 {
		digits = 0
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + " " + unit
}
