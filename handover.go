package shmq

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/shmq/shmq/internal/sys"
)

// SendFile hands an anonymous queue to the process at the other end of a Unix domain
// socket, which takes it by ReceiveFile, or as any descriptor (SCM_RIGHTS) that comes
// with one byte. The caller keeps its own. It waits for room in the socket until conn's
// deadline. Errors: ErrNotQueue, ErrVersion, ErrDamaged, and those of the connection.
func SendFile(conn *net.UnixConn, f *os.File) error {
	err := checkHandover(f)
	if err == nil {
		err = sys.SendDescriptor(conn, f)
	}
	return fail("send", anonymous, err)
}

// ReceiveFile takes a queue that was sent by SendFile. It waits, until conn's deadline,
// for one byte of conn and takes the one descriptor that has to come with it. Whoever sent it, what is returned
// is a queue whose size is final; the caller attaches by FileName, and closes it. A file
// that is not sealed yet is sealed, and refused if it can't be: whoever has it could end
// those attached by cutting it.
//
// Errors: ErrNotQueue for anything else that comes, ErrVersion, ErrDamaged; ErrRefused
// if this process can have no more descriptors; those of the connection, io.EOF among
// them.
func ReceiveFile(conn *net.UnixConn) (*os.File, error) {
	f, err := receiveFile(conn)
	return f, fail("receive", anonymous, err)
}

func receiveFile(conn *net.UnixConn) (_ *os.File, err error) {
	files, lost, err := sys.ReceiveDescriptors(conn)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the connection ended before a queue came: %w", err)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case lost:
		err = fmt.Errorf("%w: it did not get all descriptors that were sent; this process may have as many as it can (ulimit -n)", ErrRefused)
	case len(files) != 1:
		err = fmt.Errorf("%w: %d descriptors came with the byte, want 1; the other side has to use SendFile", ErrNotQueue, len(files))
	default:
		err = checkHandover(files[0])
	}
	if err != nil {
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
		return nil, err
	}
	return files[0], nil
}

// checkHandover reports whether a file is a queue that can be used with a stranger:
// complete, and of a size that is final.
func checkHandover(f *os.File) error {
	return sys.With(f, func(f *sys.File) error {
		if err := byteOrder(); err != nil {
			return err
		}
		if f.Shrinkable() {
			_ = f.Seal() // asked again below
		}
		if _, err := readHeader(f); err != nil {
			return fmt.Errorf("%w%s", err, fdRemedy(err))
		}
		if f.Shrinkable() {
			return fmt.Errorf("%w without a name: its file can be cut shorter under those attached; make it by CreateAnonymous", ErrNotQueue)
		}
		return nil
	})
}
