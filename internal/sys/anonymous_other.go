//go:build !linux

package sys

import (
	"io/fs"
	"net"
	"os"
)

func CreateAnonymous(fs.FileMode) (*File, error)                 { return nil, ErrUnsupported }
func (*File) Seal() error                                        { return ErrUnsupported }
func (*File) Writable() bool                                     { return false }
func (*File) OSFile() *os.File                                   { return nil }
func Borrow(int) *File                                           { return nil }
func (*File) Access() (bool, bool, error)                        { return false, false, ErrUnsupported }
func With(*os.File, func(*File) error) error                     { return ErrUnsupported }
func Descriptor(*os.File) int                                    { return -1 }
func ReserveDescriptor(int) error                                { return ErrUnsupported }
func ExecWith(*os.File, int, string, []string, []string) error   { return ErrUnsupported }
func SendDescriptor(*net.UnixConn, *os.File) error               { return ErrUnsupported }
func ReceiveDescriptors(*net.UnixConn) ([]*os.File, bool, error) { return nil, false, ErrUnsupported }
func MemoryLeft() (int64, error)                                 { return 0, ErrUnsupported }
