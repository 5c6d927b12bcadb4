package file_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testproc"
)

// Some filesystems (NFS, some FUSE ones) can't make a file without a name. A filter
// in a child refuses it in the way they do.
func TestCreateWithoutNamelessFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := testproc.Start(t, "no-tmpfile", dir)
	c.Expect("done")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1, "the queue, and nothing beside it")
	info, err := shmq.Stat(dir + "/q")
	require.NoError(t, err)
	require.Equal(t, "0640", info.Mode)
	require.Equal(t, 64, info.Slots)
}

func createWithoutTmpfile(c *testproc.Child) {
	const bit = unix.O_TMPFILE &^ unix.O_DIRECTORY
	c.Refuse(unix.SYS_OPENAT, unix.EOPNOTSUPP, 2, bit)
	dir := c.Args[0]
	if _, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR, 0o600); err != unix.EOPNOTSUPP {
		c.Fail("the filter does not work: %v", err)
	}
	q := dir + "/q"
	c.Check(shmq.Create(q, &shmq.Options{Slots: 64, Mode: 0o640}))
	if err := shmq.Create(q, nil); !errors.Is(err, fs.ErrExist) {
		c.Fail("made twice: %v", err)
	}
	if err := shmq.Create(dir+"/big", &shmq.Options{Slots: 1 << 24, SlotSize: 1 << 30}); err == nil {
		c.Fail("there is room for 16 PiB")
	}
	a, err := attach.To(q, shmq.Producer, nil)
	c.Check(err)
	c.Check(a.Detach())
	c.Say("done")
	<-c.Lines
}
