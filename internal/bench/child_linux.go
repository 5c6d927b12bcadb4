package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// ChildVerb is the first argument of an end's process; Child gets the rest.
const ChildVerb = "bench-child"

// spec is what a process is told when it is started.
type spec struct {
	Case Case   `json:"case"`
	End  int    `json:"end"` // producers first, then consumers
	Dir  string `json:"dir"`
	Core int    `json:"core"` // -1: not pinned
	Mate int    `json:"mate"` // the core of the other end, for a case of one process
	// Shared: cores are fewer than ends, so a waiting end must not spin.
	Shared bool `json:"shared"`
}

// queue returns the name of the case's queue.
func (s spec) queue() string { return queueIn(s.Dir) }

func queueIn(dir string) string { return filepath.Join(dir, "q") }

// back is the queue of the other direction.
func back(queue string) string { return queue + ".back" }

// words is the file of shared words; see words_linux.go.
func (s spec) words() string { return wordsIn(s.Dir) }

func wordsIn(dir string) string { return filepath.Join(dir, "words") }

// order is what an end is to do: its part of n operations.
type order struct {
	N     int   `json:"n"`
	Timed bool  `json:"timed"` // each operation by itself
	Start int64 `json:"start"` // of an open loop, CLOCK_MONOTONIC in nanoseconds
}

// answer is what an end has done. The first answer, of zeros, says that it is ready.
type answer struct {
	Start  int64  `json:"start"` // CLOCK_MONOTONIC in nanoseconds
	End    int64  `json:"end"`
	Count  int    `json:"count"` // records received
	Allocs uint64 `json:"allocs"`
	Slept  int    `json:"slept"` // how often so far, where that is counted
	Hist   []byte `json:"hist,omitempty"`
	Error  string `json:"error,omitempty"`
}

// end is one side of a case.
type end interface {
	// run does the end's part and says when it began and was done, and how many
	// records it received.
	run(o order) (outcome, error)
	close() error
}

type outcome struct {
	start, end int64
	count      int
	slept      int
	hist       *hdrhistogram.Histogram
}

// Child is the process of one end. It takes orders from standard input, until that
// ends, and answers on standard output.
func Child(args []string) error {
	var s spec
	if len(args) != 1 || json.Unmarshal([]byte(args[0]), &s) != nil {
		return fmt.Errorf("%s is started by the benchmarks only", ChildVerb)
	}
	pin(s.Core)
	answers := json.NewEncoder(os.Stdout)
	e, err := openEnd(s)
	if err != nil {
		return answers.Encode(answer{Error: err.Error()})
	}
	err = obey(e, json.NewDecoder(os.Stdin), answers)
	return errors.Join(err, e.close())
}

func obey(e end, orders *json.Decoder, answers *json.Encoder) error {
	if err := answers.Encode(answer{}); err != nil {
		return err
	}
	for {
		var o order
		if err := orders.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		a, err := perform(e, o)
		if err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

// perform has the end run, and counts what it allocates meanwhile.
func perform(e end, o order) (a answer, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out, err := e.run(o)
	if err != nil {
		return a, err
	}
	runtime.ReadMemStats(&after)
	a = answer{Start: out.start, End: out.end, Count: out.count, Slept: out.slept, Allocs: after.Mallocs - before.Mallocs}
	if out.hist != nil {
		a.Hist, err = out.hist.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	}
	return a, err
}

// openEnd makes the end that the spec asks for.
func openEnd(s spec) (end, error) {
	clock := newMonotonic(kernelClock)
	if s.Shared {
		clock.sleep = nanosleep
	}
	sends := s.End < s.Case.Producers
	if s.Case.HTTP {
		return newHTTP(s, clock)
	}
	switch s.Case.Link {
	case linkMemcpy:
		return newMemcpy(s.Case, clock), nil
	case linkEncode:
		return newEncode(clock)
	case linkDecode:
		return newDecode(clock)
	case linkAttach:
		return newAttach(s, clock), nil
	case linkBareAttach:
		return newBareAttach(s, clock)
	case linkRedeliver:
		return newRedelivery(s, clock)
	case linkStores:
		return newStores(s, clock)
	case linkScan:
		return newScan(s, clock)
	case linkLines:
		return newLines(s, clock)
	case linkFutex:
		return newFutex(s, clock)
	case linkChannel:
		return newChannel(s, clock), nil
	case linkBareRing:
		if sends {
			return newBareSender(s, clock)
		}
		return newBareReceiver(s, clock)
	case linkLarge:
		if sends {
			return newLargeSender(s, clock)
		}
		return newLargeReceiver(s, clock)
	case linkTyped:
		if sends {
			return newTypedSender(s, clock)
		}
		return newTypedReceiver(s, clock)
	case linkRing:
		return newRingEnd(s, clock)
	case linkSelect:
		return newSelectEnd(s, clock)
	case linkSlots:
		if s.Case.Batch > 1 {
			return newSlotsBatch(s, clock)
		}
	case linkRPC:
		return newRPC(s, clock)
	case linkNetRPC:
		return newNetRPC(s, clock)
	}
	var p port
	var err error
	switch s.Case.Link {
	case linkSlots:
		p, err = slotsPort(s)
	case linkConn:
		p, err = connPort(s)
	case linkGoUnix, linkGoTCP, linkGoPipe:
		p, err = pollerPort(s.Case)
	default:
		p, err = peerPort(s.Case)
	}
	if err != nil {
		return nil, err
	}
	return newPortEnd(s, clock, p), nil
}
