package demo

import "math/bits"

// Record is what the producers send.
type Record struct {
	Producer int    `msgpack:"producer"` // its number, from 0
	Seq      uint64 `msgpack:"seq"`      // from 0, without gaps
	Phase    int    `msgpack:"phase"`
	Sent     int64  `msgpack:"sent"` // Unix time in nanoseconds: one clock for all processes
	Text     string `msgpack:"text"`
}

// sum is a hash (FNV-1a) of the whole record. The sum of all sums is the same in
// whatever order, and by whomever, the records are received.
func (r *Record) sum() uint64 {
	const prime = 1099511628211
	h := uint64(14695981039346656037)
	for _, w := range [...]uint64{uint64(r.Producer), r.Seq, uint64(r.Phase), uint64(r.Sent)} {
		h = (h ^ w) * prime
		h = bits.RotateLeft64(h, 32) // let high bits reach the low ones
	}
	for i := range len(r.Text) {
		h = (h ^ uint64(r.Text[i])) * prime
	}
	return h
}

// texts are what people at a lighthouse might write into their log.
var texts = [...]string{
	"lamp lit",
	"fog from the west, horn on",
	"a coaster passed, bound north, close in",
	"wind backing to the south-east, glass falling, sea rough",
	"supply boat alongside at noon: oil, flour, letters, and a new clock for the stairs",
}

// bitmap is a set of numbers from 0 on. It is sent as it is.
type bitmap []byte

// maxBit bounds a bitmap to 512 MiB, whatever a record says.
const maxBit = 1 << 32

// set adds n and reports whether it was there already.
func (b *bitmap) set(n uint64) bool {
	if n >= maxBit {
		return false // the accounts will show that it is missing
	}
	i, bit := int(n/8), byte(1)<<(n%8)
	for len(*b) <= i {
		*b = append(*b, 0)
	}
	was := (*b)[i]&bit != 0
	(*b)[i] |= bit
	return was
}

// merge adds what c holds and returns how many of it were there already.
func (b *bitmap) merge(c bitmap) (twice uint64) {
	if len(c) > len(*b) {
		*b = append(*b, make(bitmap, len(c)-len(*b))...)
	}
	for i, w := range c {
		twice += uint64(bits.OnesCount8((*b)[i] & w))
		(*b)[i] |= w
	}
	return twice
}

// below counts the numbers less than n.
func (b bitmap) below(n uint64) (count uint64) {
	for i, w := range b {
		switch at := uint64(i) * 8; {
		case at+8 <= n:
			count += uint64(bits.OnesCount8(w))
		case at < n:
			count += uint64(bits.OnesCount8(w & (1<<(n-at) - 1)))
		}
	}
	return count
}
