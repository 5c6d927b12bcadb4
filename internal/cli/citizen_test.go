//go:build linux

package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// shell runs a line in which send and recv are the commands and q is the queue.
func shell(t *testing.T, q, line string) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	dir := t.TempDir()
	for _, name := range []string{"shmq-send", "shmq-recv"} {
		require.NoError(t, os.Symlink(self, filepath.Join(dir, name)))
	}
	return startCmd(t, func(p *process) {
		p.Path, p.Args = "/bin/sh", []string{"sh", "-c", "cd " + dir + "; q=" + q + "; " + line}
		p.Env = append(p.Env, "PATH="+dir+":"+os.Getenv("PATH"))
		p.Stdout, p.Stderr = &p.out, &p.stderr
	})
}

// head has had enough: the receiver ends, and what was not printed is there.
func TestReceiverIntoHead(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	in := numbers(1, 50_000)
	start(t, bytes.NewReader(in), nil, "shmq-send", q, "--slots", "65536").ends(0)
	p := shell(t, q, `{ shmq-recv $q; echo $? > code; } | head -n 3; cat code`)
	require.Empty(t, p.ends(0))
	require.Equal(t, "1\n2\n3\n141\n", p.out.String())
	left(t, q)
	got := rest(t, q)
	require.NotEmpty(t, got)
	requireSame(t, in[len(in)-len(got):], got) // whole records, from some place on
}

// The queue's file never gets the number of a stream that was closed.
func TestClosedStandardStreams(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	p := shell(t, q, `seq 3 | shmq-send $q -v 2>&-; echo $?
		shmq-send $q <&-; echo $?
		shmq-recv $q --count 1 >&-; echo $?
		shmq-recv $q --count 1 -v --progress 2>&-; echo $?
		shmq-recv $q --nonblock <&- 2>&-; echo $?
		shmq-recv $q.none --no-create >&- 2>&-; echo $?
		shmq-recv $q --nonblock 2> /dev/full; echo $?`)
	require.Contains(t, p.ends(0), "standard output is closed")
	require.Equal(t, "0\n0\n1\n1\n0\n2\n3\n0\n1\n75\n", p.out.String())
	left(t, q)
}

// Any bytes pass through lines and null, but for the last separator.
func TestBinaryThroughTexts(t *testing.T) {
	t.Parallel()
	in := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{2})
	random.Read(in)
	in = append(in, 'x') // no separator at the end
	for format, sep := range map[string]byte{"lines": '\n', "null": 0} {
		q := queuePath(t)
		start(t, bytes.NewReader(in), nil, "shmq-send", q, "--format", format, "--slots", "16384", "--slot-size", "4096").ends(0)
		requireSame(t, append(bytes.Clone(in), sep), rest(t, q, "--format", format))
	}
}

// endless is a line without an end.
type endless struct{ lines io.Reader }

func (e endless) Read(b []byte) (int, error) {
	if n, err := e.lines.Read(b); err == nil {
		return n, nil
	}
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// A line that never ends is refused as soon as it is too large, by its number.
func TestLineWithoutEnd(t *testing.T) {
	t.Parallel()
	q := queuePath(t)
	sender := start(t, endless{strings.NewReader("one\ntwo\n")}, nil, "shmq-send", q)
	line := sender.ends(65)
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	require.Contains(t, line, fmt.Sprintf("line 3 of the input was not sent, those before it were: it has more than %d bytes", info.MaxRecord-5))
	require.Equal(t, "one\ntwo\n", string(rest(t, q)))
}

func TestEmptyInputOfEveryFormat(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"lines", "null", "json", "msgpack", "raw"} {
		q := queuePath(t)
		start(t, strings.NewReader(""), nil, "shmq-send", q, "--format", format, "--close").ends(0)
		receiver := start(t, nil, nil, "shmq-recv", q, "--format", format, "--until-eof", "--strict")
		require.Empty(t, receiver.ends(0))
		require.Empty(t, receiver.out.String())
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.Zero(t, info.Tail)
	}
}

// A command whose output can't be written fails, and its record stays.
func TestFullDiskOfACommand(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	q := queuePath(t)
	start(t, bytes.NewReader(numbers(1, 3)), nil, "shmq-send", q).ends(0)
	text := start(t, nil, full, "shmq-recv", q, "--retries", "0", "--", "cat").wait(123)
	require.Contains(t, text, "record 1: exit status 1; it is still in the queue")
	requireSame(t, numbers(1, 3), rest(t, q))
}
