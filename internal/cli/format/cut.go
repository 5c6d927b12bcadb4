package format

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// textAhead is how many bytes in front of a text belong to it: the header of a short record
// takes the place of the separator before it, so the record is made where it was read.
const textAhead = 1

// shortText is the first length of a text whose msgpack header takes more than a byte, and
// shortHeader the header of an empty one.
const (
	shortText   = 32
	shortHeader = 0xa0
)

// cutter cuts what was read, up to the last separator.
type cutter struct {
	to    *Batch
	buf   []byte // ends with a separator
	sep   byte
	utf8s bool // all of it is UTF-8
	limit int  // of a text
}

// Eight bytes are looked at together. In sevens + (word & sevens) a byte's highest bit is set
// unless its other bits are all 0, and no byte reaches into the next.
const (
	ones   = 0x0101_0101_0101_0101
	sevens = 0x7f7f_7f7f_7f7f_7f7f
)

// wordsFirst is how long a text is looked at by eight bytes, which is faster than
// bytes.IndexByte for short ones.
const wordsFirst = 64

// cut adds each text from start on, of which the bytes before scanned are known to hold no
// separator. It returns where the text starts that follows the last separator.
func (c *cutter) cut(start, scanned int) (int, error) {
	i, pattern := scanned, ones*uint64(c.sep)
	for ; i+8 <= len(c.buf); i += 8 {
		word := binary.LittleEndian.Uint64(c.buf[i:]) ^ pattern
		found := ^(word&sevens + sevens | word | sevens)
		if found == 0 && i-start >= wordsFirst {
			i += bytes.IndexByte(c.buf[i:], c.sep) - 8 // there is one, since buf ends with it
			continue
		}
		for ; found != 0; found &= found - 1 {
			at := i + bits.TrailingZeros64(found)/8
			if err := c.add(start, at); err != nil {
				return start, err
			}
			start = at + 1
		}
	}
	for ; i < len(c.buf); i++ {
		if c.buf[i] != c.sep {
			continue
		}
		if err := c.add(start, i); err != nil {
			return start, err
		}
		start = i + 1
	}
	return start, nil
}

// add adds the text from start to end.
func (c *cutter) add(start, end int) error {
	if n := end - start; n < shortText && c.utf8s {
		c.buf[start-textAhead] = shortHeader | byte(n)
		return c.to.Add(c.buf[start-textAhead : end])
	}
	return addText(c.to, c.buf[start:end], c.utf8s, c.limit)
}
