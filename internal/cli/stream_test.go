package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
)

// Whichever side starts first, and whatever the roles, the bytes come out as they
// went in, and both ends end.
func TestStreamIsTheSameWhoeverStartsFirst(t *testing.T) {
	in := numbers(1, 200_000)
	for _, producers := range []string{"one", "many"} {
		for _, consumers := range []string{"one", "many"} {
			for _, first := range []string{"sender", "receiver"} {
				t.Run(fmt.Sprintf("producers=%s/consumers=%s/first=%s", producers, consumers, first), func(t *testing.T) {
					t.Parallel()
					q := queuePath(t)
					flags := []string{q, "--producers", producers, "--consumers", consumers}
					var sender, receiver *process
					send := func() {
						sender = start(t, bytes.NewReader(in), nil, "shmq-send", append(flags, "--close")...)
						if first == "sender" {
							until(t, "full queue", waiting(q, shmq.Producer))
						}
					}
					recv := func() {
						receiver = start(t, nil, nil, "shmq-recv", append(flags, "--until-eof")...)
						if first == "receiver" {
							until(t, "idle receiver", waiting(q, shmq.Consumer))
						}
					}
					if first == "sender" {
						send()
						recv()
					} else {
						recv()
						send()
					}
					require.Empty(t, sender.ends(0))
					require.Empty(t, receiver.ends(0))
					requireSame(t, in, receiver.out.Bytes())
				})
			}
		}
	}
}

func TestRawIsByteIdentical(t *testing.T) {
	t.Parallel()
	in := make([]byte, 20<<20)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(in)
	q := queuePath(t)
	receiver := start(t, nil, nil, "shmq-recv", q, "--format", "raw", "--until-eof")
	until(t, "receiver", func() bool { return len(attached(q, shmq.Consumer)) == 1 })
	sender := start(t, bytes.NewReader(in), nil, "shmq-send", q, "--format", "raw")
	sender.ends(0)
	receiver.ends(0)
	requireSame(t, in, receiver.out.Bytes())
}

func TestNestedJSONComesBackEqual(t *testing.T) {
	t.Parallel()
	var in bytes.Buffer
	for i := range 5_000 {
		fmt.Fprintf(&in, `{"id": %d, "big": %d, "tags": ["a", "ü\n", {"deep": [%s1%s, null, true]}], "x": %g, "e": {}}`+"\n",
			i, uint64(1)<<63+uint64(i), strings.Repeat("[", i%50), strings.Repeat("]", i%50), float64(i)/7)
	}
	q := queuePath(t)
	sender := start(t, bytes.NewReader(in.Bytes()), nil, "shmq-send", q, "--format", "json", "--close")
	receiver := start(t, nil, nil, "shmq-recv", q, "--format", "json", "--until-eof")
	sender.ends(0)
	receiver.ends(0)
	want, got := bytes.Split(in.Bytes(), []byte("\n")), bytes.Split(receiver.out.Bytes(), []byte("\n"))
	require.Len(t, got, len(want))
	for i := range want[:len(want)-1] {
		require.Equal(t, exact(t, want[i]), exact(t, got[i]))
	}
}

// exact decodes JSON with its numbers as they are written.
func exact(t *testing.T, b []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	return v
}

func TestThreeSendersAndThreeReceivers(t *testing.T) {
	t.Parallel()
	const each = 50_000
	q := queuePath(t)
	var senders, receivers []*process
	for range 3 {
		receivers = append(receivers, start(t, nil, nil, "shmq-recv", q, "--until-eof", "--slots", "256"))
	}
	until(t, "receivers", func() bool { return len(attached(q, shmq.Consumer)) == 3 })
	// All hold a seat before the first ends: no gap in which the queue seems over.
	var gates []*gate
	for i := range 3 {
		g := newGate(numbers(i*each+1, (i+1)*each))
		gates = append(gates, g)
		senders = append(senders, start(t, g, nil, "shmq-send", q))
	}
	until(t, "senders", func() bool { return len(attached(q, shmq.Producer)) == 3 })
	for _, g := range gates {
		g.open()
	}
	for _, p := range append(senders, receivers...) {
		p.ends(0)
	}
	var all []int
	for _, r := range receivers {
		last := [3]int{}
		for _, line := range strings.Fields(r.out.String()) {
			n, err := strconv.Atoi(line)
			require.NoError(t, err)
			from := (n - 1) / each
			if n <= last[from] {
				t.Fatalf("%d came after %d", n, last[from])
			}
			last[from] = n
			all = append(all, n)
		}
	}
	require.Len(t, all, 3*each)
	slices.Sort(all)
	for i, n := range all {
		if n != i+1 {
			t.Fatalf("record %d is missing or there twice", i+1)
		}
	}
}

// gate is an input that begins when it is opened.
type gate struct {
	data   io.Reader
	opened chan struct{}
}

func newGate(b []byte) *gate { return &gate{bytes.NewReader(b), make(chan struct{})} }

func (g *gate) open() { close(g.opened) }

func (g *gate) Read(b []byte) (int, error) {
	<-g.opened
	return g.data.Read(b)
}
