package deadletter_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/internal/jsonpack"
	"github.com/shmq/shmq/worker/deadletter"
)

func letter(record []byte) *deadletter.Letter {
	return &deadletter.Letter{
		Queue: "jobs", Path: "/dev/shm/shmq.jobs", CreationID: "00ff", ID: "id.1",
		Reason: "exit status 7", HasExitCode: true, ExitCode: 7, Signal: "SIGKILL", TimedOut: true,
		Attempts: 4, Redelivered: 2,
		FirstTime: time.Unix(1700000000, 5).UTC(), LastTime: time.Unix(1<<33, 999999999).UTC(),
		Stderr: "line\nlast\n", Stack: "goroutine 1", Host: "here", PID: 17, Record: record,
	}
}

// Records of every kind come back byte for byte, whatever they look like.
func TestRecordSurvives(t *testing.T) {
	t.Parallel()
	nested := append(bytes.Repeat([]byte{0x91}, codec.MaxDepth), 0x01) // as deep as a record may be
	for name, record := range map[string][]byte{
		"string": []byte("\xa5hello"), "long form of a small number": {0xcf, 0, 0, 0, 0, 0, 0, 0, 1},
		"map with a key twice": {0x82, 0xa1, 'a', 1, 0xa1, 'a', 2}, "map": {0x81, 0xa1, 'a', 0xc0},
		"binary": {0xc4, 2, 0, 0xff}, "extension": {0xd4, 5, 0}, "no UTF-8": {0xa1, 0xff},
		"empty": {}, "no msgpack": {0xc1}, "two values": {1, 2}, "cut": {0x92, 1},
		"as deep as can be": nested, "one less": nested[1:],
		"a letter": letter([]byte{1}).Append(nil, math.MaxInt),
		"large":    bytes.Repeat([]byte{0xc1}, 1<<17),
	} {
		t.Run(name, func(t *testing.T) {
			want := letter(record)
			b := want.Append([]byte("before"), math.MaxInt)
			require.Equal(t, "before", string(b[:6]))
			require.NoError(t, codec.Check(b[6:]))
			got, err := deadletter.Parse(b[6:])
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

// The form that people and jq see.
func TestLetterAsJSON(t *testing.T) {
	t.Parallel()
	b, err := jsonpack.AppendJSON(nil, letter([]byte{0x81, 0xa1, 'a', 1}).Append(nil, math.MaxInt))
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(b, &got))
	require.Equal(t, map[string]any{
		"dead_letter": 1., "queue": "jobs", "path": "/dev/shm/shmq.jobs", "creation_id": "00ff", "id": "id.1",
		"reason": "exit status 7", "exit_code": 7., "signal": "SIGKILL", "timed_out": true, "attempts": 4., "redelivered": 2.,
		"first_time": "2023-11-14T22:13:20.000000005Z", "last_time": "2242-03-16T12:56:32.999999999Z",
		"stderr": "line\nlast\n", "stack": "goroutine 1", "host": "here", "pid": 17., "record": map[string]any{"a": 1.},
	}, got)
	require.True(t, strings.HasPrefix(string(b), `{"dead_letter":1,"reason":"exit status 7",`), "what tells most comes first: %s", b)
	b, err = jsonpack.AppendJSON(nil, letter([]byte{0xc1}).Append(nil, math.MaxInt))
	require.NoError(t, err)
	require.Contains(t, string(b), `"record_bytes":{"bin":"wQ=="}`)
}

// A letter gets shorter where it has to, at the expense of what matters least, and never
// at that of the record.
func TestLetterIsShortened(t *testing.T) {
	t.Parallel()
	l := letter(bytes.Repeat([]byte{0xc1}, 1000))
	l.Reason = strings.Repeat("é", 5000)
	l.Stderr = strings.Repeat("a line\xff\n", 5000)
	l.Stack = strings.Repeat("frame\n", 5000)
	least := len(l.Record) + l.Overhead()
	last := [3]int{math.MaxInt, math.MaxInt, math.MaxInt}
	for limit := least + 7*2000; limit >= least; limit -= 7 {
		b := l.Append(nil, limit)
		require.LessOrEqual(t, len(b), limit)
		got, err := deadletter.Parse(b)
		require.NoError(t, err)
		require.Equal(t, l.Record, got.Record)
		require.True(t, strings.HasPrefix(l.Reason, got.Reason))
		require.GreaterOrEqual(t, len(got.Reason), 250)
		sizes := [3]int{len(got.Stack), len(got.Stderr), len(got.Reason)}
		if last[0] == math.MaxInt {
			require.Greater(t, sizes[0], 8000)
			require.Greater(t, sizes[1], 4000)
			require.Greater(t, sizes[2], 1000)
			last = sizes
		}
		if got.Stack != "" { // the first to go
			require.Equal(t, last[1], sizes[1])
		}
		if got.Stderr != "" {
			require.Equal(t, last[2], sizes[2])
		}
		for i := range sizes {
			require.LessOrEqual(t, sizes[i], last[i])
		}
		if got.Stderr != "" {
			const line = "a line\uFFFD\n"
			require.True(t, strings.HasSuffix(got.Stderr, line) || strings.HasSuffix(line, got.Stderr), "its end is kept")
			require.True(t, strings.HasPrefix(got.Stderr, line) || len(got.Stderr) < len(line), "whole lines")
		}
		last = sizes
	}
	require.Equal(t, [2]int{}, [2]int{last[0], last[1]}, "the smallest has neither")
}

// The bound holds for the largest numbers, names and codes.
func TestOverheadIsABound(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 31, 32, 255, 256, 65535, 65536, 1 << 20} {
		for _, code := range []byte{0xc1, 0x01} {
			l := letter(bytes.Repeat([]byte{code}, size))
			l.Queue, l.Path = strings.Repeat("q", 255), strings.Repeat("/p", 2047)
			l.Attempts, l.Redelivered, l.PID, l.ExitCode = math.MaxInt, math.MaxInt, math.MaxInt, math.MinInt
			l.Signal, l.ID, l.Reason = "SIGRTMIN+30", strings.Repeat("i", 128), strings.Repeat("r", 500)
			limit := size + l.Overhead()
			require.LessOrEqual(t, len(l.Append(nil, limit)), limit)
		}
	}
}

func TestWhatIsNoLetter(t *testing.T) {
	t.Parallel()
	good := letter([]byte{1}).Append(nil, math.MaxInt)
	for name, b := range map[string][]byte{
		"empty": {}, "a number": {1}, "a string": []byte("\xa5hello"), "an array": {0x91, 1}, "an empty map": {0x80},
		"another map": {0x81, 0xa1, 'a', 1}, "a key that is no string": {0x81, 1, 1},
		"another version":             append([]byte{0x81, 0xab}, "dead_letter\x02"...),
		"a version that is no number": append([]byte{0x81, 0xab}, "dead_letter\xa11"...),
		"no record":                   append([]byte{0x81, 0xab}, "dead_letter\x01"...),
		"bytes that are none":         append([]byte{0x82, 0xab}, "dead_letter\x01\xacrecord_bytes\x01"...),
		"cut":                         good[:len(good)-1], "more": append(bytes.Clone(good), 1),
	} {
		_, err := deadletter.Parse(b)
		require.ErrorIs(t, err, deadletter.ErrNotLetter, name)
	}
}

// Keys of a later version, and values of other kinds, do no harm.
func TestKeysThatAreNotKnown(t *testing.T) {
	t.Parallel()
	b := append([]byte{0x86, 0xab}, "dead_letter\x01\xa3new\x92\x01\x81\xa1a\x02\xa5queue\x91\xa1q\xa6reason\xa2no\xaafirst_time\xa1x\xa6record\x81\xa1a\x01"...)
	l, err := deadletter.Parse(b)
	require.NoError(t, err)
	require.Equal(t, &deadletter.Letter{Reason: "no", Record: []byte{0x81, 0xa1, 'a', 1}}, l)
}

func FuzzParseIsTotal(f *testing.F) {
	f.Add(letter([]byte{1}).Append(nil, math.MaxInt))
	f.Add(letter([]byte{0xc1}).Append(nil, math.MaxInt))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := deadletter.Parse(b)
		if err != nil {
			require.ErrorIs(t, err, deadletter.ErrNotLetter)
			return
		}
		again, err := deadletter.Parse(l.Append(nil, math.MaxInt))
		require.NoError(t, err)
		require.Equal(t, l.Record, again.Record)
	})
}
