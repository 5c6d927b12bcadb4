//go:build linux

package crew

import (
	"testing"

	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{"relay": relay, "produce": produce, "consume": consume})
}
