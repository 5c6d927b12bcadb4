//go:build linux

package testaccount

import (
	"sync"
	"testing"
	"time"

	"github.com/shmq/shmq"
)

// CheckAllTheTime examines a queue each time that every has gone by while a storm goes on, until the function
// that it returns is called: nothing that living or dead participants did is damage.
func CheckAllTheTime(t *testing.T, queue string, every time.Duration) (stop func() (looks int)) {
	var looks int
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for ; ; looks++ {
			select {
			case <-done:
				return
			case <-time.After(every):
			}
			d, err := shmq.Check(queue)
			if err != nil {
				t.Errorf("check: %v", err)
				return
			}
			for _, f := range d.Findings {
				if f.Severity != shmq.Note {
					t.Errorf("check accuses the innocent: %s %s at %d: %s; expected %s", f.Severity, f.Kind, f.Offset, f.Found, f.Expected)
				}
			}
			if t.Failed() {
				return
			}
		}
	})
	return sync.OnceValue(func() int { close(done); wg.Wait(); return looks })
}
