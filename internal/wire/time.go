package wire

import (
	"encoding/binary"
	"time"
)

// TimeType is the type of the Ext that msgpack reserves for timestamps.
const TimeType = -1

// AppendTime appends t as a timestamp, in the fewest bytes that hold its instant.
func AppendTime(dst []byte, t time.Time) []byte {
	sec, nsec := uint64(t.Unix()), uint64(t.Nanosecond())
	switch {
	case sec>>34 != 0:
		dst = append(dst, codeExt8, 12, 0xff)
		dst = binary.BigEndian.AppendUint32(dst, uint32(nsec))
		return binary.BigEndian.AppendUint64(dst, sec)
	case nsec != 0 || sec>>32 != 0:
		return binary.BigEndian.AppendUint64(append(dst, codeFixExt8, 0xff), nsec<<34|sec)
	}
	return binary.BigEndian.AppendUint32(append(dst, codeFixExt4, 0xff), uint32(sec))
}

// Time reads the payload of a timestamp. The nanoseconds may be a second or more,
// which no writer should have written.
func Time(payload []byte) (sec int64, nsec uint32, ok bool) {
	switch len(payload) {
	case 4:
		return int64(binary.BigEndian.Uint32(payload)), 0, true
	case 8:
		n := binary.BigEndian.Uint64(payload)
		return int64(n & (1<<34 - 1)), uint32(n >> 34), true
	case 12:
		return int64(binary.BigEndian.Uint64(payload[4:])), binary.BigEndian.Uint32(payload), true
	}
	return 0, 0, false
}
