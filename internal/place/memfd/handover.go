package memfd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/shmq/shmq/internal/fail"
	"github.com/shmq/shmq/internal/place"
	"github.com/shmq/shmq/internal/sys"
)

// Send hands a queue to the process at the other end of conn.
func Send(conn *net.UnixConn, f *os.File) error {
	if err := checkHandover(f); err != nil {
		return err
	}
	return sys.SendDescriptor(conn, f)
}

// Receive takes a queue that Send sent.
func Receive(conn *net.UnixConn) (_ *os.File, err error) {
	files, lost, err := sys.ReceiveDescriptors(conn)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the connection ended before a queue came: %w", err)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case lost:
		err = fmt.Errorf("%w: it did not get all descriptors that were sent; this process may have as many as it can (ulimit -n)", fail.ErrRefused)
	case len(files) != 1:
		err = fmt.Errorf("%w: %d descriptors came with the byte, want 1; the other side has to use SendFile", fail.ErrNotQueue, len(files))
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
		if err := place.ByteOrder(); err != nil {
			return err
		}
		if f.Shrinkable() {
			_ = f.Seal() // asked again below
		}
		if _, err := place.ReadHeader(f); err != nil {
			return fmt.Errorf("%w%s", err, remedy(err))
		}
		if f.Shrinkable() {
			return fmt.Errorf("%w without a name: its file can be cut shorter under those attached; make it by CreateAnonymous", fail.ErrNotQueue)
		}
		return nil
	})
}
