//go:build linux

package powercut_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testdisk"
	"github.com/shmq/shmq/internal/testproc"
)

// The content of the disk after a power cut: an ext4 on a loop device, whose backing file lies
// in another ext4. That one is frozen for the moment in which the file is copied, so the
// copy is what the device had at an instant, in the middle of any process's sync. Data that was
// in the page cache of the inner filesystem only is not in it. The copy is mounted, which
// replays its journal. Every send that had returned before has to be there.
func TestPowerCut(t *testing.T) {
	modes, rounds := []shmq.Options{{Producers: shmq.One, Consumers: shmq.One}, {}}, 3
	if testproc.Long() {
		modes, rounds = testagent.Modes(), 60
	}
	d := testdisk.New(t)
	d.Mount("outer.img", 96, "", "outer")
	for i, flags := range []string{"-b 4096", "-b 1024"} { // pages that are written whole, or in parts
		d.Mount("outer/inner.img", 24, flags+" -J size=4 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0", "inner")
		for _, o := range modes[i*len(modes)/2:][:len(modes)/2] {
			powerCuts(t, d, o, rounds)
		}
		d.Run("umount %s/inner && rm %s/outer/inner.img", d.Dir, d.Dir)
	}
	d.Run("umount %s/outer", d.Dir)
}

func powerCuts(t *testing.T, d *testdisk.Disk, o shmq.Options, rounds int) {
	o.Slots, o.SlotSize, o.Seats, o.Checksum = 64, 256, 8, true
	q := d.Path("inner/q")
	require.NoError(t, shmq.Create(q, &o))
	l, all := crew(t, q, o, "each")
	records := 0
	for round := range rounds {
		l.onward(t, 20)
		m := l.during(func() {
			d.Run("cd %s && fsfreeze -f outer && { cp outer/inner.img copy.img; s=$?; fsfreeze -u outer; exit $s; }", d.Dir)
		})
		d.Run("cd %s && mkdir -p after && mount -o loop copy.img after", d.Dir)
		name := d.Path("after/q")
		info, err := shmq.Stat(name)
		require.NoError(t, err)
		require.True(t, info.Broken)
		records += m.check(t, name)
		if o.Producers == shmq.One {
			m.checkMark(t, name)
		}
		if round == 0 {
			testagent.Works(t, name)
		}
		d.Run("cd %s && umount after && rm copy.img", d.Dir)
	}
	require.Positive(t, records, "the queue was never empty")
	t.Logf("%v to %v: %d power cuts, %d records were there, %d were sent", o.Producers, o.Consumers, rounds, records, l.total())
	for _, p := range all {
		p.Kill()
	}
	require.NoError(t, shmq.Remove(q))
}
