package plan

import "strings"

// Difference is a set of the ways in which this package decodes other than
// msgpack/v5 does. A Decoder notes each one where it occurs, so that tests can hold
// all other decoding against v5; docs/codec.md lists them for users.
type Difference uint32

const (
	// FloatToInt: a whole float goes into an integer. v5 refuses it.
	FloatToInt Difference = 1 << iota
	// FloatRounded: a float64 goes into a float32, rounded. v5 refuses it.
	FloatRounded
	// LargeToFloat: an integer from 2^63 on goes into a float. v5 makes it negative.
	LargeToFloat
	// OutOfRange: a number that does not fit is refused. v5 drops its high bits.
	OutOfRange
	// StrictKind: with Strict, an integer is refused for a float.
	StrictKind
	// TimeForm: a time in one of the forms that v5 takes for a whole record only,
	// or ext 5, which it does not take at all.
	TimeForm
	// NilKey: a nil where a key has to be is refused. v5 reads "" or 0.
	NilKey
	// ShortArray: fewer elements than a Go array has are refused. v5 leaves zeros.
	ShortArray
	// RepeatedKey: the last value of a field counts. v5 merges them.
	RepeatedKey
	// TextOrBinary: a type that reads text and binary reads each from its kind.
	TextOrBinary
	// BytesToMethods: bytes for a slice of a type that has methods and is one byte.
	BytesToMethods
	// Generated: the UnmarshalMsg method of a type inside the record's own.
	Generated
	// Unexported: a value in an embedded type that is not exported is set. v5
	// panics.
	Unexported

	numDifferences = iota
)

var differenceNames = [numDifferences]string{
	"float to int", "float rounded", "large to float", "out of range", "strict kind", "time form", "nil key",
	"short array", "repeated key", "text or binary", "bytes to methods", "generated", "unexported",
}

func (d Difference) String() string {
	var names []string
	for i, name := range differenceNames {
		if d&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
