package crew

import "github.com/shmq/shmq/consumer"

// settle acknowledges what a job has done and releases the rest. An error ends the crew.
func (c *Crew) settle(j *job) error {
	c.running.Add(-1)
	c.Failed += j.failed
	if len(j.done) == 1 {
		j.done[0].lease.Ack()
	} else if len(j.done) > 1 {
		ls := make([]consumer.Lease, len(j.done))
		for i, r := range j.done {
			ls[i] = r.lease
		}
		j.done[0].from.AckBatch(ls)
	}
	for _, r := range j.records {
		r.lease.Release()
	}
	// Otherwise those behind it are released, too.
	if j.key.key != "" && j.err == nil && c.broken == nil && c.ctx.Err() == nil {
		c.next(j.key)
	}
	if c.ctx.Err() != nil {
		return nil // the crew ends for another reason
	}
	return j.err
}
