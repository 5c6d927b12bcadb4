//go:build linux

package sysv_test

import (
	"testing"

	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{
		testagent.RoleName: testagent.Play,
		"killed-segment":   dieWithSegment,
		"no-sysv":          createWithoutSysV,
		"other-ipc":        lookFromAnotherIPC,
		"ipc-limits":       reachLimits,
		"other-user":       useAsAnotherUser,
	})
}
