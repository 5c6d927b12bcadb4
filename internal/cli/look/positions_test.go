//go:build linux

package look_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/cli/look"
	"github.com/shmq/shmq/internal/scribble"
	"github.com/shmq/shmq/layout"
)

// People are not told of a position below 0, whatever words stand in the slots of a young
// queue.
func TestScribbledWordsHaveNoAbsurdPositions(t *testing.T) {
	t.Parallel()
	absurd := regexp.MustCompile(`.*\b1844674407\d{10}\b.*`)
	g := layout.Geometry{ManyProducers: true, ManyConsumers: true, Seats: 3, Slots: 64, AreaSize: 64}
	name := filepath.Join(t.TempDir(), "q")
	for seed := range uint64(200) {
		choose := scribble.Dice(seed)
		image := scribble.Image(g, 5)
		change := func() {
			pen := scribble.New(image, g, choose)
			for range 1 + choose.Below(20) {
				pen.Word()
			}
			require.NoError(t, os.WriteFile(name, image, 0o600))
		}
		change()
		told, err := look.Tell(name, change)
		require.NoError(t, err)
		d := &shmq.Diagnosis{}
		if seed < 20 { // it looks again before it says that something is damaged
			d, err = shmq.Check(name)
			require.NoError(t, err)
		}
		var findings bytes.Buffer
		for _, f := range d.Findings {
			b, err := json.Marshal(f)
			require.NoError(t, err)
			findings.Write(append(b, '\n'))
		}
		for what, b := range map[string][]byte{"metrics": told.Metrics, "table": told.Table, "peek": told.Peeked, "rows": told.Rows, "check": findings.Bytes()} {
			require.Empty(t, string(absurd.Find(b)), "seed %d: %s", seed, what)
		}
	}
}
