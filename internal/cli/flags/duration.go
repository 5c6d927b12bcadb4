// Package flags holds the values that flags take, the flags that several verbs share, and
// what verbs demand of their arguments.
package flags

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/shmq/shmq/internal/words"
)

// Duration is a flag: 1.5s, 200ms, or a plain number of seconds; more than 0.
type Duration time.Duration

// Value returns the duration.
func (d *Duration) Value() time.Duration { return time.Duration(*d) }

// Type returns what the help calls the value.
func (d *Duration) Type() string { return "duration" }

func (d *Duration) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}

// Set parses s.
func (d *Duration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if seconds, e := strconv.ParseFloat(s, 64); e == nil {
		err = nil
		v = time.Duration(math.Min(math.Max(seconds, -1), 1e9) * float64(time.Second))
	}
	if err != nil {
		return errors.New("want seconds or a duration like 1.5s, 200ms, 2m")
	}
	if v <= 0 {
		return errors.New("want more than 0; not to wait at all is --nonblock")
	}
	*d = Duration(v)
	return nil
}

// Interval is a flag: a time between two looks.
type Interval struct{ Duration }

// Set parses s.
func (i *Interval) Set(s string) error {
	if i.Duration.Set(s) != nil {
		return errors.New("want seconds or a duration like 1s, 500ms, 1m, more than 0")
	}
	return nil
}

// Grace is a flag: a time of 0 or more.
type Grace struct{ Duration }

// Set parses s.
func (g *Grace) Set(s string) error {
	if v, err := strconv.ParseFloat(strings.TrimRight(s, "smh"), 64); err == nil && v == 0 {
		g.Duration = 0
		return nil
	}
	if g.Duration.Set(s) != nil {
		return errors.New("want seconds or a duration like 1s, 500ms, 1m, or 0")
	}
	return nil
}

// Age is a flag: how long ago, as 90s, 1h30m or 7d, or a plain number of seconds.
type Age time.Duration

// Type returns what the help calls the value.
func (a *Age) Type() string { return "age" }

func (a *Age) String() string { return words.Age(time.Duration(*a)) }

// Set parses s.
func (a *Age) Set(s string) error {
	v, err := time.ParseDuration(s)
	number, days := strings.CutSuffix(s, "d")
	if n, e := strconv.ParseFloat(number, 64); e == nil {
		unit := time.Second
		if days {
			unit = 24 * time.Hour
		}
		err = nil
		v = time.Duration(math.Min(math.Max(n*float64(unit), -1), 1e18)) // 30 years
	}
	if err != nil || v < 0 {
		return errors.New("want an age like 90s, 30m, 1h30m, 7d, or 0")
	}
	*a = Age(v)
	return nil
}
