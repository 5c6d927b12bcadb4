//go:build linux

package memfd_test

import (
	"testing"

	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{
		testagent.RoleName: testagent.Play,
		"attach-and-spawn": attachAndSpawn,
		"open-fds-as":      openFDsAs,
		"no-proc":          attachWithoutProc,
		"no-memfd":         createWithoutMemfd,
		"give-queue":       giveQueue,
		"take-queue":       takeQueue,
		"receive-too-many": receiveTooMany,
	})
}
