//go:build linux

package file_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testdisk"
	"github.com/shmq/shmq/internal/testproc"
	"github.com/shmq/shmq/layout"
	"github.com/shmq/shmq/producer"
	"github.com/shmq/shmq/ring"
)

const pool = "/proc/sys/vm/nr_hugepages"

// addHugePages makes the pool of huge pages larger by n until the test ends.
func addHugePages(t *testing.T, n int) {
	t.Helper()
	size := func() int {
		b, err := os.ReadFile(pool)
		if errors.Is(err, os.ErrNotExist) {
			t.Skip("a kernel without huge pages")
		}
		require.NoError(t, err)
		n, err := strconv.Atoi(strings.TrimSpace(string(b)))
		require.NoError(t, err)
		return n
	}
	before := size()
	if err := os.WriteFile(pool, []byte(strconv.Itoa(before+n)), 0); err != nil {
		t.Skip("to set the number of huge pages takes root: ", err)
	}
	t.Cleanup(func() { require.NoError(t, os.WriteFile(pool, []byte(strconv.Itoa(before)), 0)) })
	if got := size(); got != before+n {
		t.Skipf("the kernel has %d huge pages for us, not %d", got-before, n)
	}
}

// carry sends records of all sizes through a queue, in this process and to another, and
// looks at them from outside.
func carry(t *testing.T, q string) {
	t.Helper()
	p, err := producer.OpenRaw(q, &producer.Options{NoCreate: true, Prefault: true})
	require.NoError(t, err)
	c, err := consumer.OpenRaw(q, nil)
	require.NoError(t, err)
	for _, n := range []int{1, 8, 1000, 100_000, p.MaxRecord()} {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i * 7)
		}
		for range 3 {
			require.NoError(t, p.TrySend(b))
			got, err := c.TryReceive(nil)
			require.NoError(t, err)
			require.Equal(t, b, got)
		}
	}
	require.NoError(t, c.Close())
	require.NoError(t, p.TrySend([]byte("seen")))
	v, err := shmq.View(q)
	require.NoError(t, err)
	var rec shmq.Record
	require.NoError(t, v.Next(&rec))
	require.Equal(t, "seen", string(rec.Data))
	require.NoError(t, v.Close())
	other := testagent.Consumer(t, q)
	require.Equal(t, testagent.Fresh("seen"), other.Lease(1))
	other.Kill()
	rec2, err := shmq.Recover(q, nil)
	require.NoError(t, err)
	require.Len(t, rec2.Dead, 1)
	require.NoError(t, p.Close())
	d, err := shmq.Check(q)
	require.NoError(t, err)
	require.Empty(t, d.Findings)
}

func TestQueueOnHugetlbfs(t *testing.T) {
	addHugePages(t, 4)
	dir := testdisk.MountHere(t, "hugetlbfs", "pagesize=2M")
	q := filepath.Join(dir, "q")
	for _, ask := range []bool{false, true} {
		require.NoError(t, shmq.Create(q, &shmq.Options{HugePages: ask})) // 4.4 MB
		a := testagent.Attach(t, q, shmq.Producer)
		require.Equal(t, 2048, testproc.Smaps(t, q, "KernelPageSize"))
		require.Equal(t, 2048, testproc.Smaps(t, q, "MMUPageSize"))
		require.NoError(t, a.Detach())
		require.ErrorIs(t, shmq.Create(q, nil), os.ErrExist)
		carry(t, q)
		info, err := shmq.Stat(q)
		require.NoError(t, err)
		require.EqualValues(t, 6<<20, info.Size, "three whole pages")
		require.Equal(t, 1, info.Orphans)
		require.NoError(t, shmq.Remove(q))
	}
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	require.NotContains(t, string(maps), dir, "all is unmapped")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
}

// In huge pages, too, it can be tried out what a rebuild would find; the copy takes pages
// of the pool.
func TestRebuildTriedOutInHugePages(t *testing.T) {
	addHugePages(t, 2)
	dir, bound := testdisk.MountHere(t, "hugetlbfs", "pagesize=2M"), t.TempDir()
	require.NoError(t, unix.Mount(dir, bound, "", unix.MS_BIND, ""))
	defer func() { require.NoError(t, unix.Unmount(bound, unix.MNT_DETACH)) }()
	require.NoError(t, shmq.Create(dir+"/q", &shmq.Options{Slots: 16, SlotSize: 64, Seats: 8, Checksum: true}))
	p := testagent.Producer(t, dir+"/q")
	p.Sends("a", "b")
	p.Kill()
	rec, err := shmq.Recover(bound+"/q", &shmq.RecoverOptions{DryRun: true})
	require.NoError(t, err)
	require.Equal(t, &ring.Rebuilt{Records: 2}, rec.Rebuilt)
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	require.NotContains(t, string(maps), bound, "all is unmapped")
}

// A stranger's file of huge pages can be sealed, and still lose a page that the pool
// can't give back.
func TestHugePagePunchedOutOfASealedFile(t *testing.T) {
	addHugePages(t, 1)
	const size = 2 << 20
	fd, err := unix.MemfdCreate("q", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_HUGETLB|21<<26)
	if err != nil {
		t.Skip("no anonymous files of huge pages here: ", err)
	}
	f := os.NewFile(uintptr(fd), "q")
	defer f.Close()
	require.NoError(t, unix.Fallocate(fd, 0, 0, size))
	mem, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(t, err)
	h := layout.Header{Geometry: layout.Geometry{Slots: 16, AreaSize: 64, Seats: 8}}
	copy(mem, h.Encode())
	require.NoError(t, unix.Munmap(mem))
	_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	require.NoError(t, err)

	a := testagent.Attach(t, shmq.FileName(f), shmq.Producer)
	require.NoError(t, unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, size))
	for {
		taken, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_HUGETLB|21<<26|unix.MAP_POPULATE)
		if err != nil {
			break
		}
		defer unix.Munmap(taken)
	}
	require.ErrorIs(t, a.Guard(func() error { a.Ring().FinishStream(); return nil }), shmq.ErrNoSpace)
	require.NoError(t, a.Detach())
}

func TestNoHugePagesLeft(t *testing.T) {
	addHugePages(t, 2)
	dir := testdisk.MountHere(t, "hugetlbfs", "pagesize=2M")
	b, err := os.ReadFile(pool)
	require.NoError(t, err)
	have, err := strconv.Atoi(strings.TrimSpace(string(b)))
	require.NoError(t, err)
	err = shmq.Create(filepath.Join(dir, "q"), nil)
	require.ErrorIs(t, err, shmq.ErrNoSpace)
	require.ErrorContains(t, err, "the queue takes 3 huge pages of 2097152 bytes; 2 are free")
	require.ErrorContains(t, err, fmt.Sprintf("sysctl vm.nr_hugepages=%d", have+1))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
	require.NoError(t, shmq.Create(filepath.Join(dir, "small"), &shmq.Options{Slots: 1024}), "what failed has given its pages back")
	require.NoError(t, shmq.Remove(filepath.Join(dir, "small")))
	limited := testdisk.MountHere(t, "hugetlbfs", "pagesize=2M,size=2M")
	err = shmq.Create(filepath.Join(limited, "q"), &shmq.Options{Slots: 2048})
	require.ErrorIs(t, err, shmq.ErrNoSpace)
	require.ErrorContains(t, err, "size=")
}

// Whatever a tmpfs says of huge pages, an option that asks for them gets them; where it says
// within_size or always, every queue does.
func TestHugePagesOnTmpfs(t *testing.T) {
	for _, c := range []struct {
		huge     string
		unasked  bool
		whenever int // KiB of huge pages when they are asked for
	}{{"never", false, 4096}, {"advise", false, 4096}, {"within_size", true, 4096}, {"always", true, 4096}} {
		t.Run(c.huge, func(t *testing.T) {
			dir := testdisk.MountHere(t, "tmpfs", "size=32m,huge="+c.huge)
			for _, ask := range []bool{true, false} {
				q := filepath.Join(dir, fmt.Sprint("q-", ask))
				if err := shmq.Create(q, &shmq.Options{HugePages: ask}); err != nil {
					require.True(t, ask, "%v", err)
					require.ErrorContains(t, err, "make the queue without them")
					t.Skip("the kernel has no huge pages for us: ", err)
				}
				a, err := attach.To(q, shmq.Producer, &attach.Options{NoCreate: true, Prefault: true})
				require.NoError(t, err)
				huge := testproc.Smaps(t, q, "ShmemPmdMapped")
				switch {
				case ask:
					require.GreaterOrEqual(t, huge, c.whenever)
				case c.unasked && huge == 0:
					t.Logf("none unasked: memory is in pieces")
				case !c.unasked:
					require.Zero(t, huge)
				}
				require.NoError(t, a.Detach())
				carry(t, q)
				require.NoError(t, shmq.Remove(q))
			}
		})
	}
}
