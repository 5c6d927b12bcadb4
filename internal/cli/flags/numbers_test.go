package flags_test

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/cli/flags"
)

func TestLettersOfNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct{ count, bytes int64 }{ // -1 for an error
		"1": {1, 1}, "4096": {4096, 4096}, "64k": {64_000, 65_536}, "64K": {64_000, 65_536}, "1M": {1e6, 1 << 20}, "2G": {2e9, 2 << 30},
		"1T": {1e12, 1 << 40}, "64KiB": {-1, 65_536}, "64kB": {-1, 64_000}, "1MB": {-1, 1e6}, "1MiB": {-1, 1 << 20},
		"": {-1, -1}, "k": {-1, -1}, "1kk": {-1, -1}, "1iB": {-1, -1}, "1i": {-1, -1}, "1B": {-1, -1}, "1.5k": {-1, -1}, "0x10": {-1, -1},
		"1 k": {-1, -1}, "1e3": {-1, -1}, "9223372036854775807k": {-1, -1}, "9223372036854775808": {-1, -1}, "99999999T": {-1, -1}, "0": {-1, -1}, "-1k": {-1, -1},
	} {
		set := pflag.NewFlagSet("", pflag.ContinueOnError)
		var n, size int
		flags.Int(set, &n, "number", "", 7, 1, "")
		flags.Size(set, &size, "size", 7, "")
		for _, f := range []struct {
			name      string
			got       *int
			wantValue int64
		}{{"number", &n, want.count}, {"size", &size, want.bytes}} {
			err := set.Set(f.name, text)
			if f.wantValue < 0 || int64(int(f.wantValue)) != f.wantValue { // an int may have 32 bits
				require.Error(t, err, "--%s %s", f.name, text)
				require.Equal(t, 7, *f.got)
				continue
			}
			require.NoError(t, err)
			require.EqualValues(t, f.wantValue, *f.got, "--%s %s", f.name, text)
		}
	}
	var c flags.Count
	require.NoError(t, c.Set("10k"))
	require.Equal(t, flags.Count(10_000), c)
	var r flags.Rate
	for text, want := range map[string]flags.Rate{"0.5": 0.5, "10k": 10_000, "1e3": 1000} {
		require.NoError(t, r.Set(text))
		require.Equal(t, want, r)
	}
}
