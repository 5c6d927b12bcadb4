package format

import "github.com/shmq/shmq/internal/wire"

// The JavaScript library msgpackr, left to itself, writes an object not as a map but as
// a structure: an ext of type 'r' that numbers it, an array of the names, and the values;
// or, once the structure is known, its number and the values. Each of them is a value of
// its own in the stream, and only msgpackr puts them together again.
const (
	structureType   = 'r'
	structuresFirst = 0x40 // the numbers are from here to 0x7f
	structuresLook  = 16   // values that are looked at for a number and what follows
)

const structuresWarning = "value %d of the input looks like a structure of msgpackr, which is no map but several values; " +
	"each is sent as a record of its own: pack with useRecords: false"

// structures looks for them in a stream.
type structures struct {
	values   int
	numbered bool // the first value is one that could number a structure
	found    bool
}

// look reports whether value, which is well-formed, is the first sign of them.
func (s *structures) look(value []byte) bool {
	if s.found {
		return false
	}
	s.values++
	_, ext, _ := wire.Walk(value, 0)
	if t, err := wire.Parse(value[ext:]); err == nil && t.Kind == wire.Ext && t.Type == structureType && t.Num <= 2 {
		s.found = true
		return true
	}
	switch t, _ := wire.Parse(value); {
	case s.values == 1:
		s.numbered = t.Kind == wire.Uint && t.Head == 1 && t.Num >= structuresFirst
	case s.numbered && s.values <= structuresLook:
		s.found = t.Kind != wire.Uint && t.Kind != wire.Int
	}
	return s.found
}
