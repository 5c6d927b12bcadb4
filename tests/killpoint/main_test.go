//go:build linux && amd64

package killpoint

import (
	"os"
	"testing"

	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	if os.Getenv(victimEnv) != "" {
		playVictim()
	}
	testproc.Main(m, nil)
}
