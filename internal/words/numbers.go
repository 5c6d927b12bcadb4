package words

import (
	"fmt"
	"time"
)

// Bytes returns a size for people: 4.4 MB.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	return scaled(float64(n)) + "B"
}

// Count returns a number for people: 12.3 M.
func Count(n float64) string {
	if n < 1000 {
		return fmt.Sprintf("%.0f", n)
	}
	return scaled(n)
}

// scaled returns a number of 1000 or more with the letter of its power of 1000.
func scaled(n float64) string {
	const units = "kMGTPE"
	v, i := n/1000, 0
	for ; v >= 999.95 && i < len(units)-1; i++ {
		v /= 1000
	}
	return fmt.Sprintf("%.1f %c", v, units[i])
}

// Number says 1 record, 2 records.
func Number(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// Records says 1 record, 2 records.
func Records(n uint64) string { return Number(int(n), "record") }

// Age tells a duration to people, in its one or two largest units: 3d4h.
func Age(d time.Duration) string {
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

// Ago is how long ago a time was; a time to come, by another clock, is now.
func Ago(t time.Time) time.Duration { return max(0, time.Since(t)) }
