package producer

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/shmq/shmq"
)

// Durability says when the records that a producer sends have to be on the disk. It is
// for queues with checksums in a file on a disk: what was synced survives the crash of
// the machine and a power cut; see docs/places.md. The zero value asks for nothing: the
// kernel writes when it likes to. Both bounds may be given; the earlier one counts.
//
// An error that wraps shmq.ErrSync says that records are not known to be on the disk. They
// are in the queue all the same, and are delivered.
type Durability struct {
	// Every is how many records may be sent and not be synced when a call returns, plus
	// one. With 1, each Send, SendBatch and Commit returns after its records are on
	// the disk; with 100, each call after which 100 or more are not on the disk
	// syncs them first. 0: no such bound.
	Every int
	// Within is how long a record may be sent and not be on the way to the disk. A
	// goroutine of the producer syncs when that time is over for the oldest, and only
	// then; while all is synced none runs. A failure is the error of the next call, or
	// of Close. 0: no such bound.
	Within time.Duration
}

// Check returns an error that wraps shmq.ErrOption if a bound is negative.
func (d Durability) Check() error {
	if d.Every < 0 || d.Within < 0 {
		return fmt.Errorf("%w: durability %v, want bounds of 0 or more", shmq.ErrOption, d)
	}
	return nil
}

// String returns "none", "each", "100", "10ms", or "100,10ms".
func (d Durability) String() string {
	var parts []string
	switch {
	case d.Every == 1:
		parts = append(parts, "each")
	case d.Every != 0:
		parts = append(parts, strconv.Itoa(d.Every))
	}
	if d.Within != 0 {
		parts = append(parts, d.Within.String())
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ",")
}

// MarshalText returns what String does.
func (d Durability) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText takes what String returns.
func (d *Durability) UnmarshalText(b []byte) error {
	*d = Durability{}
	if string(b) == "none" {
		return nil
	}
	for _, part := range strings.Split(string(b), ",") {
		n, err := strconv.Atoi(part)
		if part == "each" {
			n, err = 1, nil
		}
		if err == nil && n > 0 && d.Every == 0 {
			d.Every = n
			continue
		}
		t, err := time.ParseDuration(part)
		if err != nil || t <= 0 || d.Within != 0 {
			return fmt.Errorf("%w: %q: want each, a number of records, a duration such as 10ms, or number,duration", shmq.ErrOption, b)
		}
		d.Within = t
	}
	return nil
}
