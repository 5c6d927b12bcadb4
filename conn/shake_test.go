//go:build linux

package conn

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A hand-shake that makes room for another one is ended before it is answered, or not at all: an end
// that was told yes has a connection.
func TestAnsweredHandShakeIsNotEnded(t *testing.T) {
	t.Parallel()
	l, err := Listen(newName(t))
	require.NoError(t, err)
	defer l.Close()
	l.mu.Lock()
	l.deciding = func() { // all that can be ended are
		l.mu.Lock()
		defer l.mu.Unlock()
		for l.shaking.Len() > 0 {
			l.endOldest()
		}
	}
	l.mu.Unlock()
	d, err := Dial(context.Background(), l.name)
	require.NoError(t, err)
	defer d.Close()
	a, err := l.Accept()
	require.NoError(t, err)
	defer a.Close()
	_, err = d.Write([]byte("x"))
	require.NoError(t, err)
	_, err = a.Read(make([]byte, 1))
	require.NoError(t, err)

	// One that was ended is not answered.
	ours, theirs := net.Pipe()
	defer theirs.Close()
	l.mu.Lock()
	place := l.shaking.PushBack(&handshake{socket: ours, began: time.Now()})
	l.endOldest()
	l.mu.Unlock()
	require.Equal(t, errEnded, l.decide(place))
	_, err = theirs.Read(make([]byte, 1))
	require.Error(t, err)
}
