//go:build !linux

package sys

import (
	"crypto/rand"
	"io/fs"
	"time"
)

// File is an open file description; here none can be opened.
type File struct{}

// Pin holds a description for its locks.
type Pin struct{}

// ID tells one file from another.
type ID struct{ Dev, Ino uint64 }

// HugePool is what a Linux system says of its huge pages.
type HugePool struct{ Total, Free int64 }

func Open(string, bool, bool) (*File, error)                { return nil, ErrUnsupported }
func CreateTemp(string, fs.FileMode) (*File, error)         { return nil, ErrUnsupported }
func (*File) Reopen() (*File, error)                        { return nil, ErrUnsupported }
func (*File) Link() error                                   { return ErrUnsupported }
func (*File) Allocate(int64) error                          { return ErrUnsupported }
func (*File) Stat() (int64, fs.FileMode, int, error)        { return 0, 0, 0, ErrUnsupported }
func (*File) Shrinkable() bool                              { return true }
func (*File) Linked() (bool, error)                         { return false, ErrUnsupported }
func (*File) TouchedBefore() (int64, bool, error)           { return 0, false, ErrUnsupported }
func (*File) Touched() (int64, bool, error)                 { return 0, false, ErrUnsupported }
func (*File) ID() (ID, error)                               { return ID{}, ErrUnsupported }
func (*File) HugePage() int64                               { return 0 }
func (*File) ReadAt([]byte, int64) (int, error)             { return 0, ErrUnsupported }
func (*File) WriteAt([]byte, int64) error                   { return ErrUnsupported }
func (*File) Close() error                                  { return ErrUnsupported }
func (*File) TryLock(int64, bool) (bool, error)             { return false, ErrUnsupported }
func (*File) Unlock(int64) error                            { return ErrUnsupported }
func (*File) Locked(int64) (bool, error)                    { return false, ErrUnsupported }
func (*File) Map(int, bool) ([]byte, error)                 { return nil, ErrUnsupported }
func (*File) Pin() (*Pin, error)                            { return nil, ErrUnsupported }
func (*Pin) Hide() error                                    { return ErrUnsupported }
func (*Pin) Release(...int64) error                         { return ErrUnsupported }
func (*File) MapPrivate(int) ([]byte, error)                { return nil, ErrUnsupported }
func (*File) StartSync(int64) error                         { return ErrUnsupported }
func (*File) WriteZeros(int64) error                        { return ErrUnsupported }
func (*File) Sync() error                                   { return ErrUnsupported }
func (*File) Mount() uint64                                 { return 0 }
func (*File) SyncName() error                               { return ErrUnsupported }
func Sync([]byte) error                                     { return ErrUnsupported }
func Redirty([]byte) error                                  { return ErrUnsupported }
func SyncPart([]byte, int, int) error                       { return ErrUnsupported }
func PathID(string) (ID, error)                             { return ID{}, ErrUnsupported }
func Random(b []byte)                                       { _, _ = rand.Read(b) }
func PathNames(string) (ID, bool, error)                    { return ID{}, false, ErrUnsupported }
func Free(string) (int64, error)                            { return 0, ErrUnsupported }
func FreeFiles(string) (int64, error)                       { return 0, ErrUnsupported }
func IsOverQuota(error) bool                                { return false }
func HugePoolOf(int64) (p HugePool, err error)              { return p, ErrUnsupported }
func Unmap([]byte) error                                    { return ErrUnsupported }
func Blank([]byte) error                                    { return ErrUnsupported }
func BarrierOwn() error                                     { return ErrUnsupported }
func Collapse([]byte) error                                 { return ErrUnsupported }
func LockMemory([]byte) error                               { return ErrUnsupported }
func (*File) Network() string                               { return "" }
func IsReadOnly(error) bool                                 { return false }
func Prefault([]byte) error                                 { return ErrUnsupported }
func Wait(*uint32, uint32, time.Duration) error             { return ErrUnsupported }
func Wake(*uint32, int) (int, error)                        { return 0, ErrUnsupported }
func WakeAll(*uint32) (int, error)                          { return 0, ErrUnsupported }
func CanWaitTwo() bool                                      { return false }
func WaitTwo(*uint32, uint32, *uint32, time.Duration) error { return ErrUnsupported }
func (*Words) Reset(*uint32)                                {}
func (*Words) Add(*uint32, uint32)                          {}
func (*Words) Wait(time.Duration) error                     { return ErrUnsupported }
func WakeOwn(*uint32) error                                 { return ErrUnsupported }
func Yield()                                                {}
func WaitReaderGone(uintptr) error                          { return ErrUnsupported }
func InForeground(uintptr) bool                             { return false }
func RegisterBarrier() error                                { return ErrUnsupported }
func Barrier() error                                        { return ErrUnsupported }
func MonotonicMillis() uint64                               { return 0 }
func MonotonicNanos() int64                                 { return 0 }
func BootID() (id [16]byte)                                 { return id }
func StartTime() uint64                                     { return 0 }
func TerminalSize(uintptr) (int, int, bool)                 { return 0, 0, false }
func NullForBoth(uintptr) bool                              { return false }
func KeyMode(uintptr) (func() error, error)                 { return nil, ErrUnsupported }
func IsFault(error) bool                                    { return false }
func IsNoMemory(error) bool                                 { return false }
func IsNoSpace(error) bool                                  { return false }
func IsSymlink(error) bool                                  { return false }
func IsNotRegular(error) bool                               { return false }

// Processes: see halted_linux.go.
type Processes struct{}

const MaxWords = 128

// Words are words that a thread waits for together.
type Words struct{}

func NewProcesses() *Processes                { return &Processes{} }
func (*Processes) Halted(uint32, uint64) Halt { return Halt{} }
