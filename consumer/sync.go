package consumer

import "github.com/shmq/shmq"

// Sync returns when the queue as it is now is on stable storage: what this consumer has
// acknowledged does not come again, whatever happens to the machine. See
// shmq.Attachment.Sync. Errors: shmq.ErrSync, with shmq.ErrTruncated if the file was cut;
// shmq.ErrClosed.
func (c *Raw) Sync() error {
	if c.closed {
		return c.fail(shmq.ErrClosed)
	}
	return c.att.Sync()
}

// StartSync starts to write the queue to stable storage, and does not wait for it; see
// shmq.Attachment.StartSync. Errors: as Sync.
func (c *Raw) StartSync() error {
	if c.closed {
		return c.fail(shmq.ErrClosed)
	}
	return c.att.StartSync()
}
