package layout

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// Problem is something in a header that is not what it should be. Err is one of
// ErrNotQueue, ErrVersion and ErrDamaged.
type Problem struct {
	Field       string
	Offset      int
	Found, Want string
	Err         error
}

// Examine explains what is wrong with a header page, where Validate stops at the first
// thing: it returns nothing exactly when Validate does. usable tells that h is known all
// the same: what is wrong is the checksum, or the size of the file.
//
// Preconditions: as Validate.
func Examine(page []byte, size int64) (h Header, usable bool, found []Problem) {
	h, err := Validate(page, size)
	if err == nil {
		return h, true, nil
	}
	le := binary.LittleEndian
	add := func(field string, off int, got, want string) {
		found = append(found, Problem{field, off, got, want, ErrDamaged})
	}
	number := func(n uint64) string { return fmt.Sprint(n) }
	switch {
	case len(page) < len(Magic) || string(page[:len(Magic)]) != Magic:
		return h, false, []Problem{{"magic", OffMagic, fmt.Sprintf("%q", page[:min(len(page), len(Magic))]), fmt.Sprintf("%q", Magic), ErrNotQueue}}
	case len(page) < HeaderUsed || size < HeaderSize:
		why := ErrNotQueue
		if errors.Is(err, ErrDamaged) {
			why = ErrDamaged
		}
		return h, false, []Problem{{"file size", 0, fmt.Sprintf("%d bytes", size), fmt.Sprintf("%d bytes or more", HeaderSize), why}}
	case le.Uint32(page[OffVersion:]) != Version:
		return h, false, []Problem{{"version", OffVersion, number(uint64(le.Uint32(page[OffVersion:]))), number(Version), ErrVersion}}
	}
	page = bytes.Clone(page)
	sum := crc32.Checksum(page[:OffHeaderCRC], castagnoli)
	if got := le.Uint32(page[OffHeaderCRC:]); got != sum {
		add("checksum", OffHeaderCRC, fmt.Sprintf("%#08x", got), fmt.Sprintf("%#08x, of the bytes before it", sum))
	}
	// What Validate says of this page is about the fields alone.
	validate := func() error {
		le.PutUint32(page[OffHeaderCRC:], crc32.Checksum(page[:OffHeaderCRC], castagnoli))
		h, err = Validate(page, math.MaxInt64)
		return err
	}
	if err := validate(); errors.Is(err, ErrVersion) {
		return h, false, append(found, Problem{"flags", OffFlags, fmt.Sprintf("%#x", le.Uint32(page[OffFlags:])), "flags that this program knows", ErrVersion})
	}
	if err := h.Check(); err != nil {
		add("shape", OffSeats, err.Error(), "numbers within the limits")
		return h, false, found
	}
	if n := le.Uint32(page[OffHeaderSize:]); n != HeaderSize {
		add("header size", OffHeaderSize, number(uint64(n)), number(HeaderSize))
		le.PutUint32(page[OffHeaderSize:], HeaderSize)
	}
	usable = true
	for _, f := range h.offsets() {
		if got := le.Uint64(page[f.off:]); got != f.want {
			add(f.name, f.off, number(got), number(f.want)+", which follows from the shape")
			le.PutUint64(page[f.off:], f.want)
			usable = false // the shape may be what is wrong
		}
	}
	if err := validate(); err != nil {
		add("header", 0, err.Error(), "a header that can be believed")
		return h, false, found
	}
	if usable && uint64(size) < h.TotalSize() {
		add("file size", OffTotalSize, number(uint64(size))+" bytes", number(h.TotalSize())+" bytes or more")
	}
	return h, usable, found
}
