package sys

import (
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Credentials are those of the process at the other end of a Unix socket, when it
// connected or began to listen. Its pid may be that of another process by now.
type Credentials struct{ PID, UID, GID int }

// PeerCredentials returns what the kernel has noted about the other end.
func PeerCredentials(conn *net.UnixConn) (Credentials, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Credentials{}, err
	}
	var c *unix.Ucred
	if closed := raw.Control(func(fd uintptr) { c, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); closed != nil {
		return Credentials{}, closed
	}
	if err != nil {
		return Credentials{}, os.NewSyscallError("getsockopt", err)
	}
	return Credentials{int(c.Pid), int(c.Uid), int(c.Gid)}, nil
}

// Nudge returns a function that sends a byte over conn without waiting. There is nothing to
// be done about an error: if there is no room, as many bytes wait for the other end, and if
// it is gone it needs none.
func Nudge(conn *net.UnixConn) (func(b byte), error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return func(b byte) {
		msg := [1]byte{b}
		_ = raw.Control(func(fd uintptr) {
			_ = retry(func() error { return unix.Sendto(int(fd), msg[:], unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil) })
		})
	}, nil
}

// SocketMode is for net.ListenConfig.Control: the file of the socket gets these permissions at
// most, so that nobody else can connect before Chmod has given it all of them.
func SocketMode(mode fs.FileMode) func(network, address string, raw syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) error {
		var err error
		closed := raw.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), uint32(mode.Perm())) })
		if closed != nil {
			return closed
		}
		return os.NewSyscallError("fchmod", err)
	}
}

// LongestSocketPath is what the address of a Unix socket can hold.
const LongestSocketPath = len(unix.RawSockaddrUnix{}.Path) - 1

// Dir is an open directory.
type Dir struct{ fd int }

// OpenDir opens a directory.
func OpenDir(path string) (*Dir, error) {
	fd, err := retryInt(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0) })
	if err != nil {
		return nil, limited(&fs.PathError{Op: "open", Path: path, Err: err})
	}
	return &Dir{fd}, nil
}

// Lock locks the directory against other locks of this kind, flock(2), and reports whether it
// could do so within patience. The lock goes with the Dir, at the latest with the process.
func (d *Dir) Lock(patience time.Duration) (bool, error) {
	for pause, end := time.Microsecond*50, time.Now().Add(patience); ; pause = min(2*pause, 5*time.Millisecond) {
		err := retry(func() error { return unix.Flock(d.fd, unix.LOCK_EX|unix.LOCK_NB) })
		if err != unix.EWOULDBLOCK {
			return err == nil, os.NewSyscallError("flock", err)
		}
		if time.Now().After(end) {
			return false, nil
		}
		time.Sleep(pause)
	}
}

// OwnerOf returns the user whose file info describes.
func OwnerOf(info fs.FileInfo) (uid int, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

// Path returns a short path to a file in the directory.
func (d *Dir) Path(name string) string { return (&File{fd: d.fd}).proc() + "/" + name }

// ChmodSocket gives the file of a socket in the directory all of these permissions, which the
// umask may have cut. It follows no link.
func (d *Dir) ChmodSocket(name string, mode fs.FileMode) error {
	failed := func(err error) error { return &fs.PathError{Op: "chmod", Path: name, Err: err} }
	fd, err := retryInt(func() (int, error) { return unix.Openat(d.fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0) })
	if err != nil {
		return failed(err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstat(fd, &st) }); err != nil {
		return failed(err)
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFSOCK:
		return failed(unix.ENOTSOCK)
	case st.Mode&0o777 == uint32(mode.Perm()):
		return nil
	}
	if err := retry(func() error { return unix.Chmod((&File{fd: fd}).proc(), uint32(mode.Perm())) }); err != nil {
		return failed(err)
	}
	return nil
}

// Close closes the directory.
func (d *Dir) Close() error { return os.NewSyscallError("close", unix.Close(d.fd)) }
