package producer

// Guard runs f, which may access what Reserve returned, and makes a fault there an error:
// shmq.ErrTruncated if the file was cut, else shmq.ErrNoSpace. The producer can only be
// closed then: what f was doing is left half done. Otherwise it returns what f does.
// Faults in other memory, and other panics, go through. A system call that is given such
// memory does not fault, but fails with EFAULT.
func (p *Raw) Guard(f func() error) error { return p.end.Guard(f) }
