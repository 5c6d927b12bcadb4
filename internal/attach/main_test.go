//go:build linux

package attach_test

import (
	"testing"

	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{
		testagent.RoleName: testagent.Play,
		"touch-cut":        touchCut,
		"full-later":       fullLater,
		"no-page":          noPage,
		"mounted-file":     mountedFile,
		"other-handler":    otherHandler,
	})
}
