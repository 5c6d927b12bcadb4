//go:build linux

package peers

import (
	"testing"

	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{
		"shmq-sender":     shmqSender,
		"shmq-receiver":   shmqReceiver,
		"shmipc-sender":   shmipcSender,
		"shmipc-receiver": shmipcReceiver,
	})
}
