//go:build linux

package powercut_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/consumer"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testdisk"
	"github.com/shmq/shmq/producer"
)

// A queue that is full when its filesystem is unmounted is full when it is mounted again,
// whether its participants left or were killed.
func TestQueueIsThereAfterRemount(t *testing.T) {
	d := testdisk.New(t)
	d.Mount("img", 16, "", "m")
	name := d.Path("m/q")
	for _, killed := range []bool{false, true} {
		require.NoError(t, shmq.Create(name, &shmq.Options{Slots: 16, SlotSize: 64, Seats: 4, Checksum: true}))
		p := testagent.Producer(t, name)
		var want []string
		for i := range 16 {
			want = append(want, fmt.Sprint("record", i))
			p.Sends(want[i])
		}
		require.Contains(t, p.Fails("try-send x"), "full")
		c := testagent.Consumer(t, name)
		held := c.Lease(1)
		require.Equal(t, testagent.Fresh(want[0]), held)
		if killed {
			p.Kill()
			c.Kill()
		} else {
			c.Do("close") // gives back what it held
			p.Do("close")
			p.Exit()
			c.Exit()
		}
		d.Run("cd %s && umount m && mount -o loop img m", d.Dir)
		info, err := shmq.Stat(name)
		require.NoError(t, err)
		require.Equal(t, killed, info.Broken)
		in := testagent.OpenConsumer(t, name, &consumer.Options{NoCreate: true})
		for i, text := range want {
			l, err := in.TryLease()
			require.NoError(t, err)
			require.Equal(t, text, string(l.Bytes()))
			require.Equal(t, killed || i == 0, l.Redelivered() > 0)
			l.Ack()
		}
		_, err = in.TryLease()
		require.ErrorIs(t, err, shmq.ErrEmpty)
		require.NoError(t, in.Close())
		testagent.Works(t, name)
		require.NoError(t, shmq.Remove(name))
	}
	d.Run("umount %s/m", d.Dir)
}

// A disk that can't write: the device's backing store is full. The error names the
// reason; the records are in the queue; and when the disk can write again, the next sync
// has those too whose write failed, which the kernel takes for written.
func TestSyncFailsWithTheDisk(t *testing.T) {
	d := testdisk.New(t)
	d.Run("cd %s && mkdir small && mount -t tmpfs -o size=26m none small && fallocate -l 24M small/img", d.Dir)
	d.Mount("small/img", 24, "-b 4096 -J size=4 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0", "m")
	name := d.Path("m/q")
	require.NoError(t, shmq.Create(name, &shmq.Options{Slots: 64, SlotSize: 16 << 10, Seats: 4, Checksum: true}))
	p, err := producer.OpenRaw(name, &producer.Options{NoCreate: true, Durability: producer.Durability{Every: 1}})
	require.NoError(t, err)
	large := func(text string) []byte { return []byte(strings.Repeat(text, 9000)) }
	require.NoError(t, p.TrySend(large("a")))

	// All of the queue becomes a hole in what is behind the device, and then there is no
	// room for it. (A loop device hides a write that fails half-way, so none may begin
	// before the hole.)
	d.Run("cd %s && for b in $(filefrag -e m/q | awk '$1 ~ /^[0-9]+:$/ {print $4+0 \":\" $6+0}'); do fallocate -p -o $((${b%%:*}*4096)) -l $((${b#*:}*4096)) small/img; done", d.Dir)
	d.Run("cd %s && ! cat /dev/zero > small/filler 2>/dev/null", d.Dir)
	err = p.TrySend(large("b"))
	require.ErrorIs(t, err, shmq.ErrSync)
	require.True(t, isIO(err), "%v", err)
	require.ErrorContains(t, err, "its records are in the queue")
	require.ErrorIs(t, p.TrySend(large("c")), shmq.ErrSync)
	require.ErrorIs(t, p.Sync(), shmq.ErrSync)
	require.ErrorIs(t, shmq.Sync(name), shmq.ErrSync)

	d.Run("rm %s/small/filler", d.Dir)
	require.NoError(t, p.Sync())
	d.Run("cd %s && cp small/img copy && mkdir after && mount -o loop copy after", d.Dir)
	in := testagent.OpenConsumer(t, d.Path("after/q"), &consumer.Options{NoCreate: true})
	for _, text := range []string{"a", "b", "c"} {
		b, err := in.TryReceive(nil)
		require.NoError(t, err)
		require.Equal(t, string(large(text)), string(b))
	}
	require.NoError(t, in.Close())
	require.NoError(t, p.Close())
	d.Run("cd %s && umount after m small", d.Dir)
}

// isIO reports whether an error is one that a disk gives.
func isIO(err error) bool {
	for _, e := range []error{syscall.EIO, syscall.ENOSPC} {
		if strings.Contains(err.Error(), e.Error()) {
			return true
		}
	}
	return false
}

// A queue with checksums is on the disk, by its name, when Create returns.
func TestNewQueueSurvivesAPowerCut(t *testing.T) {
	d := testdisk.New(t)
	d.Mount("img", 16, "", "m")
	require.NoError(t, os.Mkdir(d.Path("m/sub"), 0o700))
	d.Run("sync -f %s/m", d.Dir)
	require.NoError(t, shmq.Create(d.Path("m/sub/q"), &shmq.Options{Slots: 16, Checksum: true}))
	d.Run("cd %s && cp img copy && mkdir after && mount -o loop copy after", d.Dir)
	testagent.Works(t, d.Path("after/sub/q"))
	d.Run("cd %s && umount after m", d.Dir)
}

// The last one to leave has all of it on the disk, as it is; nothing is rebuilt.
func TestWhatTheLastOneLeavesIsOnTheDisk(t *testing.T) {
	d := testdisk.New(t)
	d.Mount("img", 16, "", "m")
	name := d.Path("m/q")
	require.NoError(t, shmq.Create(name, &shmq.Options{Slots: 16, SlotSize: 64, Checksum: true}))
	p, c := testagent.Producer(t, name), testagent.Consumer(t, name)
	p.Sends("a", "b", "c")
	require.Equal(t, testagent.Fresh("a"), c.Lease(1))
	c.Do("ack 0")
	p.Do("close")
	c.Do("close")
	d.Run("cd %s && cp img copy && mkdir after && mount -o loop copy after", d.Dir)
	info, err := shmq.Stat(d.Path("after/q"))
	require.NoError(t, err)
	require.False(t, info.Broken)
	require.Equal(t, 2, info.Records)
	again := testagent.Consumer(t, d.Path("after/q"))
	require.Equal(t, testagent.Fresh("b", "c"), again.Lease(2))
	again.Do("close")
	d.Run("cd %s && umount after m", d.Dir)
}

// A participant that comes through another mount has another stamp. It is not alone, so it takes the
// queue as it is.
func TestSecondMountOfAQueueInUse(t *testing.T) {
	d := testdisk.New(t)
	d.Mount("img", 16, "", "m")
	d.Run("cd %s && mkdir bound && mount --bind m bound", d.Dir)
	require.NoError(t, shmq.Create(d.Path("m/q"), &shmq.Options{Slots: 16, SlotSize: 64, Checksum: true}))
	p := testagent.Producer(t, d.Path("m/q"))
	p.Sends("a", "b")
	info, err := shmq.Stat(d.Path("bound/q"))
	require.NoError(t, err)
	require.False(t, info.Broken)
	c := testagent.Consumer(t, d.Path("bound/q"))
	require.Equal(t, testagent.Fresh("a", "b"), c.Lease(2))
	c.Do("close")
	p.Do("close")
	d.Run("cd %s && umount bound m", d.Dir)
}
