package selector

import (
	"context"

	"github.com/shmq/shmq/internal/sys"
	"github.com/shmq/shmq/ring"
)

// sleep is the hand-shake of package park for several queues: it announces on all words that
// it is about to sleep, has one barrier executed, looks at all queues, and sleeps. From its
// beginning on calls of all handles are under way; the caller leaves them.
func (s *Set) sleep(ctx context.Context) (*member, error) {
	if m, err := s.join(); m != nil {
		return m, err
	}
	for {
		if m, err := s.each((*member).idled); m != nil {
			return m, err
		}
		if m, err := s.announce(); m != nil {
			return m, err
		}
		if s.list.Load() != s.mine { // after the announcement: a change after this rings
			return nil, errChanged
		}
		if m, err := s.lookIn(); m != nil {
			return m, err
		}
		again := false
		m, err := s.each(func(m *member) error {
			if err := m.end.Closed(); err != nil { // after the announcement; see attach.End
				return err
			}
			if err := m.end.Within(m.over); err != nil {
				return err
			}
			if m.err == ring.ErrPassed {
				again = true
				return nil
			}
			if m.err != nil {
				return m.Fail(m.err)
			}
			return nil
		})
		if m != nil {
			return m, err
		}
		if again {
			continue
		}
		if m, err := s.pause(ctx); m != nil || err != nil {
			return m, err
		}
	}
}

// pause sleeps, and looks what there is when that has ended.
func (s *Set) pause(ctx context.Context) (*member, error) {
	if ctx.Err() == nil { // else it does not sleep
		for _, m := range *s.mine {
			m.end.Counts.Waits++
		}
	}
	s.slept = true
	err := s.sleeper.Sleep(ctx)
	if sys.IsFault(err) { // of one of the words
		if m, lost := s.each(func(m *member) error { return m.end.Probe() }); m != nil {
			return m, lost
		}
	}
	if m, lost := s.lookIn(); m != nil {
		return m, lost
	}
	if err != nil {
		return nil, err
	}
	if s.list.Load() != s.mine {
		return nil, errChanged
	}
	return s.each(func(m *member) error {
		if err := m.end.Beat(); err != nil {
			return m.Fail(err)
		}
		return nil
	})
}

// announce is the first part of the hand-shake, from the queue that was served last on: it comes
// first, because where the kernel waits for some only, those that come first count.
func (s *Set) announce() (*member, error) {
	all := *s.mine
	s.sleeper.Begin(len(all))
	for i := range all {
		at := (max(s.at, 0) + i) % len(all)
		if err := all[at].end.Within(all[at].announce); err != nil {
			s.found(at, false)
			return all[at], err
		}
	}
	s.sleeper.Announced()
	return nil, nil
}

// join begins a call of each handle.
func (s *Set) join() (*member, error) {
	s.joined = true
	return s.each(func(m *member) error {
		err := m.end.Join()
		m.in = err == nil
		return err
	})
}

// leave ends the calls that are under way.
func (s *Set) leave() {
	if !s.joined {
		return
	}
	s.joined = false
	for _, m := range *s.mine {
		if m.in {
			m.in = false
			m.end.Leave()
		}
	}
}

// each calls f for each queue in turn until one has an error.
func (s *Set) each(f func(m *member) error) (*member, error) {
	all := *s.mine
	for i := range all {
		at := (s.at + 1 + i) % len(all)
		if err := f(all[at]); err != nil {
			s.found(at, false)
			return all[at], err
		}
	}
	return nil, nil
}

func (m *member) idled() error { return m.end.Within(m.idle) }

// lookIn is sweep while the calls of all handles are under way.
func (s *Set) lookIn() (*member, error) {
	all := *s.mine
	for i := range all {
		at := (s.at + 1 + i) % len(all)
		m := all[at]
		if err := m.end.Within(m.look); err != nil || m.ready {
			s.found(at, false)
			return m, err
		}
	}
	return nil, nil
}

// passOn takes back what the queues were told that this Wait does not turn to. After a sleep it
// also wakes others for what is in them: a wake-up that was for them may have been used up. An
// error there is for the next Wait.
func (s *Set) passOn(but *member) {
	if !s.joined {
		return
	}
	for _, m := range *s.mine {
		switch {
		case m == but || !m.in || m.end.IsLost():
		case s.slept:
			_ = m.end.Within(m.passOn)
		default:
			_ = m.end.Within(m.recall)
		}
	}
	s.slept = false
}
