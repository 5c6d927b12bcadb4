//go:build linux

package watch

import (
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/shmq/shmq/internal/testagent"
	"github.com/shmq/shmq/internal/testproc"
)

func TestMain(m *testing.M) {
	// The goroutine that hands over signals comes with the first of these and stays.
	signal.Stop(func() chan os.Signal {
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGWINCH)
		return c
	}())
	testproc.Main(m, testagent.Roles())
}
