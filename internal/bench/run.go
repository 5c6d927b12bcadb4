package bench

import "time"

// Defaults of Options.
const (
	DefaultTime        = 300 * time.Millisecond
	DefaultRepetitions = 5
)

// Options say what to measure, and how long.
type Options struct {
	// Cases are the rows; each is measured in turn with its limit.
	Cases []Case
	// Goals are measured too, in turn with what they are against.
	Goals []Goal
	// Time is how long a repetition takes, about. Default DefaultTime.
	Time time.Duration
	// Repetitions is how often a row is measured. Default DefaultRepetitions.
	Repetitions int
	// Row is called with each row as soon as it is there. It may be nil. Its error
	// ends the run.
	Row func(Result) error
	// Goal is called with each goal. It may be nil. Its error ends the run.
	Goal func(GoalResult) error
}

func (o Options) withDefaults() Options {
	if o.Time <= 0 {
		o.Time = DefaultTime
	}
	if o.Repetitions <= 0 {
		o.Repetitions = DefaultRepetitions
	}
	if o.Row == nil {
		o.Row = func(Result) error { return nil }
	}
	if o.Goal == nil {
		o.Goal = func(GoalResult) error { return nil }
	}
	return o
}
