//go:build linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 6 && os.Args[1] == goEnd {
		serveGo(os.Args[2:])
		return
	}
	os.Exit(m.Run())
}

// up starts the ends of a peer, and skips the test if it takes what is not on this machine.
// With SHMQ_PEERS=all it may be fetched.
func up(t *testing.T, p *peer, mortal bool) *session {
	t.Helper()
	absent, err := p.program.build(os.Getenv("SHMQ_PEERS") == "all")
	require.NoError(t, err)
	if absent != "" {
		t.Skip(absent)
	}
	// Ends die with the thread that started them.
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	s, err := open(p, mortal)
	require.NoError(t, err)
	t.Cleanup(s.close)
	return s
}

// TestRecordsArrive is a short run of all that is measured, of one record and of more
// than are on their way at a time. The receivers check every record.
func TestRecordsArrive(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			s := up(t, p, false)
			opened := map[int]bool{}
			for _, k := range p.kinds() {
				if !opened[k.size] {
					require.NoError(t, s.ready(k))
					opened[k.size] = true
				}
				for _, n := range []int{1, 2*window(k.size) + 7} {
					ns, err := s.move(k, n)
					require.NoError(t, err)
					require.Positive(t, ns)
				}
			}
		})
	}
}

// TestOthersGoOn kills ends of shmq, of which nothing may be lost, torn or in disorder.
func TestOthersGoOn(t *testing.T) {
	for _, p := range peers {
		if p.program != goes || p.dies != "" {
			continue
		}
		for _, role := range []string{"sender", "receiver"} {
			t.Run(p.name+"/"+role, func(t *testing.T) {
				up(t, p, true).close()
				o, err := p.die(role)
				require.NoError(t, err)
				require.NoError(t, o.failed)
				require.True(t, o.on, "the others hang")
				require.Zero(t, o.lost)
				require.Zero(t, o.torn)
				require.LessOrEqual(t, o.again, uint64(1)) // the one that the dead consumer held
			})
		}
	}
}

func TestAnEndThatFailsIsTold(t *testing.T) {
	e, err := start([]string{"/bin/sh", "-c", "echo ready; echo sorry >&2; exit 3"})
	require.NoError(t, err)
	_, err = e.expect("ready")
	require.NoError(t, err)
	_, err = e.expect("done")
	require.ErrorContains(t, err, "sorry")

	waits, err := start([]string{"/bin/sh", "-c", "read line"})
	require.NoError(t, err)
	defer waits.close()
	_, err = waits.expect("done", e)
	require.ErrorContains(t, err, "the other end: sorry")
}

func TestAnEndThatDiesEndsTheTurn(t *testing.T) {
	s := up(t, peers[2], false)
	require.Equal(t, "bare/slots", s.name)
	require.NoError(t, s.ready(small))
	s.receiver.kill()
	_, err := s.move(small, 10*window(48)) // the sender would wait for room
	require.ErrorContains(t, err, "the other end")
}

// TestAFullQueueWaits lets a sender run until it has no room, and a receiver then.
func TestAFullQueueWaits(t *testing.T) {
	for _, p := range peers {
		if p.dies != "" || p.threads || p.most > 0 { // most: one that is never full
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			if p.program == java && os.Getenv("SHMQ_PEERS") != "all" {
				t.Skip("seconds a peer: with SHMQ_PEERS=all")
			}
			s := up(t, p, false)
			all, err := progresses(s.dir)
			require.NoError(t, err)
			defer unmap(all)
			require.NoError(t, s.ready(small))
			require.NoError(t, s.sender.stream(0, 0))
			for last := uint64(0); last == 0 || all[0].sent.Load() != last; time.Sleep(50 * time.Millisecond) {
				last = all[0].sent.Load()
			}
			require.NoError(t, s.receiver.stream(0, 1))
			got := &all[1]
			require.Eventually(t, func() bool { return got.total.Load() > goneOn }, longest, time.Millisecond)
			require.EqualValues(t, 1, got.first.Load(), "the first record is the first that was sent")
			require.Zero(t, got.gaps.Load())
			require.Zero(t, got.again.Load())
			require.Zero(t, got.torn.Load())
		})
	}
}

func TestProgressCountsWhatIsWrong(t *testing.T) {
	var p progress
	for _, n := range []uint64{5, 6, 8, 7, 8, 9, 1 << 32, 1<<32 + 1, 1<<32 + 4} {
		p.received(n, true)
	}
	p.received(10, false)
	require.EqualValues(t, 6, p.first.Load())
	require.EqualValues(t, 10, p.next[0].Load())
	require.EqualValues(t, 5, p.next[1].Load())
	require.EqualValues(t, 1+2, p.gaps.Load())
	require.EqualValues(t, 2, p.again.Load())
	require.EqualValues(t, 1, p.torn.Load())
	require.EqualValues(t, 9, p.total.Load())
}

func TestRecordsThatAreWrong(t *testing.T) {
	rec := make([]byte, 48)
	number(rec, 7)
	require.NoError(t, checkNumber(rec, 48, 7))
	require.Error(t, checkNumber(rec, 48, 8))
	require.Error(t, checkNumber(rec[:40], 48, 7))
	rec[47]++
	require.Error(t, checkNumber(rec, 48, 7))
	_, whole := read(rec)
	require.False(t, whole)
}

func TestTheMedianOfTheBetterKind(t *testing.T) {
	of := map[kind][]float64{small: {30, 10, 20}, smallP: {9, 50, 70, 8}, batch: {1, 2}}
	require.Equal(t, "20.0", form(best(of, small, smallP)))
	require.Equal(t, "29.5", form(best(of, smallP)))
	require.Equal(t, "", form(best(of, batch)), "too few")
	require.Equal(t, "1,234,567", form(1234567))
	require.Equal(t, "12,345", form(12345))
	require.Equal(t, "123", form(123.4))
}

func TestATableSaysWhoIsAhead(t *testing.T) {
	one := func(name, sides string, p *program, ns float64) *figures {
		return &figures{peer: &peer{name: name, sides: sides, program: p}, near: map[kind][]float64{small: {ns, ns, ns}}}
	}
	var b strings.Builder
	table(&b, []*figures{
		one("bare/slots", "1:1", bare, 5), one("shmq/one-one/waiting", "1:1", goes, 20), one("shmq/one-one/polling", "1:1", goes, 10),
		one("shmq/many-many/polling", "n:n", goes, 30), one("fast", "1:1", rust, 8.9), one("near", "1:1", rust, 9.1), one("many", "n:n", rust, 20),
	}, func(f *figures) map[kind][]float64 { return f.near })
	for name, cell := range map[string]string{
		"bare/slots": "5.0", "shmq/one-one/polling": "10.0", "fast": "**8.9**", "near": "9.1", "many": "**20.0**",
	} {
		require.Regexp(t, `(?m)^\| `+name+` \|[^|]*\|[^|]*\|[^|]*\| `+regexp.QuoteMeta(cell)+` \|`, b.String())
	}
}

func TestNothingIsLeft(t *testing.T) {
	s := up(t, probe, false)
	other := s.dir + "-of-the-peer"
	require.NoError(t, os.WriteFile(other, nil, 0o600))
	s.close()
	left, err := filepath.Glob(s.dir + "*")
	require.NoError(t, err)
	require.Empty(t, left)
}
