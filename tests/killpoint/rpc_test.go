//go:build linux && amd64

package killpoint

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/rpc"
)

// rpcMode: the victim is a client, or a server.
const rpcMode = "rpc"

// rpcScenario is an operation of a client, whose server lives.
type rpcScenario struct {
	name    string
	prepare func(v *rpcVictim)
	calls   []rpcCall
}

type rpcCall struct {
	do   func(v *rpcVictim)
	asks bool
}

type rpcVictim struct {
	*victim
	c *rpc.RawClient
}

func rpcScenarios() []*rpcScenario {
	dial := rpcCall{do: func(v *rpcVictim) {
		var err error
		v.c, err = rpc.DialRaw(v.queue, &rpc.DialOptions{MaxAnswer: 1000})
		v.check(err)
	}}
	call := rpcCall{asks: true, do: func(v *rpcVictim) {
		got, err := v.c.Call(context.Background(), []byte("its"))
		v.check(err)
		if string(got) != "its" {
			v.check(errors.New("a wrong answer"))
		}
	}}
	hangUp := rpcCall{do: func(v *rpcVictim) { v.check(v.c.Close()) }}
	return []*rpcScenario{
		{"rpc: dial", nil, []rpcCall{dial}},
		{"rpc: call", dial.do, []rpcCall{call}},
		{"rpc: call again", func(v *rpcVictim) { dial.do(v); call.do(v) }, []rpcCall{call}},
		{"rpc: close", func(v *rpcVictim) { dial.do(v); call.do(v) }, []rpcCall{hangUp}},
	}
}

func playRPCVictim(p *page, v *victim, scenario string) {
	rv := &rpcVictim{victim: v}
	if scenario == serves {
		p.perform([]func(){func() { v.check(rpc.ServeRaw(context.Background(), v.queue, &rpc.ServeOptions{Jobs: 2}, echo)) }})
	}
	for _, s := range rpcScenarios() {
		if s.name != scenario {
			continue
		}
		if s.prepare != nil {
			s.prepare(rv)
		}
		calls := make([]func(), len(s.calls))
		for i := range calls {
			calls[i] = func() { s.calls[i].do(rv) }
		}
		p.perform(calls)
	}
	panic("no scenario " + scenario)
}

func echo(_ context.Context, b []byte) ([]byte, error) { return b, nil }

func (s *rpcScenario) play() play {
	return play{rpcMode, s.name, len(s.calls), func(t *testing.T) stage { return newRPCWorld(t, s) }}
}

// rpcWorld is a request queue, a server and a client that live.
type rpcWorld struct {
	t       *testing.T
	s       *rpcScenario
	queue   string
	client  *rpc.RawClient
	counts  rpc.Counters
	handled atomic.Int64 // requests of the victim
	before  int64
	end     func()
}

func newRPCWorld(t *testing.T, s *rpcScenario) *rpcWorld {
	w := &rpcWorld{t: t, s: s, queue: filepath.Join(t.TempDir(), "requests")}
	require.NoError(t, shmq.Create(w.queue, &shmq.Options{Slots: slots, SlotSize: 256}))
	var err error
	w.client, err = rpc.DialRaw(w.queue, nil)
	require.NoError(t, err)
	if s != nil {
		w.serve()
	}
	return w
}

// serve starts a server.
func (w *rpcWorld) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- rpc.ServeRaw(ctx, w.queue, &rpc.ServeOptions{Counters: &w.counts}, func(ctx context.Context, b []byte) ([]byte, error) {
			if string(b) == "its" {
				w.handled.Add(1)
			}
			return b, nil
		})
	}()
	w.end = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
}

func (w *rpcWorld) address() string { return w.queue }

func (w *rpcWorld) ready() { w.before = w.handled.Load() }

// state counts what there is: the living ones change the rest all the time.
func (w *rpcWorld) state() state {
	info, err := shmq.Stat(w.queue)
	if err != nil {
		return 0
	}
	names, _ := filepath.Glob(w.queue + ".answers-*")
	return state(len(names)<<32 | int(info.Sent)<<8 | len(info.Participants))
}

func (w *rpcWorld) changed() bool { return false }

func (w *rpcWorld) close() {
	if w.end != nil {
		w.end()
		w.end = nil
	}
	_ = w.client.Close()
}

// contract checks that the server serves, that the request was handled once if its call has
// returned and at most once otherwise, and that nothing is left of the victim.
func (w *rpcWorld) contract(returned int) error {
	if err := w.works(); err != nil {
		return err
	}
	least, most := int64(0), int64(0)
	for i, call := range w.s.calls {
		if call.asks && i < returned {
			least++
		}
		if call.asks && i <= returned {
			most++
		}
	}
	if n := w.handled.Load() - w.before; n < least || n > most {
		return fmt.Errorf("%d requests were handled, want %d to %d", n, least, most)
	}
	w.close()
	if n := w.counts.Refused.Load() + w.counts.Failed.Load() + w.counts.Expired.Load(); n > 0 {
		return fmt.Errorf("%d requests were refused, failed or expired", n)
	}
	return w.empty()
}

// works calls, which has to be answered, and waits for the answer queue of the dead to go.
func (w *rpcWorld) works() error {
	ctx, cancel := context.WithTimeout(context.Background(), testproc.Patience)
	defer cancel()
	got, err := w.client.Call(ctx, []byte("ours"))
	if err == nil && string(got) != "ours" {
		err = errors.New("a wrong answer")
	}
	if err != nil {
		return fmt.Errorf("after its death: %w", err)
	}
	for {
		names, err := filepath.Glob(w.queue + ".answers-*")
		if err != nil {
			return err
		}
		if len(names) == 1 {
			return nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%d answer queues are left", len(names)-1)
		}
	}
}

// empty checks that nothing is left, when all have ended.
func (w *rpcWorld) empty() error {
	if names, err := filepath.Glob(w.queue + ".answers-*"); err != nil || len(names) > 0 {
		return errors.Join(fmt.Errorf("%d answer queues are left", len(names)), err)
	}
	info, err := shmq.Stat(w.queue)
	if err == nil && info.Records+info.Leased+info.Orphans > 0 {
		err = fmt.Errorf("%d records, %d leased and %d orphans are left", info.Records, info.Leased, info.Orphans)
	}
	return err
}
