package conn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/shmq/shmq/conn/internal/shared"
	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/sys"
)

// The hand-shake: the dialling end makes the memory and sends its descriptor with a byte;
// the accepting end looks at it, maps it, and answers with a byte, one of these. Afterwards
// the socket carries bells only. So a process that floods a listener allocates the memory, and is
// charged for it; pages that it punches out of it later are charged to whoever touches them.
const (
	answerYes      = 'y'
	answerForeign  = 'f' // that was no memory of a connection
	answerVersion  = 'v'
	answerTooLarge = 'l'
	answerRefused  = 'r' // the system refuses
)

// answers are the reasons that an accepting end gives.
var answers = []struct {
	byte byte
	err  error
}{
	{answerForeign, fmt.Errorf("%w: the listener did not take what this end sent; use the same release at both ends", ErrProtocol)},
	{answerVersion, fmt.Errorf("%w: the listener has another version; use the same release at both ends", ErrProtocol)},
	{answerTooLarge, fmt.Errorf("%w: the listener allows for smaller buffers only; dial with a smaller Buffer, or have it listen with a larger one", ErrOption)},
	{answerRefused, fmt.Errorf("%w: the listener could not map the memory; its log may say why", ErrRefused)},
}

// offer is the hand-shake of the dialling end. The socket's deadline bounds it.
func offer(socket *net.UnixConn, buffer int) (*shared.Memory, error) {
	m, f, err := shared.Create(buffer)
	if err != nil {
		return nil, err
	}
	err = errors.Join(sys.SendDescriptor(socket, f), f.Close())
	if err == nil {
		err = hearAnswer(socket)
	}
	if err != nil {
		return nil, errors.Join(err, m.Unmap())
	}
	return m, nil
}

func hearAnswer(socket *net.UnixConn) error {
	var b [1]byte
	switch _, err := io.ReadFull(socket, b[:]); {
	case err == io.EOF, errors.Is(err, syscall.ECONNRESET):
		return saying(syscall.ECONNRESET, "the listener ended, or gave up, before the connection was made; dial again")
	case err != nil:
		return err
	case b[0] == answerYes:
		return nil
	}
	for _, a := range answers {
		if a.byte == b[0] {
			return a.err
		}
	}
	return fmt.Errorf("%w: what listens there is something else; dial the name of a conn.Listener", ErrProtocol)
}

// consider is the hand-shake of the accepting end. The socket's deadline bounds it. It calls decide
// when it has received what the other end sends, or could not; with an error of that it does not answer.
func consider(socket *net.UnixConn, most int, decide func() error) (*shared.Memory, error) {
	m, err := receive(socket, most)
	if e := decide(); e != nil {
		if m != nil {
			e = errors.Join(e, m.Unmap())
		}
		return nil, errors.Join(err, e)
	}
	answer := byte(answerYes)
	switch {
	case err == nil:
	case errors.Is(err, shared.ErrForeign):
		answer = answerForeign
	case errors.Is(err, shared.ErrVersion):
		answer = answerVersion
	case errors.Is(err, shared.ErrTooLarge):
		answer = answerTooLarge
	default:
		answer = answerRefused
	}
	if _, e := socket.Write([]byte{answer}); e != nil {
		err = errors.Join(err, e)
	}
	if err != nil && m != nil {
		err = errors.Join(err, m.Unmap())
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// receive takes the memory that the other end sends.
func receive(socket *net.UnixConn, most int) (m *shared.Memory, err error) {
	files, lost, err := sys.ReceiveDescriptors(socket)
	if err != nil {
		return nil, err
	}
	switch {
	case lost:
		err = fmt.Errorf("%w: this process may have no more descriptors; raise the limit (ulimit -n)", fail.ErrRefused)
	case len(files) != 1:
		err = fmt.Errorf("%w: %d descriptors", shared.ErrForeign, len(files))
	default:
		m, err = shared.Open(files[0], most)
	}
	for _, f := range files {
		err = errors.Join(err, f.Close())
	}
	if err != nil && m != nil {
		return nil, errors.Join(err, m.Unmap())
	}
	return m, err
}

// bounded makes the calls on a socket end when ctx does, but not before f has returned. When it has
// returned it sets no deadline any more; whoever goes on with the socket has to lift the last one,
// also if f did not fail.
func bounded(ctx context.Context, socket interface{ SetDeadline(time.Time) error }, f func() error) error {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = socket.SetDeadline(time.Unix(1, 0))
	})
	defer func() {
		if !stop() {
			<-ended
		}
	}()
	err := f()
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
