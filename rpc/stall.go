package rpc

import (
	"sync"
	"sync/atomic"
	"time"
)

// stall tells of a client that takes no answers: answers have waited for room for so long that
// further ones do not wait, until there is room again. A wait that its call's deadline has cut
// short counts with the others, by the time that any of them took, so that a client whose
// deadlines are short holds up a server no longer than another one.
type stall struct {
	over  atomic.Bool // no answer waits
	noted atomic.Bool // the rest is not zero

	mu      sync.Mutex
	waiting int           // answers that wait now
	since   time.Time     // when the first of these began
	waited  time.Duration // the time of waits that have ended, since there was room last
}

// begin notes that an answer begins to wait. Then end has to follow.
func (s *stall) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting++; s.waiting == 1 {
		s.since = time.Now()
	}
	s.noted.Store(true)
}

// end notes that a wait has ended, and whether it found room; all of them in vain may take most.
func (s *stall) end(room bool, most time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
	if room {
		s.restart()
		return
	}
	waited := s.waited + time.Since(s.since)
	if s.waiting == 0 {
		s.waited = waited
	}
	if waited >= most {
		s.over.Store(true)
	}
}

// found notes that there was room.
func (s *stall) found() {
	if !s.noted.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restart()
}

// restart begins to count anew. The caller has the mutex.
func (s *stall) restart() {
	s.waited, s.since = 0, time.Now()
	s.over.Store(false)
	s.noted.Store(s.waiting > 0)
}
