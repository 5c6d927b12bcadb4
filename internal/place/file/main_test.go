//go:build linux

package file_test

import (
	"testing"

	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testdisk"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{
		testagent.RoleName:      testagent.Play,
		"create-small":          createOnSmallFilesystem,
		"attach-small":          attachOnSmallFilesystem,
		"create-without-inodes": createWithoutInodes,
		"create-over-quota":     createOverTmpfsQuota,
		"no-tmpfile":            createWithoutTmpfile,
		"shell":                 testdisk.Shell,
	})
}
