package attach

import "sync"

// Channel is the goroutine that has a handle, if the program has asked for a Go channel.
type Channel struct {
	mu   sync.Mutex
	stop func()
	done <-chan struct{}
}

// Begin notes a goroutine, which ends soon after stop is called and closes done then. It panics
// if there is one already.
func (c *Channel) Begin(stop func(), done <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done != nil {
		select {
		case <-c.done:
		default:
			panic("shmq: Channel is called of a handle that has one; Stop that first")
		}
	}
	c.stop, c.done = stop, done
}

// End ends the goroutine, if there is one.
func (c *Channel) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done != nil {
		c.stop()
		<-c.done
		c.stop, c.done = nil, nil
	}
}
