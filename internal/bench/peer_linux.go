package bench

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The descriptors that an end of a peer's case gets: to receive from, and to send to.
const (
	fdReceive = 3
	fdSend    = 4
)

// peerFiles opens both directions of a peer's link and returns the files of each end:
// to receive from, to send to. The caller closes them.
func peerFiles(c Case) (ends [2][2]*os.File, err error) {
	switch c.Link {
	case linkPipe, linkGoPipe:
		return twoWays(func() (r, w int, err error) {
			var p [2]int
			err = unix.Pipe2(p[:], unix.O_CLOEXEC)
			return p[0], p[1], err
		})
	case linkMQ:
		return twoWays(func() (r, w int, err error) { return openMQ(c.Payload) })
	case linkUnix, linkGoUnix:
		return socketPair(unix.SOCK_STREAM)
	case linkSeqpacket:
		return socketPair(unix.SOCK_SEQPACKET)
	case linkTCP, linkGoTCP:
		return tcpPair()
	}
	return ends, fmt.Errorf("no such link: %s", c.Link)
}

// twoWays makes both directions of links that have one.
func twoWays(open func() (r, w int, err error)) (ends [2][2]*os.File, err error) {
	for i := range ends {
		r, w, err := open()
		if err != nil {
			closeFiles(ends)
			return ends, err
		}
		ends[i][0], ends[1-i][1] = os.NewFile(uintptr(r), "receive"), os.NewFile(uintptr(w), "send")
	}
	return ends, nil
}

// both gives each end its socket, for both directions.
func both(a, b *os.File) [2][2]*os.File { return [2][2]*os.File{{a, a}, {b, b}} }

func socketPair(kind int) (ends [2][2]*os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return ends, os.NewSyscallError("socketpair", err)
	}
	return both(os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket")), nil
}

// tcpPair connects two sockets over the loopback. Go has turned Nagle's algorithm off.
func tcpPair() (ends [2][2]*os.File, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return ends, err
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return ends, err
	}
	defer a.Close()
	b, err := l.Accept()
	if err != nil {
		return ends, err
	}
	defer b.Close()
	if a.LocalAddr().String() != b.RemoteAddr().String() {
		return ends, errors.New("a stranger connected")
	}
	fa, err := a.(*net.TCPConn).File()
	if err != nil {
		return ends, err
	}
	fb, err := b.(*net.TCPConn).File()
	if err != nil {
		return ends, errors.Join(err, fa.Close())
	}
	return both(fa, fb), nil
}

// mqDepth is how many records a POSIX message queue holds: what an ordinary user may
// ask for by default.
const mqDepth = 10

// openMQ makes a message queue, whose name is gone at once. Its descriptor serves
// both ends.
func openMQ(payload int) (r, w int, err error) {
	name, err := unix.BytePtrFromString(fmt.Sprintf("shmq-bench-%d", os.Getpid()))
	if err != nil {
		return 0, 0, err
	}
	attr := struct {
		flags, maxmsg, msgsize, curmsgs int
		_                               [4]int
	}{maxmsg: mqDepth, msgsize: payload}
	fd, _, e := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(name)), unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600, uintptr(unsafe.Pointer(&attr)), 0, 0)
	if e != 0 {
		return 0, 0, fmt.Errorf("%w: POSIX message queues: mq_open: %w", ErrUnavailable, e)
	}
	if _, _, e := unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(name)), 0, 0); e != 0 {
		return 0, 0, errors.Join(os.NewSyscallError("mq_unlink", e), unix.Close(int(fd)))
	}
	twin, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return 0, 0, errors.Join(os.NewSyscallError("fcntl", err), unix.Close(int(fd)))
	}
	return int(fd), twin, nil
}

func closeFiles(ends [2][2]*os.File) {
	for _, fs := range ends {
		for _, f := range fs {
			_ = f.Close() // a socket is there twice; nil is fine too
		}
	}
}

// peerPort is an end's port over the descriptors that it was started with. They
// block, and the calls are the plain ones: that is as fast as it gets.
func peerPort(c Case) (port, error) {
	for _, fd := range []int{fdReceive, fdSend} {
		if err := unix.SetNonblock(fd, false); err != nil {
			return port{}, os.NewSyscallError("fcntl", err)
		}
	}
	p := port{send: writeAll, receive: readFull, close: func() error { return nil }}
	if c.Link == linkMQ {
		p.send, p.receive = mqSend, mqReceive
	}
	return p, nil
}

func writeAll(rec []byte) error {
	for len(rec) > 0 {
		n, err := unix.Write(fdSend, rec)
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("write", err)
		}
		rec = rec[max(n, 0):]
	}
	return nil
}

// readFull reads as much as buf has room for: a record.
func readFull(buf []byte) ([]byte, error) {
	for have := 0; have < len(buf); {
		n, err := unix.Read(fdReceive, buf[have:])
		if err == nil && n == 0 {
			return buf, io.ErrUnexpectedEOF
		}
		if err != nil && err != unix.EINTR {
			return buf, os.NewSyscallError("read", err)
		}
		have += max(n, 0)
	}
	return buf, nil
}

func mqSend(rec []byte) error {
	for {
		_, _, e := unix.Syscall6(unix.SYS_MQ_TIMEDSEND, fdSend, uintptr(unsafe.Pointer(unsafe.SliceData(rec))), uintptr(len(rec)), 0, 0, 0)
		switch e {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return os.NewSyscallError("mq_timedsend", e)
		}
	}
}

func mqReceive(buf []byte) ([]byte, error) {
	for {
		n, _, e := unix.Syscall6(unix.SYS_MQ_TIMEDRECEIVE, fdReceive, uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0, 0)
		switch e {
		case 0:
			return buf[:n], nil
		case unix.EINTR:
		default:
			return buf, os.NewSyscallError("mq_timedreceive", e)
		}
	}
}
