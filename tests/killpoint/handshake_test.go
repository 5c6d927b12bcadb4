//go:build linux && amd64

package killpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/conn"
	"github.com/shmq/shmq/internal/testproc"
)

// shakeMode: the victim dials, or listens.
const shakeMode = "conn, hand-shake"

// shakeScenario is an operation before there is a connection, or beside it.
type shakeScenario struct {
	name    string
	listens bool // the victim, else the tracer's process
	stale   bool // a dead listener has left its socket
	prepare func(v *shakeVictim)
	calls   []func(v *shakeVictim)
}

type shakeVictim struct {
	*victim
	l *conn.Listener
	c *conn.Conn
}

func shakeScenarios() []*shakeScenario {
	listen := func(v *shakeVictim) {
		var err error
		v.l, err = conn.Listen(v.queue)
		v.check(err)
	}
	dial := func(v *shakeVictim) {
		var err error
		v.c, err = conn.Dial(context.Background(), v.queue)
		v.check(err)
	}
	write := func(v *shakeVictim) {
		_, err := v.c.Write(stream(0, before))
		v.check(err)
	}
	return []*shakeScenario{
		{name: "conn: dial, write", calls: []func(v *shakeVictim){dial, write}},
		{name: "conn: listen", listens: true, calls: []func(v *shakeVictim){listen}},
		{name: "conn: listen, stale socket", listens: true, stale: true, calls: []func(v *shakeVictim){listen}},
		{name: "conn: close listener", listens: true, prepare: listen, calls: []func(v *shakeVictim){
			func(v *shakeVictim) { v.check(v.l.Close()) },
		}},
	}
}

func playShakeVictim(p *page, v *victim, scenario string) {
	for _, s := range shakeScenarios() {
		if s.name != scenario {
			continue
		}
		sv := &shakeVictim{victim: v}
		if s.prepare != nil {
			s.prepare(sv)
		}
		calls := make([]func(), len(s.calls))
		for i := range calls {
			calls[i] = func() { s.calls[i](sv) }
		}
		p.perform(calls)
	}
	panic("no scenario " + scenario)
}

func (s *shakeScenario) play() play {
	return play{shakeMode, s.name, len(s.calls), func(t *testing.T) stage { return newShakeWorld(t, s) }}
}

// shakeWorld is a name, and who listens there if that is not the victim.
type shakeWorld struct {
	t    *testing.T
	s    *shakeScenario
	name string
	l    *conn.Listener
	last state
}

func newShakeWorld(t *testing.T, s *shakeScenario) *shakeWorld {
	w := &shakeWorld{t: t, s: s, name: filepath.Join(t.TempDir(), "conn")}
	var err error
	if !s.listens {
		w.l, err = conn.Listen(w.name)
		require.NoError(t, err)
	}
	if s.stale {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: w.name})
		require.NoError(t, err)
		l.SetUnlinkOnClose(false)
		require.NoError(t, l.Close())
	}
	w.changed()
	return w
}

func (w *shakeWorld) address() string { return w.name }
func (w *shakeWorld) ready()          {}

// state tells the files that may be there apart.
func (w *shakeWorld) state() state {
	info, err := os.Lstat(w.name)
	if err != nil {
		return 0
	}
	return 1 + state(info.Sys().(*syscall.Stat_t).Mode&0o777)
}

func (w *shakeWorld) changed() bool {
	now := w.state()
	changed := now != w.last
	w.last = now
	return changed
}

func (w *shakeWorld) close() {
	if w.l != nil {
		_ = w.l.Close()
	}
}

// contract checks that the name is of use, that each connection is whole or tells that it is
// not, and that nothing is left.
func (w *shakeWorld) contract(returned int) error {
	var err error
	if w.s.listens {
		if w.l, err = conn.Listen(w.name); err != nil {
			return fmt.Errorf("after its death: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), testproc.Patience)
	defer cancel()
	defer context.AfterFunc(ctx, w.close)() // ends a wait for ever
	ours, err := conn.Dial(ctx, w.name)
	if err != nil {
		return fmt.Errorf("after its death: %w", err)
	}
	defer ours.Close()
	_, err = ours.Write(stream(0, 1))
	if err == nil {
		err = ours.CloseWrite()
	}
	if err != nil {
		return err
	}
	for wantsOurs, wantsIts := true, !w.s.listens && returned > 0; wantsOurs || wantsIts; {
		c, err := w.l.AcceptConn()
		if err != nil {
			return fmt.Errorf("a connection is missing: %w", err)
		}
		err = c.SetReadDeadline(time.Now().Add(testproc.Patience))
		var got []byte
		if err == nil {
			got, err = io.ReadAll(c)
		}
		_ = c.Close()
		switch {
		case c.Peer().PID == os.Getpid():
			wantsOurs = false
			if len(got) != 1 || err != nil {
				return fmt.Errorf("%d bytes of ours came: %w", len(got), err)
			}
		case !errors.Is(err, syscall.ECONNRESET):
			return fmt.Errorf("its death was read as: %w", err)
		case !bytes.Equal(got, stream(0, len(got))) || returned > 1 && len(got) != before:
			return fmt.Errorf("%d bytes of its came", len(got))
		default:
			wantsIts = false
		}
	}
	if err := w.l.Close(); err != nil {
		return err
	}
	w.l = nil
	left, err := os.ReadDir(filepath.Dir(w.name))
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("%s is left", left[0].Name())
	}
	return err
}
