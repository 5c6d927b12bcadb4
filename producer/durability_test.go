package producer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/producer"
)

func TestDurabilityHasATextForm(t *testing.T) {
	t.Parallel()
	for text, d := range map[string]producer.Durability{
		"none":     {},
		"each":     {Every: 1},
		"100":      {Every: 100},
		"10ms":     {Within: 10 * time.Millisecond},
		"100,10ms": {Every: 100, Within: 10 * time.Millisecond},
		"each,1s":  {Every: 1, Within: time.Second},
	} {
		require.Equal(t, text, d.String())
		var got producer.Durability
		require.NoError(t, got.UnmarshalText([]byte(text)))
		require.Equal(t, d, got)
	}
	var swapped producer.Durability
	require.NoError(t, swapped.UnmarshalText([]byte("1m,7")))
	require.Equal(t, producer.Durability{Every: 7, Within: time.Minute}, swapped)
	for _, text := range []string{"", "0", "-1", "all", "1.5", "0s", "-1ms", "1,2", "1s,2s", "1,1s,1", "each,", "none,1"} {
		var d producer.Durability
		require.ErrorIs(t, d.UnmarshalText([]byte(text)), shmq.ErrOption, text)
	}
}
