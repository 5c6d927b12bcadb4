// Package testaccount is test support: it settles the account of a test in which processes that send
// and receive are killed and stopped. What was sent is compared with what was handed out, and the
// waits of the survivors with what they had to wait for.
package testaccount

import "fmt"

// A life is one process, from its start to its end; its successor has another number. A record is
// named by the life that sent it and its number among those that this life sent.
const seqBits = 32

// NewID returns the name of a record.
func NewID(life int, seq uint64) uint64 { return uint64(life)<<seqBits | seq }

// LifeOf returns who sent the record.
func LifeOf(id uint64) int { return int(id >> seqBits) }

// SeqOf returns its number.
func SeqOf(id uint64) uint64 { return id & (1<<seqBits - 1) }

// Describe names a record for people.
func Describe(id uint64) string {
	return fmt.Sprintf("record %d of producer %d", SeqOf(id), LifeOf(id))
}

// SentBy says that records below Sent were sent, and those below Tried were or were not.
type SentBy struct{ Sent, Tried uint64 }

// Flag is what a consumer was told about earlier deliveries.
type Flag uint32

const (
	Fresh Flag = iota
	Redelivered
	Untold // by Receive
)

// Fate is what became of a record in a consumer's hands.
type Fate = uint32

const (
	Held   Fate = iota + 1
	Acking      // it was about to be acknowledged when its holder was killed
	Acked
	Released
)

// Taken is a record in a consumer's hands.
type Taken struct {
	ID       uint64
	From, At int64 // when the call began and when it returned, by CLOCK_MONOTONIC in nanoseconds
	Life     int
	Flag     Flag
	Fate     Fate
	Final    bool // acknowledged for good
}

// Complaints are the first few.
type Complaints struct{ List []string }

// Complain adds one.
func (c *Complaints) Complain(format string, args ...any) {
	if len(c.List) < 20 {
		c.List = append(c.List, fmt.Sprintf(format, args...))
	}
}
