package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// age is a flag: how long ago, as 90s, 1h30m or 7d, or a plain number of seconds.
type age time.Duration

func (a *age) String() string { return ageText(time.Duration(*a)) }
func (a *age) Type() string   { return "age" }

func (a *age) Set(s string) error {
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
		return fmt.Errorf("want an age like 90s, 30m, 1h30m, 7d, or 0")
	}
	*a = age(v)
	return nil
}

// ageText tells a duration to people, in its one or two largest units: 3d4h.
func ageText(d time.Duration) string {
	s := int64(d / time.Second)
	units := []struct {
		name    string
		seconds int64
	}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}
	for i, u := range units {
		if s < u.seconds {
			continue
		}
		text := fmt.Sprintf("%d%s", s/u.seconds, u.name)
		if i+1 < len(units) {
			if rest := s % u.seconds / units[i+1].seconds; rest > 0 {
				text += fmt.Sprintf("%d%s", rest, units[i+1].name)
			}
		}
		return text
	}
	return "0s"
}

// ago is how long ago a time was; a time to come, by another clock, is now.
func ago(t time.Time) time.Duration { return max(0, time.Since(t)) }
