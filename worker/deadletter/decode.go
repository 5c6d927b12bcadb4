package deadletter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/wire"
)

// ErrNotLetter means that a record is no dead letter, or one of another version.
var ErrNotLetter = errors.New("not a dead letter")

// Parse reads a letter. The letter does not refer to b. Keys that it does not know
// are left out; later versions may have some. Error: ErrNotLetter.
func Parse(b []byte) (*Letter, error) {
	if err := codec.Check(b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotLetter, err)
	}
	l := &Letter{}
	r := reader{b}
	pairs := r.next()
	if pairs.token.Kind != wire.Map {
		return nil, fmt.Errorf("%w: it is no map", ErrNotLetter)
	}
	has := false
	for i := range pairs.token.Num {
		key := r.next()
		start := r.rest
		value := r.next()
		if value.token.Container() {
			n, _ := codec.Next(start) // checked
			r.rest = start[n:]
		}
		if i == 0 {
			if string(key.text()) != keyVersion {
				return nil, fmt.Errorf("%w: its first key is not %q", ErrNotLetter, keyVersion)
			}
			if value.token.Kind != wire.Uint || value.token.Num != Version {
				return nil, fmt.Errorf("%w of version %d", ErrNotLetter, Version)
			}
			continue
		}
		switch string(key.text()) {
		case keyRecord:
			l.Record, has = append([]byte{}, start[:len(start)-len(r.rest)]...), true
		case keyBytes:
			if value.token.Kind == wire.Bin {
				l.Record, has = append([]byte{}, value.payload...), true
			}
		default:
			l.set(string(key.text()), value)
		}
	}
	if !has {
		return nil, fmt.Errorf("%w: it has no record", ErrNotLetter)
	}
	return l, nil
}

// set takes over one pair. A value of another kind than Append writes counts as absent.
func (l *Letter) set(key string, v value) {
	switch key {
	case keyQueue:
		l.Queue = string(v.text())
	case keyPath:
		l.Path = string(v.text())
	case keyCreationID:
		l.CreationID = string(v.text())
	case keyID:
		l.ID = string(v.text())
	case keyReason:
		l.Reason = string(v.text())
	case keyExitCode:
		l.ExitCode, l.HasExitCode = v.number(), true
	case keySignal:
		l.Signal = string(v.text())
	case keyTimedOut:
		l.TimedOut = v.token.Kind == wire.Bool && v.token.Num != 0
	case keyAttempts:
		l.Attempts = v.number()
	case keyRedelivered:
		l.Redelivered = v.number()
	case keyFirst:
		l.FirstTime = v.time()
	case keyLast:
		l.LastTime = v.time()
	case keyStderr:
		l.Stderr = string(v.text())
	case keyStack:
		l.Stack = string(v.text())
	case keyHost:
		l.Host = string(v.text())
	case keyPID:
		l.PID = v.number()
	}
}

// reader steps over the tokens of a checked value.
type reader struct{ rest []byte }

// value is a token and its payload.
type value struct {
	token   wire.Token
	payload []byte
}

func (r *reader) next() value {
	t, err := wire.Parse(r.rest)
	if err != nil {
		panic("deadletter: a checked record is malformed: " + err.Error())
	}
	v := value{token: t}
	if !t.Container() {
		v.payload = t.Payload(r.rest)
	}
	r.rest = r.rest[t.Size():]
	return v
}

func (v value) text() []byte {
	if v.token.Kind != wire.Str {
		return nil
	}
	return v.payload
}

func (v value) number() int {
	if v.token.Kind != wire.Uint && v.token.Kind != wire.Int {
		return 0
	}
	return int(int64(v.token.Num))
}

func (v value) time() time.Time {
	if v.token.Kind != wire.Ext || v.token.Type != -1 || len(v.payload) != 12 {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(v.payload[4:])), int64(binary.BigEndian.Uint32(v.payload))).UTC()
}
