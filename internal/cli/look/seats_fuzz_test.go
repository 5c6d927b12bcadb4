//go:build linux

package look_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/cli/look"
	"github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/internal/testmetrics"
	"github.com/shmq/shmq/layout"
)

// FuzzWhatSeatsSayIsTold lets seats and hot words say anything. The text that is printed of them
// can be parsed, and drives no terminal.
func FuzzWhatSeatsSayIsTold(f *testing.F) {
	f.Add([]byte{})
	for field := range byte(10) {
		for value := range byte(9) {
			f.Add([]byte{1, 2, 0, field, value, 1, 2, 1, field, value})
		}
	}
	g := layout.Geometry{ManyProducers: true, ManyConsumers: true, Seats: 3, Slots: 8, AreaSize: 64}
	name := filepath.Join(f.TempDir(), "q")
	f.Fuzz(func(t *testing.T, tape []byte) {
		choose := &scribble.Tape{Bytes: tape}
		image := scribble.Image(g, 5)
		change := func() {
			pen := scribble.New(image, g, choose)
			for n := choose.Below(20); n > 0; n-- {
				switch choose.Below(4) {
				case 0:
					pen.Hot()
				case 1:
					pen.Word()
				default:
					pen.Seat()
				}
			}
			require.NoError(t, os.WriteFile(name, image, 0o600))
		}
		change()
		told, err := look.Tell(name, change)
		require.NoError(t, err)
		testmetrics.Parse(t, string(told.Metrics))
		require.True(t, json.Valid(told.Info), "%s", told.Info)
		for _, line := range bytes.Split(bytes.TrimSuffix(told.Peeked, []byte("\n")), []byte("\n")) {
			require.True(t, len(line) == 0 || json.Valid(line), "%q", line)
		}
		for _, b := range [][]byte{told.Metrics, told.Info, told.Table, told.Peeked, told.Rows} {
			require.True(t, utf8.Valid(b), "%q", b)
			for _, r := range string(b) {
				require.True(t, r == '\n' || unicode.IsPrint(r), "%q in %q", r, b)
			}
		}
	})
}
