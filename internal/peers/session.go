//go:build linux

package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
)

// running are the sessions that have something to remove.
var running sync.Map

// removeAtSignal removes what all sessions have made when this process is told to end. The ends
// die with it.
func removeAtSignal() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-told
		running.Range(func(s, _ any) bool {
			s.(*session).each(func(e *end) { e.signal(syscall.SIGKILL) })
			s.(*session).remove()
			return true
		})
		os.Exit(1)
	}()
}

// session is a peer whose ends are up.
type session struct {
	*peer
	dir      string
	service  *end
	sender   *end // the same as receiver if they are threads
	receiver *end
}

// open starts the ends of a peer in a directory of their own. mortal ends are going to be killed.
func open(p *peer, mortal bool) (s *session, err error) {
	s = &session{peer: p}
	if s.dir, err = os.MkdirTemp("/dev/shm", "shmq-peers-"); err != nil {
		return nil, err
	}
	running.Store(s, nil)
	defer func() {
		if err != nil {
			s.close()
			err = fmt.Errorf("%s: %w", p.name, err)
		}
	}()
	if p.service != nil {
		argv, ready := p.service(s.dir, mortal)
		if s.service, err = start(argv); err != nil {
			return s, err
		}
		if _, err = s.service.expect(ready); err != nil {
			s.service.kill()
			s.service = nil // nothing that is left is its own
			return s, err
		}
	}
	if p.threads {
		s.receiver, err = s.start("both", true)
		s.sender = s.receiver
		return s, err
	}
	if s.receiver, err = s.start("receiver", true); err != nil {
		return s, err
	}
	s.sender, err = s.start("sender", false)
	return s, err
}

// start starts an end. The first makes what the others attach to.
func (s *session) start(role string, first bool) (*end, error) {
	age := "old"
	if first {
		age = "new"
	}
	return start(append(s.program.argv[:len(s.program.argv):len(s.program.argv)], s.name, role, s.dir, age))
}

// command is how an end is told what to do. area is where it says how far it came.
func (k kind) command(verb string, n, area int) string {
	pause := 0
	if k.pause {
		pause = 1
	}
	return fmt.Sprintf("%s %d %d %d %d %d", verb, k.size, pause, k.batch, n, area)
}

// ready makes the ends meet for records of the size of k.
func (s *session) ready(k kind) error {
	ends := []*end{s.receiver, s.sender}
	if s.threads {
		ends = ends[:1]
	}
	for _, e := range ends {
		if err := e.say("%s", k.command("open", 0, 0)); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if _, err := e.expect("ready"); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// move moves n records, and returns nanoseconds for each.
func (s *session) move(k kind, n int) (float64, error) {
	verb := "throughput"
	if k.roundTrip {
		verb = "roundtrip"
	}
	ends := []*end{s.receiver, s.sender}
	if s.threads {
		ends = ends[:1]
	}
	for _, e := range ends {
		if err := e.say("%s", k.command(verb, n, 0)); err != nil {
			return 0, fmt.Errorf("%s, %s: %w", s.name, k.name, err)
		}
	}
	var times [2][2]int64
	for i := range ends {
		// The sender first: it tells of its own troubles, and the receiver might wait for it.
		done, err := ends[len(ends)-1-i].expect("done", ends...)
		if err == nil {
			_, err = fmt.Sscan(done, &times[i][0], &times[i][1])
		}
		if err != nil {
			return 0, fmt.Errorf("%s, %s: %w", s.name, k.name, err)
		}
	}
	began, ended := times[0][0], times[len(ends)-1][1]
	if k.roundTrip {
		ended = times[0][1]
	}
	if ended <= began {
		return 0, fmt.Errorf("%s, %s: from %d to %d", s.name, k.name, began, ended)
	}
	return float64(ended-began) / float64(n), nil
}

// each calls f for each process that is up, the service first.
func (s *session) each(f func(*end)) {
	for _, e := range []*end{s.service, s.sender, s.receiver} {
		if e != nil && !(s.threads && e == s.sender) {
			f(e)
		}
	}
}

// rest stops all processes until wake.
func (s *session) rest() { s.each(func(e *end) { e.signal(syscall.SIGSTOP) }) }

func (s *session) wake() { s.each(func(e *end) { e.signal(syscall.SIGCONT) }) }

// close ends all processes, and removes what they leave, which is named after the directory.
func (s *session) close() {
	s.wake()
	s.each(func(e *end) { e.close() })
	s.remove()
}

func (s *session) remove() {
	left, _ := filepath.Glob("/dev/shm/*" + filepath.Base(s.dir) + "*")
	if s.service != nil && s.leaves != nil {
		left = append(left, s.leaves()...)
	}
	for _, name := range left {
		_ = os.RemoveAll(name)
	}
	running.Delete(s)
}
