package shmq

import "time"

// SetGatePatience changes for how long one waits at the gate, until undo.
func SetGatePatience(d time.Duration) (undo func()) {
	was := gatePatience
	gatePatience = d
	return func() { gatePatience = was }
}
