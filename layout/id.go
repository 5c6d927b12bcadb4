package layout

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// ID names a record for good: no other record, of this queue or of another one, has it,
// and the record keeps it while it is delivered again, after the queue was rebuilt and in
// a copy of the file. IDs can be compared and be keys of a map.
type ID struct {
	// Creation is the creation id of the queue.
	Creation [16]byte
	// Incarnation is the one in which the record was sent. Another begins when the queue
	// is rebuilt after the machine stopped, and in each copy of its file, since positions
	// may be used again then.
	Incarnation uint64
	// Position is that of the record's first slot.
	Position uint64
}

// String returns the ID in printable ASCII without blanks: the creation id and the
// incarnation in hexadecimal, 32 and 16 digits, and the position in decimal, with hyphens
// between them.
func (id ID) String() string {
	return fmt.Sprintf("%x-%016x-%d", id.Creation, id.Incarnation, id.Position)
}

// MarshalText returns what String does.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText takes what String returns, and nothing else.
func (id *ID) UnmarshalText(b []byte) error {
	wrong := fmt.Errorf("%q is no id of a record: want creation id, incarnation and position", b)
	parts := strings.Split(string(b), "-")
	if len(parts) != 3 {
		return wrong
	}
	var got ID
	if n, err := hex.Decode(got.Creation[:], b[:min(len(parts[0]), 2*len(got.Creation))]); err != nil || n != len(got.Creation) {
		return wrong
	}
	var err error
	if got.Incarnation, err = strconv.ParseUint(parts[1], 16, 64); err != nil {
		return wrong
	}
	if got.Position, err = strconv.ParseUint(parts[2], 10, 64); err != nil {
		return wrong
	}
	if got.String() != string(b) { // upper case, signs, leading zeros, a longer first part
		return wrong
	}
	*id = got
	return nil
}
