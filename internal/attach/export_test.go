package attach

// FailedSync makes a as it is after a Sync that failed and could not be made up for.
func FailedSync(a *Participant) { a.unsure = true }
