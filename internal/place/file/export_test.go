package file

import "testing"

// SetAfterLink has f called when a new queue has just got its name.
func SetAfterLink(t testing.TB, f func()) {
	afterLink = f
	t.Cleanup(func() { afterLink = func() {} })
}
