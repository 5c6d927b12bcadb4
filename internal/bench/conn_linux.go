package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/conn"
)

// Connections are compared with what Go programs use in their place: sockets and pipes by
// way of the Go runtime's poller, with deadlines and all, and not by bare system calls as the
// other cases do.

// connPort is an end of a connection: the first one dials.
func connPort(s spec) (port, error) {
	wait := shmq.SpinThenPark
	if s.Case.Park {
		wait = shmq.Park
	}
	name := filepath.Join(s.Dir, "conn")
	var c net.Conn
	var err error
	if s.End == 0 {
		c, err = dialUntil(func() (net.Conn, error) {
			return (&conn.Dialer{Wait: wait}).Dial(context.Background(), name)
		})
	} else {
		var l *conn.Listener
		if l, err = (&conn.ListenConfig{Wait: wait}).Listen(name); err == nil {
			c, err = l.Accept()
			err = errors.Join(err, l.Close())
		}
	}
	if err != nil {
		return port{}, err
	}
	return streamPort(c, c, c.Close), nil
}

// dialUntil dials until somebody listens.
func dialUntil(dial func() (net.Conn, error)) (c net.Conn, err error) {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		c, err = dial()
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(end) {
			return nil, err
		}
	}
}

// streamPort moves records over a stream of bytes.
func streamPort(r io.Reader, w io.Writer, closeBoth func() error) port {
	return port{
		send: func(rec []byte) error { _, err := w.Write(rec); return err },
		receive: func(buf []byte) ([]byte, error) {
			_, err := io.ReadFull(r, buf)
			return buf, err
		},
		close: closeBoth,
	}
}

// pollerPort is an end over inherited descriptors, in the hands of the Go runtime's poller.
func pollerPort(c Case) (port, error) {
	for _, fd := range []int{fdReceive, fdSend} {
		if err := unix.SetNonblock(fd, true); err != nil {
			return port{}, os.NewSyscallError("fcntl", err)
		}
	}
	in, out := os.NewFile(fdReceive, "receive"), os.NewFile(fdSend, "send")
	if c.Link == linkGoPipe {
		return streamPort(in, out, func() error { return errors.Join(in.Close(), out.Close()) }), nil
	}
	s, err := net.FileConn(in)
	if err := errors.Join(err, in.Close(), out.Close()); err != nil {
		return port{}, fmt.Errorf("inherited socket: %w", err)
	}
	return streamPort(s, s, s.Close), nil
}
