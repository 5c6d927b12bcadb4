package shmq

import "testing"

// SetBeforeUnname has f called between the last look at a name and its removal.
func SetBeforeUnname(t testing.TB, f func()) {
	beforeUnname = f
	t.Cleanup(func() { beforeUnname = func() {} })
}

// FailedSync makes a as it is after a Sync that failed and could not be made up for.
func FailedSync(a *Attachment) { a.unsure = true }

// SetAfterLink has f called when a new queue has just got its name.
func SetAfterLink(t testing.TB, f func()) {
	afterLink = f
	t.Cleanup(func() { afterLink = func() {} })
}

// BeforeLocks has f called when somebody in this process is about to take a role.
func BeforeLocks(t *testing.T, f func()) {
	beforeLocks = f
	t.Cleanup(func() { beforeLocks = func() {} })
}
