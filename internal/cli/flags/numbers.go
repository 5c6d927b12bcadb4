package flags

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// Int adds a flag for a whole number of at least least: 4096, 64k (64,000) or 1M.
func Int(set *pflag.FlagSet, p *int, name, short string, def, least int, usage string) {
	*p = def
	set.VarP(&number{p, int64(least), kilo}, name, short, usage)
}

// Size adds a flag for a number of bytes of at least 1: 4096, 64k (65,536) or 1M.
func Size(set *pflag.FlagSet, p *int, name string, def int, usage string) {
	*p = def
	set.Var(&number{p, 1, kibi}, name, usage)
}

// number is a flag.
type number struct {
	to    *int
	least int64
	unit  int64 // of the letter k
}

func (n *number) Type() string   { return "n" }
func (n *number) String() string { return strconv.Itoa(*n.to) }

func (n *number) Set(s string) error {
	v, err := parseNumber(s, n.unit)
	if err != nil {
		return err
	}
	if v < n.least {
		return fmt.Errorf("want at least %d", n.least)
	}
	if int64(int(v)) != v {
		return errNumber(n.unit)
	}
	*n.to = int(v)
	return nil
}

// Values of k: 1000 of anything, 1024 bytes.
const (
	kilo = 1000
	kibi = 1024
)

// parseNumber reads a whole number, perhaps with a letter: 64k, 1M, 2G, 1T. In numbers of
// bytes the letters are powers of 1024, unless a B follows: 64kB is 64,000, 64KiB is 65,536.
func parseNumber(s string, unit int64) (int64, error) {
	digits := strings.TrimRight(s, "kKMGTiB")
	factor, err := factorOf(s[len(digits):], unit)
	v, e := strconv.ParseInt(digits, 10, 64)
	if err != nil || e != nil || v > math.MaxInt64/factor || v < math.MinInt64/factor {
		return 0, errNumber(unit)
	}
	return v * factor, nil
}

// factorOf returns what the letters behind a number multiply it by.
func factorOf(letters string, unit int64) (int64, error) {
	if unit == kibi {
		if rest, ok := strings.CutSuffix(letters, "iB"); ok && rest != "" {
			letters = rest
		} else if rest, ok := strings.CutSuffix(letters, "B"); ok && rest != "" {
			letters, unit = rest, kilo
		}
	}
	power := strings.Index("kMGT", strings.Replace(letters, "K", "k", 1)) + 1
	if letters == "" {
		power = 0
	} else if len(letters) != 1 || power == 0 {
		return 0, errNumber(unit)
	}
	factor := int64(1)
	for range power {
		factor *= unit
	}
	return factor, nil
}

func errNumber(unit int64) error {
	if unit == kilo {
		return fmt.Errorf("want a whole number like 4096, 64k (64,000) or 1M")
	}
	return fmt.Errorf("want a number of bytes like 4096, 64k (65,536) or 1M")
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
	if n, e := parseNumber(s, kilo); e == nil {
		v, err = float64(n), nil
	}
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return fmt.Errorf("want records per second like 0.5, 100 or 10k, more than 0")
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
	v, err := parseNumber(s, kilo)
	if err != nil || v < 0 {
		return fmt.Errorf("want a number of records like 10, 64k (64,000) or 1M")
	}
	*c = Count(v)
	return nil
}

// Position is a flag: where a record stands in the queue.
type Position uint64

// Type returns what the help calls the value.
func (p *Position) Type() string { return "position" }

func (p *Position) String() string { return strconv.FormatUint(uint64(*p), 10) }

// Set parses s.
func (p *Position) Set(s string) error {
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return fmt.Errorf("want a position, as shmq peek shows it")
	}
	*p = Position(v)
	return nil
}
