//go:build !linux

package sys

import (
	"io/fs"
	"net"
	"syscall"
	"time"
)

const LongestSocketPath = 103

type Credentials struct{ PID, UID, GID int }

func PeerCredentials(*net.UnixConn) (Credentials, error) { return Credentials{}, ErrUnsupported }
func Nudge(*net.UnixConn) (func(byte), error)            { return nil, ErrUnsupported }
func SocketMode(fs.FileMode) func(string, string, syscall.RawConn) error {
	return func(string, string, syscall.RawConn) error { return ErrUnsupported }
}

func OwnerOf(fs.FileInfo) (uid int, ok bool) { return 0, false }

type Dir struct{}

func OpenDir(string) (*Dir, error)                 { return nil, ErrUnsupported }
func (*Dir) Lock(time.Duration) (bool, error)      { return false, ErrUnsupported }
func (*Dir) Path(string) string                    { return "" }
func (*Dir) Close() error                          { return ErrUnsupported }
func (*Dir) ChmodSocket(string, fs.FileMode) error { return ErrUnsupported }
