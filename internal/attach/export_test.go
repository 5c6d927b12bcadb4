package attach

import "time"

// FailedSync makes a as it is after a Sync that failed and could not be made up for.
func FailedSync(a *Participant) { a.unsure = true }

// SetClosePatience sets how long Close waits, and returns what sets it back.
func SetClosePatience(d time.Duration) (undo func()) {
	was := closePatience
	closePatience = d
	return func() { closePatience = was }
}
