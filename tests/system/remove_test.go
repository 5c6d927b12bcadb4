package system_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestRemoveRefusesWhileInUse(t *testing.T) {
	t.Parallel()
	testagent.EachMode(t, func(t *testing.T, o shmq.Options) {
		q := testagent.Queue(t, &o)
		p, c := testagent.Producer(t, q), testagent.Consumer(t, q)
		for _, a := range []*testagent.Agent{p, c} {
			err := shmq.Remove(q)
			require.ErrorIs(t, err, shmq.ErrInUse)
			require.ErrorContains(t, err, fmt.Sprintf("pid %d ", a.PID()))
			require.ErrorContains(t, err, "by force")
			a.Do("close")
		}
		require.NoError(t, shmq.Remove(q))
		require.ErrorIs(t, shmq.Remove(q), fs.ErrNotExist)
	})
}

func TestRemoveChecksWhenNobodyCanAttach(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	testagent.Producer(t, q).Do("close")
	refusal := errors.New("refused")
	require.ErrorIs(t, shmq.Remove(q, func() error {
		for _, role := range []shmq.Role{shmq.Producer, shmq.Consumer} {
			_, err := attach.To(q, role, nil)
			require.Error(t, err)
		}
		_, err := shmq.Stat(q)
		require.NoError(t, err)
		return refusal
	}), refusal)
	a := testagent.Attach(t, q, shmq.Producer)
	require.ErrorIs(t, shmq.Remove(q, func() error { panic("asked while in use") }), shmq.ErrInUse)
	require.NoError(t, a.Detach())
	require.NoError(t, shmq.Remove(q, func() error { return nil }))
	require.ErrorIs(t, shmq.Remove(q), fs.ErrNotExist)
}

// The refusal takes nothing from participants at work, nor from the next one.
func TestRefusedRemoveLeavesNoLock(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, &testagent.Single)
	testagent.Attach(t, q, shmq.Consumer)
	for range 20 {
		require.ErrorIs(t, shmq.Remove(q), shmq.ErrInUse)
		require.NoError(t, testagent.Attach(t, q, shmq.Producer).Detach())
	}
}

// No participant ends up attached to a queue that was removed, however attachments, removals
// and creations interleave: with an attachment open, its name stays.
func TestAttachAndRemoveRace(t *testing.T) {
	t.Parallel()
	for _, o := range testagent.Modes() {
		raceAttachAndRemove(t, testagent.Name(t), o, 200)
	}
}

func raceAttachAndRemove(t *testing.T, name string, o shmq.Options, rounds int) {
	t.Helper()
	opts := &attach.Options{Create: o}
	opts.Create.Slots, opts.Create.Seats = 4, 4
	done := make(chan struct{})
	var removers, attachers sync.WaitGroup
	for range 2 {
		removers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				err := shmq.Remove(name)
				if err != nil && !errors.Is(err, shmq.ErrInUse) && !errors.Is(err, fs.ErrNotExist) && !testproc.Says(err, "try again") {
					t.Errorf("remove: %v", err)
					return
				}
			}
		})
	}
	for _, role := range []shmq.Role{shmq.Producer, shmq.Consumer} {
		attachers.Go(func() {
			for range rounds {
				a, err := attach.To(name, role, opts)
				if err != nil {
					t.Errorf("attach: %v", err)
					return
				}
				info, err := shmq.Stat(name)
				if err != nil {
					t.Errorf("attached to a queue without a name: %v", err)
				} else if n := len(info.Participants); n == 0 {
					t.Errorf("attached to another queue than the one of that name")
				}
				if err := a.Detach(); err != nil {
					t.Errorf("detach: %v", err)
				}
			}
		})
	}
	attachers.Wait()
	close(done)
	removers.Wait()
}

// The remedy is told once, however many layers an error comes through.
func TestRemovedIsToldOnce(t *testing.T) {
	t.Parallel()
	q := testagent.Queue(t, nil)
	p, c := testagent.OpenProducer(t, q), testagent.OpenConsumer(t, q, nil)
	require.NoError(t, shmq.ForceRemove(q))
	_, err := c.Receive(testagent.Within(t), nil)
	require.ErrorIs(t, err, shmq.ErrRemoved)
	require.Equal(t, 1, strings.Count(err.Error(), "attach again"), err)
	for err = nil; err == nil; { // until it looks
		err = p.Send(testagent.Within(t), make([]byte, 100))
	}
	require.ErrorIs(t, err, shmq.ErrRemoved)
	require.Equal(t, 1, strings.Count(err.Error(), "attach again"), err)
}
