package producer

// Sync returns when all that is in the queue at this moment, from this producer and all
// others, is on stable storage. Several that sync at a time share the work. It does not
// hold up those that send and receive. In a filesystem in memory it does nothing.
//
// Errors: shmq.ErrClosed; shmq.ErrSync, with shmq.ErrTruncated if the file was cut, which
// takes what was in the queue. Otherwise the queue is as it was then, for all that are
// attached and those to come; what is not known is how much of it a crash of the machine
// would leave. The next Sync writes everything once more.
func (p *Raw) Sync() error {
	if p.durable != nil && !p.end.Left() {
		return p.durable.sync()
	}
	return p.end.Sync()
}

// StartSync starts what Sync does and does not wait for it: the kernel begins to write
// what has changed. It says nothing about when, or whether, that is on stable storage;
// a Sync some time later has less to wait for. Errors: as Sync.
func (p *Raw) StartSync() error { return p.end.StartSync() }
