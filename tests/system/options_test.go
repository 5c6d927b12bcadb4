package system_test

import (
	"io/fs"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
)

func TestOptionsDefaultAndRounding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		opts               *shmq.Options
		slots, size, seats int
		mode               string
	}{
		{nil, 4096, 1024, 128, "0600"},
		{&shmq.Options{}, 4096, 1024, 128, "0600"},
		{&shmq.Options{Slots: 2, SlotSize: 1, Seats: 2}, 2, 64, 2, "0600"},
		{&shmq.Options{Slots: 5, SlotSize: 65, Seats: 3, Mode: 0o640}, 8, 128, 3, "0640"},
		{&shmq.Options{Slots: 8, SlotSize: 64, Seats: 1024, Mode: 0o666}, 8, 64, 1024, "0666"},
	} {
		info, err := shmq.Stat(testagent.Queue(t, c.opts))
		require.NoError(t, err)
		require.Equal(t, []any{c.slots, c.size, c.seats, c.mode}, []any{info.Slots, info.SlotSize, info.Seats, info.Mode})
		require.Equal(t, c.slots/2*c.size, info.MaxRecord)
	}
}

func TestOptionsKeepTheSides(t *testing.T) {
	t.Parallel()
	for _, o := range testagent.Modes() {
		o.Slots = 4
		info, err := shmq.Stat(testagent.Queue(t, &o))
		require.NoError(t, err)
		require.Equal(t, o.Producers, info.Producers)
		require.Equal(t, o.Consumers, info.Consumers)
	}
}

func TestOptionsOutOfRangeAreRefused(t *testing.T) {
	t.Parallel()
	name := testagent.Name(t)
	for _, o := range []shmq.Options{
		{Slots: 1}, {Slots: -1}, {Slots: 1<<24 + 1}, {Slots: math.MaxInt}, {Slots: math.MinInt},
		{SlotSize: -1}, {SlotSize: 1<<30 + 1}, {SlotSize: math.MaxInt}, {SlotSize: math.MinInt},
		{Seats: 1}, {Seats: -1}, {Seats: 1025},
		{Mode: fs.ModeSetuid | 0o600}, {Mode: fs.ModeDir | 0o700},
	} {
		err := shmq.Create(name, &o)
		require.ErrorIs(t, err, shmq.ErrOption, "%+v", o)
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, "want", "the error says what is allowed")
		_, err = shmq.Stat(name)
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
}

func TestSideAsText(t *testing.T) {
	t.Parallel()
	var s shmq.Multiplicity
	require.NoError(t, s.UnmarshalText([]byte("one")))
	require.Equal(t, shmq.One, s)
	require.NoError(t, s.UnmarshalText([]byte("many")))
	require.Equal(t, shmq.Many, s)
	require.ErrorIs(t, s.UnmarshalText([]byte("two")), shmq.ErrOption)
}
