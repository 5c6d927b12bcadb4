package producer

import "github.com/shmq/shmq/internal/attach"

// member is a producer that waits for room, among others that one goroutine waits for.
type member struct {
	*Raw
	size  int
	large bool // it needs several slots at once, and asks for the turn
}

// Member is for package selector, which waits for room for a record of size bytes together
// with others.
func (p *Raw) Member(size int) attach.Member { return &member{p, size, size > p.SlotSize()} }

// Member is that of the Raw underneath.
func (p *Producer[T]) Member(size int) attach.Member { return p.raw.Member(size) }

// Name returns the name of the queue.
func (p *Producer[T]) Name() string { return p.raw.Name() }

func (m *member) End() *attach.End { return &m.end }

func (m *member) Look() (ready bool, err error) {
	if begun := m.end.Enter(); begun != 0 {
		return m.LookIn(begun)
	}
	ready = m.ring.Peek(m.size)
	if m.end.Hit() {
		return false, m.end.Leaving(m.end.Lost())
	}
	m.end.Leave()
	return ready, nil
}

// LookIn is the long way, of a call that is due.
//
//go:noinline
func (m *member) LookIn(begun attach.Begun) (ready bool, err error) {
	err = m.end.Go(begun, func() error {
		ready = m.ring.Peek(m.size)
		return nil
	})
	return ready, err
}

func (m *member) Check() error {
	return m.end.Do(func() error {
		m.notifyFiller()
		if err := m.end.Missed(); err != nil {
			return m.end.Fail(err)
		}
		return nil
	})
}

func (m *member) Ready() bool { return m.ring.Peek(m.size) }

// Idle is what wait does before a sleep. A sleep is shorter than a turn, which is asked for
// anew each time.
func (m *member) Idle() {
	m.notifyFiller() // its slots may be the ones to wait for
	if m.large {
		m.askTurn()
	}
}

// Recall gives the turn back.
func (m *member) Recall() {
	if m.large {
		m.dropTurn()
	}
}

func (m *member) Over() error { return nil }

func (m *member) PassOn() {
	m.Recall()
	m.passOn()
}

func (m *member) Fail(err error) error { return m.end.Fail(err) }
