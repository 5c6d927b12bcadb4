package worker

import (
	"io"
	"sync"
)

// lastBytes is how much of a command's standard error is kept for a dead letter.
const lastBytes = 4 << 10

// lastLines passes on what a command writes to standard error, and keeps the end of it.
type lastLines struct {
	to io.Writer

	mu  sync.Mutex
	buf []byte
}

// Write never fails: a receiver whose standard error is closed is no reason for a command
// to fail.
func (l *lastLines) Write(b []byte) (int, error) {
	_, _ = l.to.Write(b)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, b...)
	if over := len(l.buf) - 2*lastBytes; over > 0 {
		l.buf = append(l.buf[:0], l.buf[len(l.buf)-lastBytes:]...)
	}
	return len(b), nil
}

func (l *lastLines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.buf)
}
