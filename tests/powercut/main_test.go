//go:build linux

package powercut_test

import (
	"testing"

	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testdisk"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{
		testagent.RoleName: testagent.Play,
		"crew-send":        crewSend,
		"crew-receive":     crewReceive,
		"shell":            testdisk.Shell,
	})
}
