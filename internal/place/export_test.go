package place

import "testing"

// SetBeforeUnname has f called between the last question for a name and its removal.
func SetBeforeUnname(t testing.TB, f func()) {
	beforeUnname = f
	t.Cleanup(func() { beforeUnname = func() {} })
}
