package producer

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/shmq/shmq"
	"github.com/shmq/shmq/internal/attach"
)

// durable keeps a producer's promise of when its records are on the disk. Its methods
// are for the producer's goroutine; the timer has one of its own, while it fires.
type durable struct {
	att    *attach.Participant
	policy Durability

	mu     sync.Mutex
	sent   uint64      // records, ever
	synced uint64      // of those, so many are known to be on the disk
	timer  *time.Timer // nil, or it waits for the oldest record that was sent since it was nil
	firing sync.WaitGroup
	failed error // of a sync by the timer, for the next call
}

// newDurable returns nil where nothing is asked for. Error: shmq.ErrOption.
func newDurable(att *attach.Participant, policy Durability) (*durable, error) {
	if policy == (Durability{}) {
		return nil, nil
	}
	if !att.Checksum() {
		return nil, fmt.Errorf("%w: durability %v, but the queue was made without checksums, so a crash would leave nothing that can be trusted; leave it out, or remove the queue and make it with checksums (shmq create --checksum)", shmq.ErrOption, policy)
	}
	return &durable{att: att, policy: policy}, nil
}

// add notes n records that are in the queue now, and syncs if that is due. The error
// may be the timer's, about earlier ones.
func (d *durable) add(n int) error {
	d.mu.Lock()
	d.sent += uint64(n)
	err := d.failed
	d.failed = nil
	due := d.policy.Every > 0 && d.sent-d.synced >= uint64(d.policy.Every)
	if !due && d.policy.Within > 0 && d.timer == nil {
		d.firing.Add(1)
		d.timer = time.AfterFunc(d.policy.Within, d.fire)
	}
	d.mu.Unlock()
	if !due {
		return err
	}
	return errors.Join(err, d.sync())
}

// mark notes that the queue changed without a record.
func (d *durable) mark() {
	d.mu.Lock()
	d.sent++
	d.mu.Unlock()
}

// fire syncs because a record has waited for long enough.
func (d *durable) fire() {
	defer d.firing.Done()
	if err := d.sync(); err != nil {
		d.mu.Lock()
		d.failed = err
		d.mu.Unlock()
	}
}

// sync syncs what was sent until now. A send meanwhile starts a timer anew.
func (d *durable) sync() error {
	d.mu.Lock()
	upTo := d.sent
	d.stopTimer()
	d.mu.Unlock()
	if err := d.att.Sync(); err != nil {
		return err
	}
	d.mu.Lock()
	d.synced = max(d.synced, upTo)
	d.mu.Unlock()
	return nil
}

func (d *durable) stopTimer() {
	if d.timer != nil && d.timer.Stop() {
		d.firing.Done() // it never fires
	}
	d.timer = nil
}

// close syncs what is not synced. Afterwards the participant is not used any more.
func (d *durable) close() error {
	d.mu.Lock()
	d.stopTimer()
	d.mu.Unlock()
	d.firing.Wait()
	d.mu.Lock() // a Sync of another goroutine may be at its end
	err, synced := d.failed, d.synced == d.sent
	d.mu.Unlock()
	if !synced {
		err = errors.Join(err, d.sync())
	}
	return err
}
