package plan

import (
	"fmt"
	"math"

	"github.com/shmq/shmq/internal/wire"
)

// storeInt stores i if it fits.
func storeInt(op decOp, r ref, i int64) bool {
	switch op {
	case decInt8:
		*as[int8](r) = int8(i)
		return int64(int8(i)) == i
	case decInt16:
		*as[int16](r) = int16(i)
		return int64(int16(i)) == i
	case decInt32:
		*as[int32](r) = int32(i)
		return int64(int32(i)) == i
	case decInt64:
		*as[int64](r) = i
		return true
	case decUint8:
		*as[uint8](r) = uint8(i)
		return int64(uint8(i)) == i
	case decUint16:
		*as[uint16](r) = uint16(i)
		return int64(uint16(i)) == i
	case decUint32:
		*as[uint32](r) = uint32(i)
		return int64(uint32(i)) == i
	}
	*as[uint64](r) = uint64(i)
	return i >= 0
}

// otherInt decodes what is not simply an integer that fits: nil, which is 0; a float
// that is whole; an integer from 2^63 on.
func (d *Decoder) otherInt(n *decNode, r ref) error {
	t, src, err := d.token()
	if err != nil {
		return err
	}
	ok := false
	switch t.Kind {
	case wire.Nil:
		ok = storeInt(n.op, r, 0)
	case wire.Int:
		ok = storeInt(n.op, r, int64(t.Num))
	case wire.Uint:
		ok = d.storeUint(n.op, r, t.Num)
	case wire.Float32, wire.Float64:
		f := floatOf(t)
		if d.Strict || f != math.Trunc(f) {
			return mismatch(n, t, src)
		}
		d.Differences |= FloatToInt
		if f < 0 {
			ok = f >= math.MinInt64 && storeInt(n.op, r, int64(f))
		} else {
			ok = f < math.MaxUint64 && d.storeUint(n.op, r, uint64(f))
		}
	default:
		return mismatch(n, t, src)
	}
	if !ok {
		d.Differences |= OutOfRange
		return fmt.Errorf("%s does not fit %s", describe(t, src), n.typ)
	}
	return nil
}

// storeUint stores u if it fits.
func (d *Decoder) storeUint(op decOp, r ref, u uint64) bool {
	if op == decUint64 {
		*as[uint64](r) = u
		return true
	}
	return u <= math.MaxInt64 && storeInt(op, r, int64(u))
}

// floatOf is the number of a float token.
func floatOf(t wire.Token) float64 {
	if t.Kind == wire.Float32 {
		return float64(math.Float32frombits(uint32(t.Num)))
	}
	return math.Float64frombits(t.Num)
}

// otherFloat decodes any number into a float, and nil as 0.
func (d *Decoder) otherFloat(n *decNode, r ref) error {
	t, src, err := d.token()
	if err != nil {
		return err
	}
	narrow := n.op == decFloat32
	switch t.Kind {
	case wire.Nil:
		return nil
	case wire.Float32:
		if narrow {
			*as[float32](r) = math.Float32frombits(uint32(t.Num)) // also a NaN's bits
		} else {
			*as[float64](r) = floatOf(t)
		}
		return nil
	case wire.Uint, wire.Int:
		if d.Strict {
			d.Differences |= StrictKind
			return mismatch(n, t, src)
		}
		d.fromInt(t, narrow, r)
		return nil
	case wire.Float64:
		if !narrow {
			*as[float64](r) = math.Float64frombits(t.Num)
			return nil
		}
		return d.rounded(n, t, src, r)
	}
	return mismatch(n, t, src)
}

// fromInt stores the integer of t, rounded to the nearest float.
func (d *Decoder) fromInt(t wire.Token, narrow bool, r ref) {
	if t.Num > math.MaxInt64 && t.Kind == wire.Uint {
		d.Differences |= LargeToFloat
	}
	switch {
	case narrow && t.Kind == wire.Uint:
		*as[float32](r) = float32(t.Num)
	case narrow:
		*as[float32](r) = float32(int64(t.Num))
	case t.Kind == wire.Uint:
		*as[float64](r) = float64(t.Num)
	default:
		*as[float64](r) = float64(int64(t.Num))
	}
}

// rounded stores the float64 of t as the nearest float32.
func (d *Decoder) rounded(n *decNode, t wire.Token, src []byte, r ref) error {
	f := math.Float64frombits(t.Num)
	d.Differences |= FloatRounded
	narrow := float32(f)
	switch {
	case math.IsInf(float64(narrow), 0) && !math.IsInf(f, 0):
		return fmt.Errorf("%s does not fit %s", describe(t, src), n.typ)
	case d.Strict && float64(narrow) != f && !math.IsNaN(f):
		return mismatch(n, t, src)
	}
	*as[float32](r) = narrow
	return nil
}

// notBool decodes nil as false.
func (d *Decoder) notBool(n *decNode, r ref) error {
	t, src, err := d.token()
	if err == nil && t.Kind != wire.Nil {
		err = mismatch(n, t, src)
	}
	return err
}
