package bench

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Run measures the cases and the goals one after another. Rows that this machine does
// not allow for are listed as skipped. When ctx ends it returns the cause, and leaves
// nothing behind.
func Run(ctx context.Context, o Options) (*Report, error) {
	o = o.withDefaults()
	rep := &Report{Host: thisHost(), Results: []Result{}}
	for _, c := range o.Cases {
		r, err := o.row(ctx, c)
		if err != nil {
			return nil, err
		}
		if r.Skipped != "" {
			rep.Skipped = append(rep.Skipped, Skipped{c.Name, r.Skipped})
		} else {
			rep.Results = append(rep.Results, r)
		}
		if err := o.Row(r); err != nil {
			return nil, err
		}
	}
	for _, g := range o.Goals {
		r, err := o.goal(ctx, g)
		if err != nil {
			return nil, err
		}
		rep.Goals = append(rep.Goals, r)
		if err := o.Goal(r); err != nil {
			return nil, err
		}
	}
	rep.Host.Distance, rep.Host.Changed = overall(rep.Goals)
	return rep, nil
}

// overall returns the distance of the goals that have one.
func overall(goals []GoalResult) (d Distance, changed bool) {
	var ds []Distance
	for _, g := range goals {
		if g.Distance != Unknown {
			ds = append(ds, g.Distance)
		}
		changed = changed || g.Changed
	}
	d, other := prevailing(ds)
	return d, changed || other
}

// row measures a case, and its limit in turn with it.
func (o Options) row(ctx context.Context, c Case) (Result, error) {
	group, err := withCases([]Case{c}, c.Limit)
	if err != nil {
		return Result{}, err
	}
	reps, note, err := o.alternate(ctx, group)
	if errors.Is(err, ErrUnavailable) {
		return Result{Case: c.Name, PayloadBytes: c.Payload, Skipped: err.Error()}, nil
	}
	if err != nil {
		return Result{}, err
	}
	r := summarize(c, reps[0], reps[1:])
	r.Note = note
	return r, nil
}

// goal measures a case in turn with what it is held against.
func (o Options) goal(ctx context.Context, g Goal) (GoalResult, error) {
	var or []string
	if g.Or != "" {
		or = []string{g.Or}
	}
	group, err := withCases(nil, slices.Concat([]string{g.Case}, g.Against, g.Beside, or))
	if err != nil {
		return GoalResult{}, err
	}
	probed := len(allowed) >= 2 && group[0].Kind != Shell
	if probed {
		if group, err = withCases(group, []string{probe}); err != nil {
			return GoalResult{}, err
		}
	}
	reps, _, err := o.alternate(ctx, group)
	if errors.Is(err, ErrUnavailable) {
		r := g.result()
		r.Skipped = err.Error()
		return r, nil
	}
	if err != nil {
		return GoalResult{}, err
	}
	var f figures
	if probed {
		f.distance, f.changed = keepPrevailing(reps)
	}
	f.ns = median(times(reps[0]))
	for i := range g.Against {
		f.against = append(f.against, median(times(reps[1+i])))
	}
	for i := range g.Beside {
		f.beside = append(f.beside, median(times(reps[1+len(g.Against)+i])))
	}
	if g.Or != "" {
		f.or = median(times(reps[1+len(g.Against)+len(g.Beside)]))
	}
	var send, receive []float64
	for _, r := range reps[0] {
		send, receive = append(send, r.sendAllocs), append(receive, r.receiveAllocs)
	}
	f.sendAllocs, f.receiveAllocs = median(send), median(receive)
	return g.judge(f), nil
}

// withCases adds the named cases to cs.
func withCases(cs []Case, names []string) ([]Case, error) {
	for _, n := range names {
		c, err := find(Cases(), n)
		if err != nil {
			return nil, err
		}
		cs = append(cs, c)
	}
	return cs, nil
}

// alternate sets up all cases and has them take turns, and returns the repetitions of
// each and what is to be noted of the first.
func (o Options) alternate(ctx context.Context, cs []Case) (reps [][]rep, note string, err error) {
	setups := make([]*Setup, 0, len(cs))
	defer func() {
		for _, s := range slices.Backward(setups) {
			err = errors.Join(err, s.Close())
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()
	ns := make([]int, len(cs))
	for i, c := range cs {
		s, err := Open(ctx, c)
		if err != nil {
			return nil, "", err
		}
		setups = append(setups, s)
		d := o.Time
		if i > 0 && c.Name == probe {
			d = min(d, probeTime)
		}
		if ns[i], err = s.Calibrate(ctx, d); err != nil {
			return nil, "", err
		}
	}
	reps = make([][]rep, len(cs))
	for range o.Repetitions {
		for i, s := range setups {
			r, err := s.repeat(ctx, ns[i], i == 0)
			if err != nil {
				return nil, "", err
			}
			reps[i] = append(reps[i], r)
		}
	}
	return reps, setups[0].Note(), nil
}

// repeat is one repetition. A closed loop is run a second time, shorter, to time its
// operations one by one: reading the clock in between costs as much as a tenth of the
// fastest.
func (s *Setup) repeat(ctx context.Context, n int, percentiles bool) (rep, error) {
	sample, err := s.Run(ctx, n, false)
	if err != nil {
		return rep{}, err
	}
	r := rep{
		ns:            perOp(int64(sample.Elapsed), sample.Ops),
		hist:          sample.hist,
		sendAllocs:    float64(sample.SendAllocs) / float64(sample.Ops),
		receiveAllocs: float64(sample.ReceiveAllocs) / float64(sample.Ops),
	}
	if percentiles && s.c.Kind == RoundTrip {
		sample, err = s.Run(ctx, max(n/4, 1), true)
		r.hist = sample.hist
	}
	return r, err
}

const (
	// probeTime is how long a look at the distance takes at most.
	probeTime = 5 * time.Millisecond
	// seqLines is how many lines the pipelines move in DefaultTime's place: a number
	// that makes their start not count.
	seqLines = 20_000_000
	maxOps   = 1 << 30
)

// Calibrate returns a number of operations that take about d.
func (s *Setup) Calibrate(ctx context.Context, d time.Duration) (int, error) {
	switch s.c.Kind {
	case OpenLoop:
		return max(1, int(s.c.Rate*d.Seconds())), nil
	case Memory:
		return 1, nil
	case Shell:
		return max(1, int(seqLines*min(1, float64(d)/float64(DefaultTime)))), nil
	}
	for n := 1; ; {
		sample, err := s.Run(ctx, n, false)
		if err == nil && sample.Elapsed > d/2 {
			// Once more: if another process had the cores, so few operations would
			// not be worth their repetitions.
			var again Sample
			if again, err = s.Run(ctx, n, false); again.Elapsed < sample.Elapsed {
				sample = again
			}
		}
		if err != nil {
			return 0, err
		}
		took := max(sample.Elapsed, 1)
		more := float64(d) / float64(took)
		if more <= 2 || n >= maxOps {
			return max(1, int(float64(sample.Ops)*more)), nil
		}
		// The first few are slower than those that follow: grow step by step.
		n = max(sample.Ops+1, int(float64(sample.Ops)*min(100, more*0.7)))
	}
}
