package consumer

// CreationID returns the creation id of the queue, as shmq.Info has it. It tells queues
// apart whatever names lead to them.
func (c *Raw) CreationID() string { return c.end.CreationID() }
