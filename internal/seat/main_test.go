//go:build linux

package seat_test

import (
	"testing"

	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

var childRoles = map[string]testproc.Role{
	testagent.RoleName: testagent.Play,
	"attach-and-die":   attachAndDie,
}

func TestMain(m *testing.M) { testproc.Main(m, childRoles) }
