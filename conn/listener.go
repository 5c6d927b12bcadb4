package conn

import (
	"container/list"
	"net"
	"sync"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/socket"
)

// backlog is how many connections can be ready for Accept, before dialling ends wait.
const backlog = 128

// Listener is a net.Listener. It is safe for concurrent use.
type Listener struct {
	socket *socket.Listener
	name   string
	most   int
	policy park.Policy

	patience time.Duration // of Close, with the directory
	ready    chan result   // for Accept
	room     chan struct{} // has something for each that is ready, or being made ready
	done     chan struct{} // closed by Close
	close    sync.Once
	wg       sync.WaitGroup

	mu       sync.Mutex
	shaking  list.List     // of *handshake that can be ended, oldest first
	shaken   chan struct{} // has something when one is no longer among them
	deciding func()        // called when a hand-shake is about to be answered, if a test wants to
}

type result struct {
	conn *Conn
	err  error
}

func newListener(s *socket.Listener, name string, most int, policy shmq.WaitPolicy) *Listener {
	l := &Listener{
		socket: s, name: name, most: most, policy: park.Policy(policy),
		ready: make(chan result, backlog+maxShaking),
		room:  make(chan struct{}, backlog+maxShaking),
		done:  make(chan struct{}),

		patience: socket.Patience,
		shaken:   make(chan struct{}, 1),
	}
	l.wg.Add(1)
	return l
}

// Accept returns the next connection, a *Conn, which has to be closed. Error: net.ErrClosed,
// or what the kernel says, as to a process that may open no more files; then it can be called
// again.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptConn()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptConn is Accept.
func (l *Listener) AcceptConn() (*Conn, error) {
	select {
	case <-l.done: // also if some are ready
		return nil, opError("accept", nil, l.Addr(), net.ErrClosed)
	default:
	}
	c, err := l.next()
	if err != nil {
		return nil, opError("accept", nil, l.Addr(), err)
	}
	return c, nil
}

// next waits for what is ready. Close, which may begin at any moment, closes both channels.
func (l *Listener) next() (*Conn, error) {
	select {
	case r, ok := <-l.ready:
		switch {
		case !ok:
			return nil, net.ErrClosed
		case r.err != nil:
			return nil, r.err
		}
		<-l.room
		return r.conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Addr returns an Addr.
func (l *Listener) Addr() net.Addr { return Addr{Name: l.name} }

// Close ends the listener and removes its socket. Connections that were accepted stay; those
// that were not are closed. Accept fails at once. If the socket can't be removed Close says why;
// the listener has ended all the same, and the next one of that name replaces the socket. Error:
// syscall.EAGAIN if another process keeps the directory locked, for which it waits up to five
// seconds.
func (l *Listener) Close() error {
	err := error(opError("close", nil, l.Addr(), net.ErrClosed))
	l.close.Do(func() {
		close(l.done)
		l.mu.Lock()
		for e := l.shaking.Front(); e != nil; e = e.Next() {
			_ = e.Value.(*handshake).socket.Close()
		}
		l.mu.Unlock()
		if err = l.socket.CloseWithin(l.patience); err != nil {
			err = opError("close", nil, l.Addr(), err)
		}
		l.wg.Wait()
		close(l.ready)
		for r := range l.ready {
			if r.conn != nil {
				_ = r.conn.Close()
			}
		}
	})
	return err
}

// run accepts for as long as there is room for more.
func (l *Listener) run() {
	defer l.wg.Done()
	pause := time.Duration(0)
	for {
		select {
		case l.room <- struct{}{}:
		case <-l.done:
			return
		}
		l.awaitShaken()
		socket, err := l.socket.AcceptUnix()
		if err == nil {
			pause = 0
			l.shake(socket)
			continue
		}
		<-l.room
		select {
		case <-l.done:
			return
		default:
		}
		// Such as too many open files: it passes, or not, and Accept tells.
		pause = min(max(2*pause, time.Millisecond), time.Second)
		if !l.deliver(result{err: err}) || !l.sleep(pause) {
			return
		}
	}
}

func (l *Listener) sleep(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-l.done:
		return false
	}
}

// deliver hands something to Accept, and reports false when there is none any more.
func (l *Listener) deliver(r result) bool {
	select {
	case l.ready <- r:
		return true
	case <-l.done:
		return false
	}
}
