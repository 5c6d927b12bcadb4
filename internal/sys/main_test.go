package sys_test

import (
	"testing"

	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{
		"hold-lock": holdLock,
		"idle":      idle,
		"headless":  headless,
	})
}
