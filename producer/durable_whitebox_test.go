package producer

// Synced reports whether all that was sent is known to be on the disk.
func Synced(p *Raw) bool {
	p.durable.mu.Lock()
	defer p.durable.mu.Unlock()
	return p.durable.synced == p.durable.sent
}

// Ticking reports whether a timer waits for a record.
func Ticking(p *Raw) bool {
	p.durable.mu.Lock()
	defer p.durable.mu.Unlock()
	return p.durable.timer != nil
}
