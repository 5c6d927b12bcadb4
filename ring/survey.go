package ring

import "github.com/shmq/shmq/layout"

// Survey counts what the words of a ring say. It is a look from outside: while
// participants work, each number is of a slightly different moment.
type Survey struct {
	Records int // published and not taken
	Claimed int // claims being written
	Leased  int // takes in the hands of consumers (many consumers only)
	Orphans int // takes waiting to be delivered again
}

// Survey looks at every slot once.
func (r *Ring) Survey() Survey {
	var s Survey
	head, _ := r.Positions()
	for i := range r.cap {
		w := r.load(i)
		switch w.State() {
		case layout.Claimed:
			s.Claimed++
		case layout.Reading, layout.ReadingAcked:
			s.Leased++
		case layout.Orphan, layout.OrphanAcked:
			s.Orphans++
		}
	}
	// Records are counted from head on, since words before it may be left over,
	// and as far as words of their lap reach, since tail may lag.
	for p := head; p-head < r.cap; {
		w := r.load(p)
		k := r.span(p, w)
		if w.State() == layout.Free || w.CompareLap(p, r.shift) != 0 || k == 0 {
			break
		}
		if w.State() == layout.Full {
			s.Records++
		}
		p += k
	}
	return s
}
