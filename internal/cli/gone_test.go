package cli_test

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// flood is input without an end.
type flood struct{}

func (flood) Read(b []byte) (int, error) {
	return copy(b, bytes.Repeat([]byte("a line of input\n"), len(b)/16+1)), nil
}

// atWork are commands in the middle of their work on a queue, and how one knows that
// they are. Others come before, to give them work.
var atWork = map[string]struct {
	before [][]string
	args   []string
	stdin  io.Reader
	ready  func(p *process, q string) bool
}{
	"receiver that waits":     {args: []string{"shmq-recv", "Q"}, ready: sleeps(shmq.Consumer)},
	"receiver with a timeout": {args: []string{"shmq-recv", "Q", "--timeout", "50"}, ready: sleeps(shmq.Consumer)},
	"receiver at work": {
		before: [][]string{{"shmq-send", "Q"}}, args: []string{"shmq-recv", "Q"}, ready: passes,
	},
	"receiver that runs commands": {
		args: []string{"shmq-recv", "Q", "--jobs", "2", "--exec", "cat >/dev/null"}, ready: sleeps(shmq.Consumer),
	},
	"drain":                      {args: []string{"shmq", "drain", "Q", "--until-eof"}, ready: sleeps(shmq.Consumer)},
	"sender that waits for room": {args: []string{"shmq-send", "Q"}, stdin: flood{}, ready: sleeps(shmq.Producer)},
	"sender at work": {
		before: [][]string{{"shmq-recv", "Q"}}, args: []string{"shmq-send", "Q"}, stdin: flood{}, ready: passes,
	},
	"tail": {
		before: [][]string{{"shmq-recv", "Q", "--exec", "cat >/dev/null"}},
		args:   []string{"shmq", "tail", "Q"}, ready: maps,
	},
}

func sleeps(role shmq.Role) func(*process, string) bool {
	return func(_ *process, q string) bool { return waiting(q, role)() }
}

// passes says that records pass through the queue.
func passes(_ *process, q string) bool {
	info, err := shmq.Stat(q)
	return err == nil && info.Head > uint64(info.Slots)
}

// maps says that the command has the queue.
func maps(p *process, q string) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.Process.Pid) + "/maps")
	return err == nil && bytes.Contains(b, []byte(q))
}

func eachAtWork(t *testing.T, f func(t *testing.T, q string, p *process)) {
	for what, w := range atWork {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			q := queuePath(t)
			require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 256, SlotSize: 64}))
			null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			require.NoError(t, err)
			defer null.Close()
			run := func(args []string, stdin io.Reader) *process {
				args = strings.Split(strings.ReplaceAll(strings.Join(args, "\x00"), "Q", q), "\x00")
				return start(t, stdin, null, args[0], args[1:]...)
			}
			for _, args := range w.before {
				run(args, flood{})
			}
			p := run(w.args, w.stdin)
			until(t, "work", func() bool { return w.ready(p, q) })
			f(t, q, p)
		})
	}
}

func TestCommandsOnAQueueThatIsCut(t *testing.T) {
	t.Parallel()
	eachAtWork(t, func(t *testing.T, q string, p *process) {
		require.NoError(t, os.Truncate(q, 4096))
		require.Contains(t, p.ends(65), "cut shorter")
	})
}

func TestCommandsOnAQueueThatIsRemoved(t *testing.T) {
	t.Parallel()
	eachAtWork(t, func(t *testing.T, q string, p *process) {
		ran(t, 0, "shmq", "rm", "--force", q)
		require.Contains(t, p.ends(66), "removed")
	})
}

func TestCommandsOnAQueueThatWasCut(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"shmq", "stat", "Q"}, {"shmq", "peek", "Q"}, {"shmq", "dump", "Q"}, {"shmq", "tail", "Q"}, {"shmq", "recover", "Q"},
		{"shmq-recv", "Q"}, {"shmq-send", "Q"}, {"shmq", "rm", "Q"},
	} {
		for _, size := range []int64{0, 4096, 30000} {
			q := queuePath(t)
			require.NoError(t, shmq.Create(q, nil))
			require.NoError(t, os.Truncate(q, size))
			args := strings.Split(strings.ReplaceAll(strings.Join(args, "\x00"), "Q", q), "\x00")
			start(t, nil, nil, args[0], args[1:]...).ends(65)
		}
	}
}
