package consumer

import (
	"io"

	"github.com/shmq/shmq/internal/attach"
	"github.com/shmq/shmq/ring"
)

// member is a consumer among others that one goroutine waits for.
type member struct{ *Raw }

// Member is for package selector, which waits for a consumer together with others.
func (c *Raw) Member(int) attach.Member { return member{c} }

// Member is that of the Raw underneath.
func (c *Consumer[T]) Member(size int) attach.Member { return c.raw.Member(size) }

// Name returns the name of the queue.
func (c *Consumer[T]) Name() string { return c.raw.Name() }

func (m member) End() *attach.End { return &m.end }

func (m member) Look() (ready bool, err error) {
	if begun := m.end.Enter(); begun != 0 {
		return m.LookIn(begun)
	}
	ready = m.ring.Peek()
	if m.end.Hit() {
		return false, m.end.Leaving(m.end.Lost())
	}
	m.end.Leave()
	return ready, nil
}

// LookIn is the long way, of a call that is due: ten times a second. Then it asks for the end,
// too, so that it is told also where other queues are never empty.
//
//go:noinline
func (m member) LookIn(begun attach.Begun) (ready bool, err error) {
	err = m.end.Go(begun, func() error {
		if ready = m.ring.Peek(); ready {
			return nil
		}
		err := m.nothing()
		ready = err == nil && m.ring.Peek() // it may have gone past an end
		return err
	})
	return ready, err
}

func (m member) Check() error { return m.end.Do(m.nothing) }

// nothing returns what a try would return that has found nothing, but nil for nothing.
func (m member) nothing() error {
	err := m.missed()
	if err == nil || err == m.empty || err == ring.ErrPassed {
		return nil
	}
	return m.Fail(err)
}

func (m member) Ready() bool { return m.ring.Peek() }

func (m member) Idle() { m.idle() }

func (m member) Recall() {}

// Over is what wait does before a sleep.
func (m member) Over() error {
	m.idle()
	if err := m.ended(); err != nil {
		return err
	}
	if err := m.gone(); err != nil {
		return err
	}
	m.passOver()
	return nil
}

func (m member) PassOn() { m.passOn() }

func (m member) Fail(err error) error {
	if err == io.EOF {
		return err
	}
	return m.end.Fail(err)
}
