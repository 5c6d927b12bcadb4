package deadletter

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/wire"
)

// The keys of the map. The first one, with its value, tells a letter from other maps.
const (
	keyVersion     = "dead_letter"
	keyQueue       = "queue"
	keyPath        = "path"
	keyCreationID  = "creation_id"
	keyID          = "id"
	keyReason      = "reason"
	keyExitCode    = "exit_code"
	keySignal      = "signal"
	keyTimedOut    = "timed_out"
	keyAttempts    = "attempts"
	keyRedelivered = "redelivered"
	keyFirst       = "first_time"
	keyLast        = "last_time"
	keyStderr      = "stderr"
	keyStack       = "stack"
	keyHost        = "host"
	keyPID         = "pid"
	keyRecord      = "record"       // the value that the record is
	keyBytes       = "record_bytes" // its bytes, where it is no msgpack value
)

// Append appends the letter to dst. It shortens stack, standard error and reason, in
// this order, to what fits into limit bytes; the record is never touched. If that is not
// enough the letter is longer than limit.
func (l *Letter) Append(dst []byte, limit int) []byte {
	short := *l
	short.Reason = head(valid(l.Reason), maxReason)
	short.Stderr = tail(valid(l.Stderr), maxStderr)
	short.Stack = head(valid(l.Stack), maxStack)
	start := len(dst)
	for _, part := range []struct {
		text  *string
		cut   func(string, int) string
		least int
	}{{&short.Stack, head, 0}, {&short.Stderr, tail, 0}, {&short.Reason, head, leastReason}} {
		dst = short.append(dst[:start])
		if over := len(dst) - start - limit; over > 0 && len(*part.text) > part.least {
			*part.text = part.cut(*part.text, max(len(*part.text)-over, part.least))
		}
	}
	return short.append(dst[:start])
}

// Overhead returns an upper bound of what the smallest letter takes beside its record, in
// bytes, whatever becomes of the record that it is about. Only what is known of the worker
// counts: queue, path, creation id, host.
func (l *Letter) Overhead() int {
	big := *l
	big.ID = strings.Repeat("x", maxID)
	big.Reason = strings.Repeat("x", leastReason)
	big.Signal = "SIGRTMIN+30"
	big.Attempts, big.Redelivered, big.PID, big.ExitCode = math.MaxInt, math.MaxInt, math.MaxInt, math.MinInt
	big.HasExitCode, big.TimedOut = true, true
	big.Stderr, big.Stack, big.Record = "", "", nil
	return len(big.append(nil)) + 5 // a longer record's header
}

// append writes the map. The record comes last: it is the value under its own key
// where it is one and may be nested so deep, else binary.
func (l *Letter) append(dst []byte) []byte {
	start := len(dst)
	m := appender{buf: append(dst, make([]byte, mapHead)...)}
	m.uint(keyVersion, Version)
	m.str(keyReason, l.Reason)
	m.str(keyQueue, l.Queue)
	m.some(keyPath, l.Path)
	m.str(keyCreationID, l.CreationID)
	m.some(keyID, l.ID)
	if l.HasExitCode {
		m.key(keyExitCode)
		m.buf = wire.AppendInt(m.buf, int64(l.ExitCode))
	}
	m.some(keySignal, l.Signal)
	if l.TimedOut {
		m.key(keyTimedOut)
		m.buf = wire.AppendBool(m.buf, true)
	}
	m.uint(keyAttempts, l.Attempts)
	m.uint(keyRedelivered, l.Redelivered)
	m.time(keyFirst, l.FirstTime)
	m.time(keyLast, l.LastTime)
	m.some(keyStderr, l.Stderr)
	m.some(keyStack, l.Stack)
	m.some(keyHost, l.Host)
	m.uint(keyPID, l.PID)
	beforeRecord := len(m.buf)
	m.key(keyRecord)
	m.buf = append(m.buf, l.Record...)
	m.finish(start)
	if codec.Check(m.buf[start:]) == nil { // and so is the record, as nothing follows it
		return m.buf
	}
	m.buf = m.buf[:beforeRecord]
	m.n--
	m.key(keyBytes)
	m.buf = wire.AppendBin(m.buf, l.Record)
	m.finish(start)
	return m.buf
}

// mapHead is the length of the header of a map of 16 to 65535 pairs. A letter may have
// fewer, and has the same header then: its length is not known when it begins.
const mapHead = 3

// appender appends pairs.
type appender struct {
	buf []byte
	n   int
}

func (m *appender) finish(start int) {
	m.buf[start] = 0xde // map 16
	binary.BigEndian.PutUint16(m.buf[start+1:], uint16(m.n))
}

func (m *appender) key(k string) {
	m.n++
	m.buf = wire.AppendStr(m.buf, []byte(k))
}

func (m *appender) str(k, v string) {
	m.key(k)
	m.buf = wire.AppendStr(m.buf, []byte(valid(v)))
}

// valid returns s with U+FFFD in place of bytes that are no UTF-8, which may be longer.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// some appends a string that is not empty.
func (m *appender) some(k, v string) {
	if v != "" {
		m.str(k, v)
	}
}

func (m *appender) uint(k string, v int) {
	m.key(k)
	m.buf = wire.AppendUint(m.buf, uint64(max(v, 0)))
}

// time appends a timestamp in its longest form, which has any time.
func (m *appender) time(k string, t time.Time) {
	m.key(k)
	m.buf = append(m.buf, 0xc7, 12, 0xff) // ext 8, of type -1
	m.buf = binary.BigEndian.AppendUint32(m.buf, uint32(t.Nanosecond()))
	m.buf = binary.BigEndian.AppendUint64(m.buf, uint64(t.Unix()))
}

// head returns the start of s, at most n bytes and whole characters.
func head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// tail returns the end of s, at most n bytes, from the start of a line if one starts there.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = s[len(s)-n:]
	for len(s) > 0 && !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	if i := strings.IndexByte(s, '\n'); i >= 0 && i < len(s)-1 {
		s = s[i+1:]
	}
	return s
}
