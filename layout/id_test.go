package layout_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/layout"
)

func TestIDsAreTextAndBack(t *testing.T) {
	t.Parallel()
	id := layout.ID{Incarnation: 0xab, Position: 1<<64 - 1}
	for i := range id.Creation {
		id.Creation[i] = byte(16*i + 15 - i)
	}
	const text = "0f1e2d3c4b5a69788796a5b4c3d2e1f0-00000000000000ab-18446744073709551615"
	require.Equal(t, text, id.String())
	b, err := json.Marshal(id)
	require.NoError(t, err)
	require.Equal(t, `"`+text+`"`, string(b))
	var got layout.ID
	require.NoError(t, json.Unmarshal(b, &got))
	require.Equal(t, id, got)
	require.Equal(t, map[layout.ID]int{id: 1}[got], 1)
	require.Regexp(t, regexp.MustCompile(`^[0-9a-f-]+$`), layout.ID{}.String())
}

func TestOtherTextIsNoID(t *testing.T) {
	t.Parallel()
	good := layout.ID{Incarnation: 1, Position: 2}.String()
	for _, text := range []string{
		"", "-", "--", good[1:], good + "0000000000000000000", "0" + good, good + "-", " " + good, good + "\n",
		good[:33] + "+" + good[34:], good[:33] + "000000000000001-2", good[:33] + "00000000000000001-2",
		good[:50] + "02", good[:50] + "+2", good[:50] + "-2", "F" + good[1:],
	} {
		id := layout.ID{Position: 7}
		require.Error(t, id.UnmarshalText([]byte(text)), "%q", text)
		require.Equal(t, layout.ID{Position: 7}, id)
	}
}

func FuzzIDText(f *testing.F) {
	f.Add(layout.ID{Incarnation: 1 << 63, Position: 12}.String())
	f.Fuzz(func(t *testing.T, text string) {
		var id layout.ID
		if id.UnmarshalText([]byte(text)) == nil {
			require.Equal(t, text, id.String())
		}
	})
}
