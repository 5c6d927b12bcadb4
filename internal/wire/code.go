package wire

// The first byte of a value. A fix code holds a small number in its low bits.
const (
	codeFixMap   = 0x80 // 0x80-0x8f: 0-15 pairs
	codeFixArray = 0x90 // 0x90-0x9f: 0-15 elements
	codeFixStr   = 0xa0 // 0xa0-0xbf: 0-31 bytes
	codeNil      = 0xc0
	codeFalse    = 0xc2
	codeTrue     = 0xc3
	codeBin8     = 0xc4
	codeBin16    = 0xc5
	codeBin32    = 0xc6
	codeExt8     = 0xc7
	codeExt16    = 0xc8
	codeExt32    = 0xc9
	codeFloat32  = 0xca
	codeFloat64  = 0xcb
	codeUint8    = 0xcc
	codeUint16   = 0xcd
	codeUint32   = 0xce
	codeUint64   = 0xcf
	codeInt8     = 0xd0
	codeInt16    = 0xd1
	codeInt32    = 0xd2
	codeInt64    = 0xd3
	codeFixExt1  = 0xd4 // to 0xd8: 1, 2, 4, 8, 16 bytes
	codeFixExt4  = 0xd6
	codeFixExt8  = 0xd7
	codeStr8     = 0xd9
	codeStr16    = 0xda
	codeStr32    = 0xdb
	codeArray16  = 0xdc
	codeArray32  = 0xdd
	codeMap16    = 0xde
	codeMap32    = 0xdf
	codeNegative = 0xe0 // 0xe0-0xff: -32 to -1
)

// form is what a first byte announces: num itself, or a number of width bytes
// in big-endian order.
type form struct {
	kind  Kind
	width uint8
	num   int8
}

var forms = makeForms()

func makeForms() (f [256]form) {
	for c := range f {
		switch {
		case c < codeFixMap:
			f[c] = form{kind: Uint, num: int8(c)}
		case c < codeFixArray:
			f[c] = form{kind: Map, num: int8(c - codeFixMap)}
		case c < codeFixStr:
			f[c] = form{kind: Array, num: int8(c - codeFixArray)}
		case c < codeNil:
			f[c] = form{kind: Str, num: int8(c - codeFixStr)}
		case c >= codeNegative:
			f[c] = form{kind: Int, num: int8(c - 256)}
		}
	}
	f[codeNil] = form{kind: Nil}
	f[codeFalse] = form{kind: Bool}
	f[codeTrue] = form{kind: Bool, num: 1}
	f[codeFloat32] = form{kind: Float32, width: 4}
	f[codeFloat64] = form{kind: Float64, width: 8}
	for i, width := range []uint8{1, 2, 4, 8} {
		f[codeUint8+i] = form{kind: Uint, width: width}
		f[codeInt8+i] = form{kind: Int, width: width}
	}
	for i, width := range []uint8{1, 2, 4} {
		f[codeBin8+i] = form{kind: Bin, width: width}
		f[codeExt8+i] = form{kind: Ext, width: width}
		f[codeStr8+i] = form{kind: Str, width: width}
	}
	for i, width := range []uint8{2, 4} {
		f[codeArray16+i] = form{kind: Array, width: width}
		f[codeMap16+i] = form{kind: Map, width: width}
	}
	for i := range 5 {
		f[codeFixExt1+i] = form{kind: Ext, num: 1 << i}
	}
	return f
}
