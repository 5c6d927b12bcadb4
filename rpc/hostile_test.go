//go:build linux

package rpc

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/producer"
)

var background = context.Background()

// served starts a server in a directory of the test's own, whose handler counts.
func served(t *testing.T, o ServeOptions) (q string, counts *Counters) {
	t.Helper()
	q = filepath.Join(t.TempDir(), "q")
	require.NoError(t, shmq.Create(q, &shmq.Options{Slots: 256, SlotSize: 1024}))
	counts = new(Counters)
	o.Counters = counts
	ctx, cancel := context.WithCancel(background)
	done := make(chan error, 1)
	go func() {
		done <- ServeRaw(ctx, q, &o, func(_ context.Context, b []byte) ([]byte, error) { return b, nil })
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return q, counts
}

func sendRaw(t *testing.T, q string, records ...[]byte) {
	t.Helper()
	p, err := producer.OpenRaw(q, nil)
	require.NoError(t, err)
	for _, r := range records {
		require.NoError(t, p.Send(background, r))
	}
	require.NoError(t, p.Close())
}

func dialTest(t *testing.T, q string, o *DialOptions) *RawClient {
	t.Helper()
	c, err := DialRaw(q, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func senders(t *testing.T, q string) (n int) {
	t.Helper()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	for _, p := range info.Participants {
		if p.Role == shmq.Producer {
			n++
		}
	}
	return n
}

// sealedBy makes a request as a client would that knows the creation id.
func sealedBy(t *testing.T, id [16]byte, r request) []byte {
	t.Helper()
	s, err := newSeal(id)
	require.NoError(t, err)
	record := appendRequest(nil, &r)
	s.close(record, r.call)
	return record
}

func creationID(t *testing.T, q string) (id [16]byte) {
	t.Helper()
	info, err := shmq.Stat(q)
	require.NoError(t, err)
	_, err = hex.Decode(id[:], []byte(info.CreationID))
	require.NoError(t, err)
	return id
}

// A client can't have a server answer to another client, nor attach to its queue.
func TestForgedRequestIsRefused(t *testing.T) {
	t.Parallel()
	q, counts := served(t, ServeOptions{})
	victim, foe := dialTest(t, q, nil), dialTest(t, q, nil)
	_, err := foe.Call(background, nil)
	require.NoError(t, err)
	forged := request{client: victim.client, call: 1, payload: []byte("forged")}
	unsealed := appendRequest(nil, &forged)
	asFoe := sealedBy(t, creationID(t, foe.path), forged)
	// A true request of the victim's, changed: its payload, its number, its deadline.
	own := request{client: victim.client, call: 7, payload: []byte("own request")}
	true_ := sealedBy(t, creationID(t, victim.path), own)
	changed := [][]byte{unsealed, asFoe}
	for i := range true_ {
		r := append([]byte{}, true_...)
		r[i] ^= 0x10
		changed = append(changed, r)
	}
	sendRaw(t, q, changed...)
	testproc.Until(t, func() bool {
		return counts.Refused.Load()+counts.Gone.Load()+counts.Expired.Load() == uint64(len(changed))
	})
	require.EqualValues(t, tokenSize, counts.Gone.Load(), "those that name a client that is not there")
	require.Zero(t, senders(t, victim.path))
	require.EqualValues(t, 1, counts.Answered.Load())
	// Unchanged it is answered, and the victim drops that.
	sendRaw(t, q, true_)
	testproc.Until(t, func() bool { return counts.Answered.Load() == 2 })
	_, err = victim.Call(background, nil)
	require.NoError(t, err)
	require.Equal(t, ClientCounters{Calls: 1, Answers: 1, Dropped: 1}, victim.Counters())
}

// What lies under the name of an answer queue, and is none of the client's, is neither written to
// nor attached to.
func TestPlantedAnswerQueues(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	require.NoError(t, shmq.Create(victim, &shmq.Options{Consumers: shmq.One, Slots: 256, SlotSize: 1024}))
	holder, err := consumer.OpenRaw(victim, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, holder.Close()) }) // after those that run beside each other
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, []byte("a file"), 0o600))
	for name, plant := range map[string]func(path string) error{
		"link":          func(path string) error { return os.Symlink(victim, path) },
		"hard link":     func(path string) error { return os.Link(victim, path) },
		"link to file":  func(path string) error { return os.Symlink(plain, path) },
		"file":          func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) },
		"directory":     func(path string) error { return os.Mkdir(path, 0o700) },
		"FIFO":          func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"dangling link": func(path string) error { return os.Symlink(filepath.Join(dir, "nothing"), path) },
		"many":          func(path string) error { return shmq.Create(path, nil) },
		"small": func(path string) error {
			return shmq.Create(path, &shmq.Options{Consumers: shmq.One, Slots: 2, SlotSize: 64})
		},
		"huge": func(path string) error {
			return shmq.Create(path, &shmq.Options{Consumers: shmq.One, Slots: 1 << 17, SlotSize: 64})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, counts := served(t, ServeOptions{})
			client := token{1, 2, 3, 4, 5, 6, 7, 8}
			path := answersPath(q, client)
			require.NoError(t, plant(path))
			r := request{client: client, call: 1, payload: []byte("x")}
			records := [][]byte{appendRequest(nil, &r)}
			if strings.HasPrefix(name, "link") { // even with the right key the link is not followed
				records = append(records, sealedBy(t, creationID(t, victim), r))
			}
			sendRaw(t, q, records...)
			testproc.Until(t, func() bool { return counts.Refused.Load()+counts.Gone.Load() == uint64(len(records)) })
			require.Zero(t, senders(t, victim))
			info, err := shmq.Stat(victim)
			require.NoError(t, err)
			require.Zero(t, info.Sent)
			c, err := DialRaw(q, nil)
			require.NoError(t, err)
			_, err = c.Call(background, nil)
			require.NoError(t, err)
			require.NoError(t, c.Close())
			// A collector takes none of these for an answer queue, or removes the name alone.
			_, err = Collect(q)
			require.NoError(t, err)
			require.FileExists(t, victim)
			require.FileExists(t, plain)
		})
	}
}

// Names that clients could send to step out of the directory: there are none, only eight bytes.
func TestTokensMakeNoPaths(t *testing.T) {
	t.Parallel()
	for range 1000 {
		var client token
		for i := range client {
			client[i] = byte(rand.IntN(256))
		}
		copy(client[:], []string{"../../..", "/etc/xyz", "\x00\x00", "a/b"}[rand.IntN(4)])
		path := answersPath("/dir/q", client)
		require.Equal(t, "/dir", filepath.Dir(path))
		of, ok := AnswersOf(path)
		require.True(t, ok)
		require.Equal(t, "/dir/q", of)
	}
}

// Records that are no requests are refused, whatever they hold, and the server goes on.
func TestScribbledRequests(t *testing.T) {
	t.Parallel()
	q, counts := served(t, ServeOptions{Jobs: 3})
	c := dialTest(t, q, nil)
	good := appendRequest(nil, &request{client: c.client, call: 1 << 40, payload: []byte("payload")})
	var records [][]byte
	for i := range good {
		records = append(records, good[:i])
	}
	for range 300 {
		r := make([]byte, rand.IntN(200))
		for i := range r {
			r[i] = byte(rand.IntN(256))
		}
		records = append(records, r)
	}
	sendRaw(t, q, records...)
	testproc.Until(t, func() bool { return counts.Refused.Load() == uint64(len(records)) })
	for _, deadline := range []uint64{math.MaxUint64, math.MaxInt64, math.MaxInt64 + 1} {
		sendRaw(t, q, sealedBy(t, creationID(t, c.path), request{client: c.client, call: deadline, deadline: deadline}))
	}
	testproc.Until(t, func() bool { return counts.Answered.Load() == 3 })
	sendRaw(t, q, sealedBy(t, creationID(t, c.path), request{client: c.client, call: 9, deadline: uint64(sys.MonotonicNanos())}))
	testproc.Until(t, func() bool { return counts.Expired.Load() == 1 })
}

// Whatever comes into an answer queue, a client drops what is for none of its calls.
func TestForgedAnswers(t *testing.T) {
	t.Parallel()
	q := filepath.Join(t.TempDir(), "q")
	c := dialTest(t, q, nil)
	good := appendAnswer(nil, 1, []byte("answer"))
	failed := appendError(nil, 2, &Error{"code", "text"}, 1000)
	var records [][]byte
	for _, r := range [][]byte{good, failed} {
		for i := range r {
			records = append(records, r[:i])
		}
	}
	bad := len(records)
	records = append(records, appendAnswer(nil, 99, nil), append(failed, 0), append(appendAnswer(nil, 98, []byte{0xc1}), 0))
	bad += 2
	done := make(chan error, 1)
	go func() {
		b, err := c.Call(background, nil)
		if err == nil && string(b) != "answer" {
			err = errors.New("wrong answer")
		}
		done <- err
	}()
	sendRaw(t, c.path, append(records, good, good)...)
	require.NoError(t, <-done)
	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	_, err := c.Call(ctx, nil)
	require.ErrorIs(t, err, ErrNoServer)
	require.Equal(t, ClientCounters{Calls: 2, Answers: 1, Canceled: 1, Bad: uint64(bad), Dropped: 2}, c.Counters())
}

// Requests and answers are what docs/rpc.md says, and come back as they were.
func FuzzWire(f *testing.F) {
	f.Add(appendRequest(nil, &request{call: 1, payload: []byte("x")}))
	f.Add(appendAnswer(nil, 1, []byte{0xc1}))
	f.Add(appendError(nil, 1, &Error{"code", "text"}, 1000))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := parseRequest(b); err == nil {
			mac, _ := sealed(b)
			again := appendRequest(nil, &r)
			copy(again[len(requestMAC):], mac)
			back, err := parseRequest(again) // a payload may stand in the other form
			require.NoError(t, err)
			require.Equal(t, r, back)
		}
		if call, a, err := parseAnswer(b); err == nil && a.err == nil {
			again, back, err := parseAnswer(appendAnswer(nil, call, a.payload))
			require.NoError(t, err)
			require.Equal(t, call, again)
			require.Equal(t, string(a.payload), string(back.payload))
		}
		r, err := parseRequest(appendRequest(nil, &request{payload: b}))
		require.NoError(t, err)
		require.Equal(t, string(b), string(r.payload))
	})
}

// Clients that are opened while others collect all the time live.
func TestDialAmongCollectors(t *testing.T) {
	t.Parallel()
	q, _ := served(t, ServeOptions{})
	stop := make(chan struct{})
	var collectors, clients sync.WaitGroup
	for range 2 {
		collectors.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := Collect(q); err != nil {
					t.Error(err)
				}
				time.Sleep(10 * time.Microsecond)
			}
		})
	}
	for range 4 {
		clients.Go(func() {
			for range 25 {
				c, err := DialRaw(q, &DialOptions{MaxAnswer: 1000})
				if err != nil {
					t.Error(err)
					return
				}
				ctx, cancel := context.WithTimeout(background, testproc.Patience)
				if _, err := c.Call(ctx, nil); err != nil {
					t.Error(err)
				}
				cancel()
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	clients.Wait()
	close(stop)
	collectors.Wait()
}

// A client that is dropped without Close leaves an answer queue that others collect.
func TestDroppedClient(t *testing.T) {
	t.Parallel()
	q, counts := served(t, ServeOptions{})
	func() {
		c, err := DialRaw(q, nil)
		require.NoError(t, err)
		_, err = c.Call(background, nil)
		require.NoError(t, err)
	}()
	testproc.Until(t, func() bool {
		runtime.GC()
		return counts.Collected.Load() == 1
	})
}

// A cut answer queue is its client's trouble alone.
func TestCutAnswerQueue(t *testing.T) {
	t.Parallel()
	q, counts := served(t, ServeOptions{Jobs: 1})
	c, other := dialTest(t, q, nil), dialTest(t, q, nil)
	_, err := c.Call(background, nil)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(c.path, 4096))
	_, err = c.Call(background, nil)
	require.ErrorIs(t, err, shmq.ErrTruncated)
	for range 3 {
		_, err = other.Call(background, nil)
		require.NoError(t, err)
	}
	testproc.Until(t, func() bool { return counts.Answered.Load() == 4 })
	_ = c.Close() // says that it was cut
	_ = os.Remove(c.path)
	c.left = nil
}

// With AnswerMode the answer queue is as closed as that; otherwise it is as open as the requests.
func TestModeOfAnswerQueues(t *testing.T) {
	t.Parallel()
	q := filepath.Join(t.TempDir(), "q")
	require.NoError(t, shmq.Create(q, &shmq.Options{Mode: 0o660, Slots: 256, SlotSize: 1024}))
	for want, o := range map[os.FileMode]*DialOptions{0o660: nil, 0o600: {AnswerMode: 0o600}} {
		info, err := os.Stat(dialTest(t, q, o).path)
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm())
	}
}

// What can't be an answer queue is refused by its shape, whoever made it.
func TestShapeOfAnswerQueues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    shmq.Options
		good bool
	}{
		{shmq.Options{Consumers: shmq.One, Slots: 1 << 16, SlotSize: 64}, true},
		{shmq.Options{Consumers: shmq.One, Slots: 1 << 17, SlotSize: 64}, false},
		{shmq.Options{Consumers: shmq.Many, Slots: 64, SlotSize: 64}, false},
		{shmq.Options{Consumers: shmq.One, Slots: 2, SlotSize: 64}, false},
		{shmq.Options{Consumers: shmq.One, Slots: 64, SlotSize: 64, Checksum: true}, false},
	} {
		q := filepath.Join(t.TempDir(), "q")
		client := token{7}
		require.NoError(t, shmq.Create(answersPath(q, client), &c.o))
		p, err := openPeer(q, client)
		if c.good {
			require.NoError(t, err)
			require.NoError(t, p.close())
		} else {
			require.ErrorIs(t, err, errNoAnswers, "%+v", c.o)
		}
	}
}

// A request is one msgpack value, which every command shows, however deep its payload is nested.
func TestRequestsAreMsgpack(t *testing.T) {
	t.Parallel()
	for depth := range codec.MaxDepth + 2 {
		payload := append(bytes.Repeat([]byte{0x91}, depth), 0)
		require.NoError(t, codec.Check(appendRequest(nil, &request{payload: payload})))
		require.NoError(t, codec.Check(appendAnswer(nil, 1, payload)))
	}
	require.NoError(t, codec.Check(appendError(nil, 1, &Error{"code", "text"}, 1000)))
}
