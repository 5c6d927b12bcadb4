package producer

// CreationID returns the creation id of the queue, as shmq.Info has it. It tells queues
// apart whatever names lead to them.
func (p *Raw) CreationID() string { return p.end.CreationID() }
