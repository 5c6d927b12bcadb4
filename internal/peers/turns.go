//go:build linux

package main

import (
	"fmt"
	"io"
	"sort"
	"time"
)

// nearer is the round trip of two cache lines, in nanoseconds, below which the cores count as near:
// near ones take 100 to 150, far ones 500 and more.
const nearer = 300

// figures are what was measured of a peer: nanoseconds a record, by kind, with near cores and
// with far ones.
type figures struct {
	*peer
	near, far map[kind][]float64
}

// turn is what is measured next, with how many records.
type turn struct {
	*session
	kind
	n   int
	got *figures
}

// takeTurns starts all ends, and lets one kind of one peer after the other have the machine
// for about length each, for so long in all. Between two turns it finds out how far apart
// the cores are: a host may move them. A figure counts if it is the same before and after.
func takeTurns(w io.Writer, ps []*peer, in, length time.Duration) error {
	var (
		turns []*turn
		all   []*figures
		bare  *session
	)
	for _, p := range ps {
		s, err := open(p, false)
		if err != nil {
			return err
		}
		defer s.close()
		f := &figures{peer: p, near: map[kind][]float64{}, far: map[kind][]float64{}}
		all = append(all, f)
		opened := map[int]bool{}
		for _, k := range p.kinds() {
			if !opened[k.size] {
				if err := s.ready(k); err != nil {
					return err
				}
				opened[k.size] = true
			}
			turns = append(turns, &turn{s, k, 0, f})
		}
		if p == probe {
			bare = s
		} else {
			s.rest()
		}
	}
	// The first rounds find out how many records a turn takes, and warm up.
	for _, n := range []int{500, 0, 0} {
		for _, t := range turns {
			t.n = max(t.n, n)
			if _, err := t.take(bare, length); err != nil {
				return err
			}
		}
	}
	var trips struct{ near, far []float64 }
	rounds := 0
	before, err := distance(bare)
	for end := time.Now().Add(in); time.Now().Before(end) && err == nil; rounds++ {
		for _, t := range turns {
			ns, err := t.take(bare, length)
			if err != nil {
				return err
			}
			after, err := distance(bare)
			if err != nil {
				return err
			}
			switch {
			case before < nearer && after < nearer:
				t.got.near[t.kind] = append(t.got.near[t.kind], ns)
				trips.near = append(trips.near, after)
			case before >= nearer && after >= nearer:
				t.got.far[t.kind] = append(t.got.far[t.kind], ns)
				trips.far = append(trips.far, after)
			}
			before = after
		}
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d rounds of %v a turn\n", rounds, length)
	defer versions(w)
	for _, where := range []struct {
		name string
		trip []float64
		get  func(*figures) map[kind][]float64
	}{
		{"near", trips.near, func(f *figures) map[kind][]float64 { return f.near }},
		{"far", trips.far, func(f *figures) map[kind][]float64 { return f.far }},
	} {
		if len(where.trip) < len(turns) {
			fmt.Fprintf(w, "\n%s cores: %d of %d turns, too few for a table\n", where.name, len(where.trip), rounds*len(turns))
			continue
		}
		fmt.Fprintf(w, "\n%s cores: a bare round trip took %s ns; %d of %d turns\n", where.name, form(median(where.trip)), len(where.trip), rounds*len(turns))
		table(w, all, where.get)
	}
	return nil
}

// distance is the bare round trip, the median of a few: a look at what the cores are now.
func distance(bare *session) (float64, error) {
	var ns []float64
	for range 3 {
		one, err := bare.move(trip, 1500)
		if err != nil {
			return 0, err
		}
		ns = append(ns, one)
	}
	return median(ns), nil
}

// take has a turn, and sets how many records the next one takes.
func (t *turn) take(bare *session, length time.Duration) (float64, error) {
	if t.session != bare {
		t.session.wake()
		defer t.session.rest()
	}
	ns, err := t.session.move(t.kind, t.n)
	if err != nil {
		return 0, err
	}
	t.n = max(min(int(float64(length)/ns), 4*t.n*10), window(t.size))
	if t.most > 0 {
		t.n = min(t.n, t.most/t.size)
	}
	return ns, nil
}

func median(xs []float64) float64 {
	s := append([]float64(nil), xs...)
	sort.Float64s(s)
	if len(s)%2 == 0 {
		return (s[len(s)/2-1] + s[len(s)/2]) / 2
	}
	return s[len(s)/2]
}
