package conn

import (
	"container/list"
	"errors"
	"net"
	"time"

	"github.com/shmq/shmq/internal/sys"
)

const (
	// maxShaking is how many hand-shakes can be under way. One more waits for another to end,
	// and ends the oldest if that takes longer than shakeGrace: those who keep to the protocol
	// need microseconds of processor time.
	maxShaking = 64
	shakeGrace = 100 * time.Millisecond
	// shakePatience bounds one where there are few.
	shakePatience = 5 * time.Second
)

// handshake is one that is under way, and has not been answered.
type handshake struct {
	socket net.Conn
	began  time.Time
	ended  bool // under Listener.mu: to make room for another one
}

var errEnded = errors.New("the hand-shake took too long")

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
			l.endOldest()
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

// endOldest ends a hand-shake. The caller has the mutex.
func (l *Listener) endOldest() {
	h := l.shaking.Remove(l.shaking.Front()).(*handshake)
	h.ended = true
	_ = h.socket.Close()
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
	place := l.shaking.PushBack(&handshake{socket: socket, began: time.Now()})
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

// decide takes a hand-shake out of those that can be ended, before its answer is written: an end
// that has been told yes has a connection. It fails if the hand-shake was ended.
func (l *Listener) decide(place *list.Element) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shaking.Remove(place) // does nothing for one that is not there
	select {
	case l.shaken <- struct{}{}:
	default:
	}
	if place.Value.(*handshake).ended {
		return errEnded
	}
	return nil
}

// accept makes the accepting end of a connection.
func (l *Listener) accept(socket *net.UnixConn, place *list.Element) (*Conn, error) {
	if err := socket.SetDeadline(time.Now().Add(shakePatience)); err != nil {
		return nil, errors.Join(err, l.decide(place))
	}
	memory, err := consider(socket, l.most, func() error {
		err := l.decide(place)
		if l.deciding != nil {
			l.deciding()
		}
		return err
	})
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
