package gate

import "time"

// SetPatience changes for how long one waits at the gate, until undo.
func SetPatience(d time.Duration) (undo func()) {
	was := patience
	patience = d
	return func() { patience = was }
}
