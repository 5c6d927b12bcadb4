package crew

import "github.com/shmq/shmq/consumer"

// laneKey is a key of the records of one queue.
type laneKey struct {
	from *consumer.Raw
	key  string
}

// lane is the records of one key while one of its jobs is at work.
type lane struct{ parked []*Record }

// queueUp starts a job with a record, or parks it behind the job that has its key.
func (c *Crew) queueUp(key laneKey, r *Record) {
	if l := c.lanes[key]; l != nil {
		l.parked = append(l.parked, r)
		c.parked++
		return
	}
	c.lanes[key] = &lane{}
	c.start(&job{records: []*Record{r}, key: key})
}

// next goes on with a key whose job has ended.
func (c *Crew) next(key laneKey) {
	l := c.lanes[key]
	n := min(len(l.parked), c.Batch)
	if n == 0 {
		delete(c.lanes, key)
		return
	}
	j := &job{records: l.parked[:n:n], key: key}
	l.parked = l.parked[n:]
	c.parked -= n
	c.start(j)
}

// releaseParked gives back what no job has begun with.
func (c *Crew) releaseParked() {
	if c.parked == 0 {
		return
	}
	for _, l := range c.lanes {
		for _, r := range l.parked {
			r.lease.Release()
		}
		l.parked = nil
	}
	c.parked = 0
}
