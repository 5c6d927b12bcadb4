package producer

import "github.com/shmq/shmq"

// Sync returns when all that is in the queue, from this producer and all others, is on
// stable storage; see shmq.Attachment.Sync. Errors: shmq.ErrSync, with shmq.ErrTruncated
// if the file was cut; shmq.ErrClosed.
func (p *Raw) Sync() error {
	if p.closed {
		return p.fail(shmq.ErrClosed)
	}
	if p.durable != nil {
		return p.durable.sync()
	}
	return p.att.Sync()
}

// StartSync starts to write what is in the queue to stable storage, and does not wait
// for it; see shmq.Attachment.StartSync. Errors: as Sync.
func (p *Raw) StartSync() error {
	if p.closed {
		return p.fail(shmq.ErrClosed)
	}
	return p.att.StartSync()
}
