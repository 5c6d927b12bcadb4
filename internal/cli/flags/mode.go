package flags

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
)

// Mode is a flag: permissions in octal.
type Mode fs.FileMode

// Type returns what the help calls the value.
func (m *Mode) Type() string { return "octal" }

func (m *Mode) String() string { return fmt.Sprintf("%04o", *m) }

// Set parses s.
func (m *Mode) Set(s string) error {
	v, err := strconv.ParseUint(s, 8, 32)
	if err != nil || v == 0 || v > 0o777 {
		return errors.New("want octal permissions from 0001 to 0777, like 0660")
	}
	*m = Mode(v)
	return nil
}
