package sys

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// SendDescriptor sends a copy of f's descriptor, with a byte for it to travel with: a
// stream carries no descriptors alone.
func SendDescriptor(conn *net.UnixConn, f *os.File) error {
	return With(f, func(f *File) error {
		_, _, err := conn.WriteMsgUnix([]byte{0}, unix.UnixRights(f.fd), nil)
		return err
	})
}

// maxDescriptors is what the kernel lets one message carry.
const maxDescriptors = 253

// ReceiveDescriptors receives a byte and the descriptors that come with it; they are
// not inherited by children. lost tells that there were some that the kernel could not
// give to this process.
func ReceiveDescriptors(conn *net.UnixConn) (files []*os.File, lost bool, err error) {
	// Room for all that can come, credentials and a label too, if the socket is set so.
	oob := make([]byte, unix.CmsgSpace(4*maxDescriptors)+unix.CmsgSpace(4)+unix.CmsgSpace(unix.SizeofUcred)+unix.CmsgSpace(256))
	_, n, flags, _, err := conn.ReadMsgUnix(make([]byte, 1), oob)
	if err != nil {
		return nil, false, err
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return nil, false, fmt.Errorf("ancillary data: %w", err)
	}
	for _, m := range messages {
		if m.Header.Level != unix.SOL_SOCKET {
			continue
		}
		switch m.Header.Type {
		case unix.SCM_RIGHTS:
			fds, _ := unix.ParseUnixRights(&m) // the type is right
			for _, fd := range fds {
				files = append(files, os.NewFile(uintptr(fd), "received"))
			}
		case unix.SCM_PIDFD: // the sender's, if the socket is set so: no other code closes it
			if len(m.Data) == 4 {
				_ = unix.Close(int(int32(binary.NativeEndian.Uint32(m.Data))))
			}
		}
	}
	return files, flags&unix.MSG_CTRUNC != 0, nil
}
