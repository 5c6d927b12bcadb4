package cli

import (
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"time"
)

// duration is a flag: 1.5s, 200ms, or a plain number of seconds.
type duration time.Duration

func (d *duration) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}

func (d *duration) Type() string { return "duration" }

func (d *duration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if seconds, e := strconv.ParseFloat(s, 64); e == nil {
		err = nil
		v = time.Duration(math.Min(math.Max(seconds, -1), 1e9) * float64(time.Second))
	}
	if err != nil {
		return fmt.Errorf("want seconds or a duration like 1.5s, 200ms, 2m")
	}
	if v <= 0 {
		return fmt.Errorf("want more than 0; not to wait at all is --nonblock")
	}
	*d = duration(v)
	return nil
}

// fileMode is a flag: permissions in octal.
type fileMode fs.FileMode

func (m *fileMode) String() string { return fmt.Sprintf("%04o", *m) }
func (m *fileMode) Type() string   { return "octal" }

func (m *fileMode) Set(s string) error {
	v, err := strconv.ParseUint(s, 8, 32)
	if err != nil || v == 0 || v > 0o777 {
		return fmt.Errorf("want octal permissions from 0001 to 0777, like 0660")
	}
	*m = fileMode(v)
	return nil
}

// rate is a flag: records per second, 0 for no limit.
type rate float64

func (r *rate) Type() string { return "per-second" }

func (r *rate) String() string {
	if *r == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(*r), 'g', -1, 64)
}

func (r *rate) Set(s string) error {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return fmt.Errorf("want records per second, more than 0")
	}
	*r = rate(v)
	return nil
}

// count is a flag: how many records, -1 for no limit.
type count int64

func (c *count) Type() string { return "n" }

func (c *count) String() string {
	if *c < 0 {
		return ""
	}
	return strconv.FormatInt(int64(*c), 10)
}

func (c *count) Set(s string) error {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 0 {
		return fmt.Errorf("want a number of records")
	}
	*c = count(v)
	return nil
}

func (d *duration) value() time.Duration { return time.Duration(*d) }

// interval is a flag: a time between two looks.
type interval struct{ duration }

func (i *interval) Set(s string) error {
	if i.duration.Set(s) != nil {
		return fmt.Errorf("want seconds or a duration like 1s, 500ms, 1m, more than 0")
	}
	return nil
}
