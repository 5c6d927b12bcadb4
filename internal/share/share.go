// Package share lets many goroutines use what is for one at a time and may wait.
package share

import (
	"context"
	"errors"
	"sync"
)

// Share is the right to use something. A use that need not wait has it for as long as it takes,
// under a mutex. When one has to wait, it has it until its wait is over; others that must
// not wait learn that there is nothing to be had, and others that may wait line up behind it.
type Share struct {
	mu      sync.Mutex
	waiting bool // the one that has the turn waits, outside of the mutex

	// turn is full while somebody has the turn: it alone may begin to wait. Those that want it
	// get it in order, and take it further one by one: nobody wakes the herd.
	turn chan struct{}
	// refusal is what try returns that found nothing.
	refusal error
}

// New returns a Share of something whose calls that do not wait return refusal when they would
// have to.
func New(refusal error) *Share {
	return &Share{turn: make(chan struct{}, 1), refusal: refusal}
}

// Try calls try, unless somebody waits for what it would find: then it returns false.
func (s *Share) Try(try func() error) (called bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting {
		return false, nil
	}
	return true, try()
}

// Do calls try and, if that returns the refusal, wait, which waits until ctx ends. It returns what the
// last of them did, or the error of ctx.
func (s *Share) Do(ctx context.Context, try, wait func() error) error {
	if called, err := s.Try(try); called && !errors.Is(err, s.refusal) {
		return err
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	if done, err := s.begin(try); done {
		return err
	}
	defer s.end()
	return wait()
}

// begin tries once more, and begins to wait if it has to.
func (s *Share) begin(try func() error) (done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := try(); !errors.Is(err, s.refusal) {
		return true, err
	}
	s.waiting = true
	return false, nil
}

func (s *Share) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = false
}
