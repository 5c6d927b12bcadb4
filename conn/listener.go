package conn

import (
	"container/list"
	"errors"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/conn/internal/shared"
	"github.com/shmq/shmq/internal/park"
	"github.com/shmq/shmq/internal/sys"
)

const (
	// backlog is how many connections can be ready for Accept, before dialling ends wait.
	backlog = 128
	// maxShaking is how many hand-shakes can be under way. One more waits for another to end,
	// and ends the oldest if that takes longer than shakeGrace: those who keep to the protocol
	// need microseconds of processor time.
	maxShaking = 64
	shakeGrace = 100 * time.Millisecond
	// shakePatience bounds one where there are few.
	shakePatience = 5 * time.Second
)

// Listener is a net.Listener. It is safe for concurrent use.
type Listener struct {
	socket *net.UnixListener
	name   string
	path   string
	file   fs.FileInfo // of the socket, at path
	most   int
	policy park.Policy

	ready chan result   // for Accept
	room  chan struct{} // has something for each that is ready, or being made ready
	done  chan struct{} // closed by Close
	close sync.Once
	wg    sync.WaitGroup

	mu      sync.Mutex
	shaking list.List     // of *handshake, oldest first
	shaken  chan struct{} // has something when one has ended
}

// handshake is one that is under way.
type handshake struct {
	socket *net.UnixConn
	began  time.Time
}

type result struct {
	conn *Conn
	err  error
}

func newListener(socket *net.UnixListener, name, path string, file fs.FileInfo, most int, policy shmq.WaitPolicy) *Listener {
	l := &Listener{
		socket: socket, name: name, path: path, file: file, most: most, policy: park.Policy(policy),
		ready: make(chan result, backlog+maxShaking),
		room:  make(chan struct{}, backlog+maxShaking),
		done:  make(chan struct{}),

		shaken: make(chan struct{}, 1),
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
	select {
	case r := <-l.ready:
		if r.err != nil {
			return nil, opError("accept", nil, l.Addr(), r.err)
		}
		<-l.room
		return r.conn, nil
	case <-l.done:
		return nil, opError("accept", nil, l.Addr(), net.ErrClosed)
	}
}

// Addr returns an Addr.
func (l *Listener) Addr() net.Addr { return Addr{Name: l.name} }

// Close ends the listener and removes its socket. Connections that were accepted stay; those
// that were not are closed.
func (l *Listener) Close() error {
	err := error(opError("close", nil, l.Addr(), net.ErrClosed))
	l.close.Do(func() {
		l.removeName()
		err = l.socket.Close()
		close(l.done)
		l.mu.Lock()
		for e := l.shaking.Front(); e != nil; e = e.Next() {
			_ = e.Value.(*handshake).socket.Close()
		}
		l.mu.Unlock()
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

// removeName removes the socket's file if it is still this one's. While this end listens no
// other listener takes the name; a user may have moved the file.
func (l *Listener) removeName() {
	_ = locked(l.path, func(*sys.Dir) error {
		if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.file) {
			return os.Remove(l.path)
		}
		return nil
	})
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

// awaitShaken waits until one more hand-shake can begin, or the listener is closed.
func (l *Listener) awaitShaken() {
	for {
		l.mu.Lock()
		if l.shaking.Len() < maxShaking {
			l.mu.Unlock()
			return
		}
		oldest := l.shaking.Front()
		left := time.Until(oldest.Value.(*handshake).began.Add(shakeGrace))
		if left <= 0 {
			_ = l.shaking.Remove(oldest).(*handshake).socket.Close()
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		select {
		case <-l.shaken:
		case <-time.After(left):
		case <-l.done:
			return
		}
	}
}

// shake begins the hand-shake with a process that has connected, and does not wait for it.
func (l *Listener) shake(socket *net.UnixConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.done:
		_ = socket.Close()
		return
	default:
	}
	place := l.shaking.PushBack(&handshake{socket, time.Now()})
	l.wg.Go(func() {
		c, err := l.accept(socket, place)
		if err != nil {
			_ = socket.Close()
			<-l.room
			return
		}
		if !l.deliver(result{conn: c}) {
			_ = c.Close()
		}
	})
}

// accept makes the accepting end of a connection.
func (l *Listener) accept(socket *net.UnixConn, place *list.Element) (*Conn, error) {
	err := socket.SetDeadline(time.Now().Add(shakePatience))
	var memory *shared.Memory
	if err == nil {
		memory, err = consider(socket, l.most)
	}
	l.mu.Lock()
	l.shaking.Remove(place) // does nothing for one that was ended
	l.mu.Unlock()
	select {
	case l.shaken <- struct{}{}:
	default:
	}
	if err != nil {
		return nil, err
	}
	peer, err := sys.PeerCredentials(socket)
	var c *Conn
	if err == nil {
		c, err = newConn(socket, memory, peer, l.policy)
	}
	if err != nil {
		return nil, errors.Join(err, memory.Unmap())
	}
	c.local, c.remote = Addr{Name: l.name}, Addr{l.name, peer.PID}
	return c, nil
}
