package seat

import "testing"

// SetBeforeTake has f called when a participant of this process is about to take a role.
func SetBeforeTake(t *testing.T, f func()) {
	beforeTake = f
	t.Cleanup(func() { beforeTake = func() {} })
}
