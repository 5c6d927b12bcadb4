package attach

import (
	"fmt"
	"sync"
	"time"

	"github.com/shmq/shmq/internal/fail"
)

// Channel is the goroutine that has a handle, if the program has asked for a Go channel.
type Channel struct {
	mu   sync.Mutex
	stop func()
	done <-chan struct{}
}

// Begin notes a goroutine, which ends soon after stop is called and closes done then. It panics
// if there is one already, after it has called stop: the goroutine that stop is for never begins.
func (c *Channel) Begin(stop func(), done <-chan struct{}) {
	if !c.begin(stop, done) {
		stop()
		panic("shmq: Channel is called of a handle that has one; Stop that first")
	}
}

func (c *Channel) begin(stop func(), done <-chan struct{}) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done != nil {
		select {
		case <-c.done:
		default:
			return false
		}
	}
	c.stop, c.done = stop, done
	return true
}

// End ends the goroutine, if there is one. Error: ErrInUse, if it has not ended for
// closePatience, because code of the program that it runs does not return, or is what has called
// End. It ends when that returns, and End may be called again.
func (c *Channel) End() error {
	c.mu.Lock()
	stop, done := c.stop, c.done
	c.mu.Unlock()
	if done == nil {
		return nil
	}
	stop()
	patience := time.NewTimer(closePatience)
	defer patience.Stop()
	select {
	case <-done:
		c.forget(done)
		return nil
	case <-patience.C:
		return fmt.Errorf("%w: the goroutine of its channel has not ended for %v; was it closed by code that runs there, such as a log handler, OnBad or a codec? close it again when that has returned", fail.ErrInUse, closePatience)
	}
}

// forget keeps nothing of a goroutine that has ended.
func (c *Channel) forget(done <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == done {
		c.stop, c.done = nil, nil
	}
}
