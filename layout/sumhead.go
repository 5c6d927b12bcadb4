package layout

import "encoding/binary"

// Lengths of what SumHead writes, without time stamps and with them.
const (
	SumHeadSize     = 16
	SumTimeHeadSize = 24
)

// SumHead writes to b what the checksum of a record covers before the payload:
// its position as far as a Word can tell it, sixty bits, as a u64; its length; its
// meta without the deliveries; and, with time stamps only, its time. Not k: of the first
// record in a take only the slots of the whole take are known.
func SumHead(b *[SumTimeHeadSize]byte, p uint64, length, meta uint32, time uint64) {
	le := binary.LittleEndian
	le.PutUint64(b[:], p<<StateBits>>StateBits)
	le.PutUint32(b[8:], length)
	le.PutUint32(b[12:], meta&MetaSummed)
	le.PutUint64(b[SumHeadSize:], time)
}
