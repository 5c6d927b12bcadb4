package deadletter

import "time"

// Version is what the key dead_letter holds.
const Version = 1

// Letter is a record that failed, with the reason.
type Letter struct {
	Queue      string // where the record was, as the worker named it
	Path       string // absolute path of that queue's file, "" if it has none to open
	CreationID string // of that queue, hexadecimal
	ID         string // of the record, "" if not known

	Reason string
	// HasExitCode says that a command ended by itself, with ExitCode.
	HasExitCode bool
	ExitCode    int
	Signal      string // that ended the command: SIGKILL; "" for none
	TimedOut    bool   // the last attempt

	Attempts    int       // of the worker that gave up
	Redelivered int       // earlier deliveries of the record, as far as they were recorded
	FirstTime   time.Time // when the first of them began
	LastTime    time.Time // when the last of them ended

	Stderr string // its last lines
	Stack  string // of a panic

	Host string // of the worker
	PID  int

	// Record is the record as it was, byte for byte.
	Record []byte
}

// MaxDetails is what the parts of a letter that can be shortened take at most.
const MaxDetails = maxReason + maxStderr + maxStack

// Bounds of the parts that a letter may have to shorten.
const (
	maxReason = 1 << 10 // bytes
	maxStderr = 4 << 10
	maxStack  = 8 << 10
	// leastReason is what is left of the reason in the smallest letter.
	leastReason = 256
	// maxID is more than the name of a record has.
	maxID = 128
)
