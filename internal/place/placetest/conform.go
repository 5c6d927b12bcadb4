//go:build linux

// Package placetest is test support: what every kind of place has to do.
package placetest

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/name"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/layout"
)

// Kind is a kind of place.
type Kind struct {
	// Name returns a name of this kind, and removes what has it at the end of the test. If
	// Make is nil nothing has it yet.
	Name func(t testing.TB) string
	// Make makes a queue that no name of this kind can make, and returns its name; nil for
	// kinds whose names can.
	Make func(t testing.TB, s place.Spec) string
}

// spec is a small queue, of a mode that is not the default.
func spec() place.Spec {
	return place.Spec{
		Geometry: layout.Geometry{ManyProducers: true, Seats: 4, Slots: 16, AreaSize: 64},
		Mode:     0o640,
	}
}

// Conform tests a kind of place.
func Conform(t *testing.T, k Kind) {
	if k.Make != nil {
		t.Run("open", func(t *testing.T) { opens(t, find(t, k.Make(t, spec()))) })
		t.Run("keeps its name", func(t *testing.T) { keepsItsName(t, find(t, k.Make(t, spec()))) })
		return
	}
	made := func(t *testing.T) place.Place {
		at := find(t, k.Name(t))
		require.NoError(t, at.Create(spec()))
		return at
	}
	t.Run("absent", func(t *testing.T) { absent(t, find(t, k.Name(t))) })
	t.Run("open", func(t *testing.T) { opens(t, made(t)) })
	t.Run("made once", func(t *testing.T) { madeOnce(t, made(t)) })
	t.Run("one winner", func(t *testing.T) { oneWinner(t, func() place.Place { return find(t, k.Name(t)) }) })
	t.Run("too large", func(t *testing.T) { tooLarge(t, find(t, k.Name(t))) })
	t.Run("loses its name", func(t *testing.T) { losesItsName(t, made(t)) })
	t.Run("damaged", func(t *testing.T) { damaged(t, made(t)) })
}

func find(t testing.TB, queue string) place.Place {
	t.Helper()
	at, err := name.Find(queue)
	require.NoError(t, err)
	return at
}

func open(t *testing.T, at place.Place, write bool) *place.Handle {
	t.Helper()
	h, err := at.Open(write)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return h
}

func mapped(t *testing.T, h *place.Handle, write bool) []byte {
	t.Helper()
	s := spec()
	mem, err := h.Map(int(s.Bytes()), write)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sys.Unmap(mem)) })
	return mem
}

func names(t *testing.T, at place.Place, h *place.Handle) bool {
	t.Helper()
	mine, err := at.Names(h)
	require.NoError(t, err)
	return mine
}

// absent: nothing is there, and nothing comes to be there by asking.
func absent(t *testing.T, at place.Place) {
	for _, write := range []bool{false, true} {
		_, err := at.Open(write)
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
	require.ErrorIs(t, at.Discard(fs.ErrNotExist, true), fs.ErrNotExist)
}

// opens: all that open it have one memory and one set of locks, and the queue is what was
// asked for: an empty one.
func opens(t *testing.T, at place.Place) {
	one, other, reader := open(t, at, true), open(t, at, true), open(t, at, false)
	require.NotEmpty(t, at.Shown())
	s := spec()
	for _, h := range []*place.Handle{one, other, reader} {
		header, err := place.ReadHeader(h)
		require.NoError(t, err)
		require.Equal(t, s.Geometry, header.Geometry)
		require.NotZero(t, header.CreationID)
		size, mode, _, err := h.Stat()
		require.NoError(t, err)
		require.GreaterOrEqual(t, size, s.Bytes())
		require.Equal(t, s.Mode, mode)
		require.True(t, names(t, at, h))
	}

	mine, others := mapped(t, one, true), mapped(t, reader, false)
	require.Equal(t, -1, bytes.IndexFunc(mine[layout.HeaderSize:], func(r rune) bool { return r != 0 }))
	mine[s.Bytes()-1] = 7
	require.EqualValues(t, 7, others[s.Bytes()-1])

	free, err := other.Unattached()
	require.NoError(t, err)
	require.True(t, free)
	ok, err := one.File.TryLock(layout.LockConsumer, true)
	require.NoError(t, err)
	require.True(t, ok)
	ok, err = other.File.TryLock(layout.LockConsumer, false)
	require.NoError(t, err)
	require.False(t, ok, "each has a description of its own")
	for h, want := range map[*place.Handle]bool{one: true, other: false, reader: false} {
		free, err := h.Unattached()
		require.NoError(t, err)
		require.Equal(t, want, free)
	}
}

// madeOnce: a queue that is there is not made again, nor changed by the attempt.
func madeOnce(t *testing.T, at place.Place) {
	h := open(t, at, true)
	mem := mapped(t, h, true)
	mem[len(mem)-1] = 7
	before := bytes.Clone(mem)
	require.ErrorIs(t, at.Create(spec()), fs.ErrExist)
	require.Equal(t, before, mem)
	require.True(t, names(t, at, h))
}

// oneWinner: of several that make the same queue, one does.
func oneWinner(t *testing.T, next func() place.Place) {
	const makers = 4
	for range 20 {
		at, done := next(), make(chan error)
		for range makers {
			go func() { done <- at.Create(spec()) }()
		}
		won := 0
		for range makers {
			if err := <-done; err == nil {
				won++
			} else {
				require.ErrorIs(t, err, fs.ErrExist)
			}
		}
		require.Equal(t, 1, won)
	}
}

// tooLarge: a queue that can't be had leaves nothing.
func tooLarge(t *testing.T, at place.Place) {
	s := spec()
	s.Slots, s.AreaSize = 1<<16, 1<<30 // 64 TiB
	if uint64(int(s.TotalSize())) != s.TotalSize() {
		t.Skip("such a Spec is not asked of a place here")
	}
	err := at.Create(s)
	require.True(t, errors.Is(err, fail.ErrNoSpace) || errors.Is(err, fail.ErrRefused), "%v", err)
	_, err = at.Open(false)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, at.Create(spec()))
}

// losesItsName: then no new participant can come, and those that are in have what they had; and
// the next queue of that name is another.
func losesItsName(t *testing.T, at place.Place) {
	h := open(t, at, true)
	mem := mapped(t, h, true)
	mem[len(mem)-1] = 7
	require.NoError(t, place.Remove(at, h))
	require.False(t, names(t, at, h))
	require.True(t, place.Unnamed(at, h))
	require.EqualValues(t, 7, mem[len(mem)-1])
	_, err := at.Open(true)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, place.Remove(at, h), fs.ErrNotExist, "once")

	require.NoError(t, at.Create(spec()))
	again := open(t, at, true)
	require.True(t, names(t, at, again))
	require.False(t, names(t, at, h))
	require.ErrorIs(t, place.Remove(at, h), fs.ErrNotExist, "it is not this one's name")
	require.True(t, names(t, at, again))
}

// damaged: a queue that no process can use goes by force, and only so.
func damaged(t *testing.T, at place.Place) {
	h := open(t, at, true)
	mapped(t, h, true)[layout.OffHeaderCRC] ^= 1
	why := refusal(at)
	require.ErrorIs(t, why, fail.ErrDamaged)
	require.ErrorIs(t, at.Discard(why, false), fail.ErrDamaged)
	require.ErrorIs(t, refusal(at), fail.ErrDamaged, "it is still there")
	require.NoError(t, at.Discard(why, true))
	require.ErrorIs(t, refusal(at), fs.ErrNotExist)
}

// refusal is why a queue can't be opened.
func refusal(at place.Place) error {
	h, err := at.Open(true)
	if err != nil {
		return err
	}
	_, err = place.ReadHeader(h)
	return errors.Join(err, h.Close())
}

// keepsItsName: it has none that could be made, removed, or given to another.
func keepsItsName(t *testing.T, at place.Place) {
	h := open(t, at, true)
	require.ErrorIs(t, at.Create(spec()), fail.ErrName)
	require.ErrorIs(t, place.Remove(at, h), fail.ErrName)
	require.ErrorIs(t, at.Discard(fail.ErrDamaged, true), fail.ErrDamaged)
	require.True(t, names(t, at, h))
	require.False(t, place.Unnamed(at, h))
}
