package shmq

// Counters are what a participant has counted since it attached. They are those that
// Stat shows of it. The field names in JSON are those of Participant.
type Counters struct {
	Records     uint64 `json:"records"` // sent, or acknowledged
	Bytes       uint64 `json:"bytes"`   // payload of those
	Waits       uint64 `json:"waits"`   // times it went to sleep
	Wakes       uint64 `json:"wakes"`   // sleepers it woke
	Redelivered uint64 `json:"redelivered"`
}

// Report returns the counters; after Detach, the last ones, and after
// the file was cut, those of the last Report. It may be called by any
// goroutine at any time and does not disturb the one at work. Each number is of a
// slightly different moment.
func (a *Attachment) Report() Counters {
	a.reporting.Lock()
	defer a.reporting.Unlock()
	if a.mem != nil {
		// If the file was cut, the numbers before that are what there is.
		_ = touch(a.probe, a.mem, func() error {
			if now := a.report(); !a.Hit() {
				a.last = now
			}
			return nil
		})
	}
	return a.last
}

func (a *Attachment) report() Counters {
	c := a.ring.Seat(a.seat).Report()
	return Counters{Records: c.Records, Bytes: c.Bytes, Waits: c.Waits, Wakes: c.Wakes, Redelivered: c.Redelivered}
}
