package bench

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/codec"
)

func everyCase() []Case {
	cs := Cases()
	for _, s := range Sweeps() {
		cs = append(cs, s.Cases()...)
	}
	return cs
}

func TestNamesAreUniqueAndReferencesExist(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range everyCase() {
		require.False(t, seen[c.Name], "two cases %s", c.Name)
		seen[c.Name] = true
		for _, l := range c.Limit {
			_, err := find(Cases(), l)
			require.NoError(t, err, "limit of %s", c.Name)
		}
	}
	for _, g := range Goals() {
		for _, name := range slices.Concat([]string{g.Case}, g.Against, g.Beside) {
			_, err := find(Cases(), name)
			require.NoError(t, err)
		}
		if g.Or != "" {
			_, err := find(Cases(), g.Or)
			require.NoError(t, err)
		}
	}
}

func TestSweepsHaveACaseForEachX(t *testing.T) {
	for _, s := range Sweeps() {
		for _, line := range s.Series {
			require.Len(t, line.Cases, len(line.X), line.Name)
			require.IsIncreasing(t, line.X)
		}
		got, err := FindSweep(s.Name)
		require.NoError(t, err)
		require.Equal(t, s.Title, got.Title)
	}
	_, err := FindSweep("weather")
	require.ErrorIs(t, err, shmq.ErrOption)
}

func TestSelect(t *testing.T) {
	names := func(patterns ...string) (names []string) {
		cs, err := Select(Cases(), patterns)
		require.NoError(t, err)
		for _, c := range cs {
			names = append(names, c.Name)
		}
		return names
	}
	require.Equal(t, []string{"attach"}, names("attach"))
	require.Equal(t, []string{"round-trip/many-many", "round-trip/many-many/pause", "round-trip/many-many/wait"}, names("round-trip/many-many"))
	require.Equal(t, []string{"throughput/one-one/batch-16", "throughput/many-many/batch-16", "throughput/one-many/batch-16", "throughput/many-one/batch-16"}, names("throughput/*/batch-16"))
	require.Equal(t, []string{"bare/futex", "bare/futex/one-core", "attach"}, names("attach", "bare/futex"), "in the order of the table")
	require.Len(t, names(), len(Cases()))
	_, err := Select(Cases(), []string{"attach", "throughputt"})
	require.ErrorIs(t, err, shmq.ErrOption)
	require.ErrorContains(t, err, "throughputt")
}

func TestMeasurementHasItsPayload(t *testing.T) {
	v := aMeasurement()
	b, err := codec.Msgpack().Append(nil, &v)
	require.NoError(t, err)
	require.Len(t, b, measurementPayload)
}
