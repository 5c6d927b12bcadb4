package pump_test

import (
	"context"
	"io"
	"io/fs"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/format"
	"github.com/shmq/shmq/internal/cli/pump"
	"github.com/shmq/shmq/producer"
)

// An input that can't be read is no matter of the queue's permissions.
func TestUnreadInput(t *testing.T) {
	t.Parallel()
	p, err := producer.OpenRaw(filepath.Join(t.TempDir(), "q"), nil)
	require.NoError(t, err)
	defer p.Close()
	h := &pump.Hold{Ctx: context.Background()}
	out := pump.NewOutbox(h, p, pump.SendOptions{Batch: 1, Count: -1})
	err = h.Run(func() error { return out.Pump([]io.Reader{iotest.ErrReader(fs.ErrPermission)}, format.All[0]) })
	require.ErrorContains(t, err, "can't read the input: permission denied; records sent: 0")
	require.Equal(t, exit.CodeOther, exit.Code(err))
}
