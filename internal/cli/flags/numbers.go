package flags

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
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

// Rate is a flag: records per second, 0 for no limit.
type Rate float64

// Type returns what the help calls the value.
func (r *Rate) Type() string { return "per-second" }

func (r *Rate) String() string {
	if *r == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(*r), 'g', -1, 64)
}

// Set parses s.
func (r *Rate) Set(s string) error {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return errors.New("want records per second, more than 0")
	}
	*r = Rate(v)
	return nil
}

// Count is a flag: how many records, -1 for no limit.
type Count int64

// Type returns what the help calls the value.
func (c *Count) Type() string { return "n" }

func (c *Count) String() string {
	if *c < 0 {
		return ""
	}
	return strconv.FormatInt(int64(*c), 10)
}

// Set parses s.
func (c *Count) Set(s string) error {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 0 {
		return errors.New("want a number of records")
	}
	*c = Count(v)
	return nil
}
