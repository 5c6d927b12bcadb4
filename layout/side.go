package layout

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A queue in a System V segment has a side file: it gives the queue its name, says
// which segment it is, and carries the locks, at the offsets that they have in a file.

// SideMagic opens every side file.
const SideMagic = "shmqs\r\n\x1a"

// SideVersion is the layout of a side file.
const SideVersion = 1

// SideSize is how many bytes of a side file mean something.
const SideSize = 256

// LockSide is the byte of a side file that is locked exclusively by the maker of
// the queue and by its remover. A file that says SideMaking or SideRemoving, and whose byte is
// free, is what a dead process left.
const LockSide = 1032

// LockSegment is the byte of a side file that is locked shared by every process that
// may write to the segment, for as long as it is mapped, and exclusively by one that wipes it:
// roles and seats are unlocked a little before the memory is unmapped.
const LockSegment = 1033

// SideHeaderSize is how much of the queue's header a side file repeats: all that is
// not zero.
const SideHeaderSize = HeaderUsed

// Fields of a side file, offsets from its start. They are written, all in one call, by
// the holder of LockSide.
const (
	OffSideMagic     = 0   // [8]byte
	OffSideVersion   = 8   // u32
	OffSideState     = 12  // u32, Side*
	OffSideFlags     = 16  // u32, FlagSide*
	OffSideID        = 20  // i32, the segment, or -1 while it is not known
	OffSideKey       = 24  // u32, its key, 0 for IPC_PRIVATE
	OffSidePID       = 28  // u32, the maker's
	OffSideNamespace = 32  // u64, inode of the maker's IPC namespace, or 0
	OffSideHeader    = 64  // [128]byte, bytes 0 to 127 of the queue, or zeros
	OffSideCRC       = 252 // u32, CRC-32C of bytes 0 to 251
)

// States of a side file.
const (
	SideMaking   = 1 // nobody may attach yet
	SideReady    = 2
	SideRemoving = 3 // nobody may attach any more
)

// Flags of a side file.
const (
	// FlagSideOwn: the queue's maker made the segment, so the remover of the queue
	// removes it too. Otherwise another program did.
	FlagSideOwn = 1 << 0
	// FlagSideFresh: there was no segment of that key when the side file was made.
	// Only of use while the segment is not known.
	FlagSideFresh = 1 << 1
)

// Side is what a side file says.
type Side struct {
	State     uint32
	Own       bool
	Fresh     bool
	ID        int32
	Key       uint32
	PID       uint32
	Namespace uint64
	Header    [SideHeaderSize]byte
}

// Encode returns the bytes of a side file.
func (s *Side) Encode() []byte {
	b := make([]byte, SideSize)
	copy(b[OffSideMagic:], SideMagic)
	le := binary.LittleEndian
	le.PutUint32(b[OffSideVersion:], SideVersion)
	le.PutUint32(b[OffSideState:], s.State)
	var flags uint32
	if s.Own {
		flags |= FlagSideOwn
	}
	if s.Fresh {
		flags |= FlagSideFresh
	}
	le.PutUint32(b[OffSideFlags:], flags)
	le.PutUint32(b[OffSideID:], uint32(s.ID))
	le.PutUint32(b[OffSideKey:], s.Key)
	le.PutUint32(b[OffSidePID:], s.PID)
	le.PutUint64(b[OffSideNamespace:], s.Namespace)
	copy(b[OffSideHeader:], s.Header[:])
	le.PutUint32(b[OffSideCRC:], crc32.Checksum(b[:OffSideCRC], castagnoli))
	return b
}

// DecodeSide reads a side file. Errors wrap ErrNotQueue, ErrVersion or ErrDamaged.
//
// Preconditions: b is private memory.
func DecodeSide(b []byte) (Side, error) {
	le := binary.LittleEndian
	if !bytes.HasPrefix(b, []byte(SideMagic)) || len(b) < OffSideVersion+4 {
		return Side{}, fmt.Errorf("%w: it is no side file of a segment", ErrNotQueue)
	}
	if v := le.Uint32(b[OffSideVersion:]); v != SideVersion {
		return Side{}, fmt.Errorf("%w: the side file has version %d, this program speaks version %d", ErrVersion, v, SideVersion)
	}
	if len(b) < SideSize || le.Uint32(b[OffSideCRC:]) != crc32.Checksum(b[:OffSideCRC], castagnoli) {
		return Side{}, fmt.Errorf("%w: the side file's checksum is wrong", ErrDamaged)
	}
	flags := le.Uint32(b[OffSideFlags:])
	s := Side{
		State:     le.Uint32(b[OffSideState:]),
		Own:       flags&FlagSideOwn != 0,
		Fresh:     flags&FlagSideFresh != 0,
		ID:        int32(le.Uint32(b[OffSideID:])),
		Key:       le.Uint32(b[OffSideKey:]),
		PID:       le.Uint32(b[OffSidePID:]),
		Namespace: le.Uint64(b[OffSideNamespace:]),
		Header:    [SideHeaderSize]byte(b[OffSideHeader:]),
	}
	if s.State < SideMaking || s.State > SideRemoving || s.ID < -1 || s.ID == -1 && s.State == SideReady {
		return s, fmt.Errorf("%w: the side file says state %d, segment %d", ErrDamaged, s.State, s.ID)
	}
	return s, nil
}
