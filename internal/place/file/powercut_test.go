//go:build linux

package file_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/place/file"
	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testdisk"
)

// If the power fails while a queue is made, there is a whole queue of that name, or none.
func TestPowerCutBetweenNameAndSync(t *testing.T) {
	d := testdisk.New(t)
	d.Mount("img", 16, "", "m")
	file.SetAfterLink(t, func() {
		d.Run("cd %s && touch m/other && sync m/other && cp img copy", d.Dir) // the journal has the name
	})
	require.NoError(t, shmq.Create(d.Path("m/q"), &shmq.Options{Slots: 16, Checksum: true}))
	d.Run("cd %s && mkdir after && mount -o loop copy after", d.Dir)
	testagent.Works(t, d.Path("after/q"))
	d.Run("cd %s && umount after m", d.Dir)
}
